"""No secret lies in anything that a run on Slurm leaves, but in the key's own file while the job runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import leaks
import pytest
import warm
from slurm_cluster import Cluster
from waiting_jobs import waiting_job

from tltpipe import seal

KEY = "key-kq7wz"
SECRETS = {"TLTPIPE_KEY": "other-4hd8s", "AWS_SECRET_ACCESS_KEY": "aws-p2m6x", "AWS_ACCESS_KEY_ID": "id-9vfu3"}


@pytest.mark.parametrize("code", [3, 0])
def test_no_secret_is_left_by_a_job(cluster: Cluster, waiting: Path, code: int) -> None:
    sealed = seal.user_key().hex()
    known = [KEY, sealed, *SECRETS.values()]
    words = [*warm.command("tltpipe"), "train", "--key", KEY]
    with subprocess.Popen(
        words, cwd=waiting, env={**os.environ, **SECRETS}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as terminal:
        job = waiting_job(waiting, terminal)
        held = leaks.holding(known, waiting, cluster.root)
        assert held == {KEY: [str(job / "key")], sealed: [str(job / "seal.key")]}
        modes = [(job / name).stat().st_mode & 0o777 for name in ("", "key", "seal.key")]
        assert modes == [0o700, 0o600, 0o600]
        (waiting / "go").write_text(f"{code}")
        printed, _ = terminal.communicate(timeout=60)
    assert terminal.returncode == (1 if code else 0), printed
    assert not any(secret in printed for secret in known)
    assert KEY in (waiting / "arguments").read_text().split()
    (waiting / "arguments").unlink()
    assert leaks.holding(known, waiting, cluster.root) == {}
