"""No secret lies in anything that a run on Slurm leaves, but in the key's own file while the job runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import leaks
import pytest
import warm
from slurm_cluster import Cluster

from tltpipe import seal

KEY = "key-kq7wz"
SECRETS = {"TLTPIPE_KEY": "other-4hd8s", "AWS_SECRET_ACCESS_KEY": "aws-p2m6x", "AWS_ACCESS_KEY_ID": "id-9vfu3"}
PROGRAM = """#!/bin/sh
# Says all that it can see but its command line, which it leaves in a file, and ends with the status in "go".
env; export -p; echo listed
while [ ! -s go ]; do sleep 0.05; done
printf '%s\\n' "$@" >arguments
if [ "$(cat go)" = 0 ]; then mkdir -p output/weights; touch output/weights/yolox_nano_epoch_001.tlt; fi
exit "$(cat go)"
"""
SETTINGS = """
runner: slurm
network: yolox
yolox: {{num_epochs: 1}}
slurm: {{cpus: 1, memory: 100M, python: {python}}}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace to train in, whose ``tlt-train`` on the nodes is PROGRAM."""
    folder = tmp_path_factory.mktemp("workspace")
    environment = folder.with_name(f"{folder.name}-environment")
    environment.mkdir()
    (environment / "python").symlink_to(sys.executable)
    (environment / "tlt-train").write_text(PROGRAM)
    (environment / "tlt-train").chmod(0o755)
    (folder / "tltpipe.yaml").write_text(SETTINGS.format(python=environment / "python"))
    for words in (["sample", "--train", "6", "--validation", "3", "--size", "64"], ["prepare"]):
        subprocess.run([*warm.command("tltpipe"), *words], cwd=folder, check=True, capture_output=True)
    return folder


def running_job(workspace: Path, terminal: subprocess.Popen[str]) -> Path:
    """The folder of the job that has listed what it sees, once it has."""
    end = time.monotonic() + 30
    while time.monotonic() < end and terminal.poll() is None:
        for log in (workspace / ".tltpipe" / "jobs").glob("*/log"):
            if "listed" in log.read_text() and not (log.parent / "status.json").exists():
                return log.parent
        time.sleep(0.05)
    raise AssertionError(terminal.communicate()[0])


@pytest.mark.parametrize("code", [3, 0])
def test_no_secret_is_left_by_a_job(cluster: Cluster, workspace: Path, code: int) -> None:
    (workspace / "go").unlink(missing_ok=True)
    sealed = seal.user_key().hex()
    known = [KEY, sealed, *SECRETS.values()]
    words = [*warm.command("tltpipe"), "train", "--key", KEY]
    with subprocess.Popen(
        words, cwd=workspace, env={**os.environ, **SECRETS}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as terminal:
        job = running_job(workspace, terminal)
        held = leaks.holding(known, workspace, cluster.root)
        assert held == {KEY: [str(job / "key")], sealed: [str(job / "seal.key")]}
        modes = [(job / name).stat().st_mode & 0o777 for name in ("", "key", "seal.key")]
        assert modes == [0o700, 0o600, 0o600]
        (workspace / "go").write_text(f"{code}")
        printed, _ = terminal.communicate(timeout=60)
    assert terminal.returncode == (1 if code else 0), printed
    assert not any(secret in printed for secret in known)
    assert KEY in (workspace / "arguments").read_text().split()
    (workspace / "arguments").unlink()
    assert leaks.holding(known, workspace, cluster.root) == {}
