"""The cluster of the tests is a real one: two nodes, two GPUs each."""

from __future__ import annotations

import pytest
from slurm_cluster import Cluster

pytestmark = pytest.mark.slurm


def test_two_nodes_run_a_job_each_with_its_gpu(cluster: Cluster) -> None:
    words = ["sh", "-c", "echo $SLURMD_NODENAME $SLURM_NODEID $CUDA_VISIBLE_DEVICES"]
    assert sorted(cluster.run("srun", "-N2", "--gres=gpu:1", *words).splitlines()) == ["n1 0 0", "n2 1 0"]
