"""No secret of a program that uses a cluster lies in what that keeps, or shows to others."""

from __future__ import annotations

import os
import subprocess
import sys

import leaks
import pytest
import ray_cluster

pytestmark = pytest.mark.ray

KEY = "key-w8zjt"
SECRETS = {"TLTPIPE_KEY": "other-c5rqx", "AWS_SECRET_ACCESS_KEY": "aws-e7ynu", "AWS_ACCESS_KEY_ID": "id-b3khv"}
PROGRAM = """
import os, sys
from tltpipe import ray_cluster
ray = ray_cluster.connect(ray_cluster.address(sys.argv[1]))
from ray._private import state
seen = ray.get(ray.remote(lambda: dict(os.environ)).remote())
print([job["Entrypoint"] for job in state.jobs()], seen)
"""
"""Prints what others see of it, and what its workers do."""


def test_no_secret_is_left_on_the_cluster(cluster: ray_cluster.Cluster) -> None:
    words = [sys.executable, "-c", PROGRAM, cluster.address, "--key", KEY]
    shown = subprocess.run(words, env={**os.environ, **SECRETS}, capture_output=True, text=True, check=True).stdout
    known = [KEY, *SECRETS.values()]
    assert "tltpipe" in shown
    assert [secret for secret in known if secret in shown] == []
    assert leaks.holding(known, cluster.folder) == {}
