"""Where a process stands, by the variables of whoever started it."""

from __future__ import annotations

import pytest

from runtime.machine import cluster
from runtime.machine.cluster import Cluster
from tltpipe.errors import UsageError

OURS = {"NODE_RANK": "1", "MASTER_ADDR": "n1", "MASTER_PORT": "2900"}
TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "x", "GROUP_WORLD_SIZE": "2", "GROUP_RANK": "1", "LOCAL_WORLD_SIZE": "1", "LOCAL_RANK": "0",
    "RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "n1", "MASTER_PORT": "2900",
}  # fmt: skip
STEP = {
    "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "n[1-2]",
    "SLURM_NODEID": "1", "SLURM_PROCID": "1", "SLURM_LOCALID": "0", "SLURM_JOB_ID": "10007",
}  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "environment", "expected"),
    [
        (None, STEP | OURS, Cluster()),
        (1, STEP | OURS, Cluster()),
        (2, OURS, Cluster(2, 1, address="n1", port=2900)),
        (2, OURS | {"NNODES": "2", "WORLD_SIZE": "16"}, Cluster(2, 1, address="n1", port=2900)),
        (2, OURS | {"WORLD_SIZE": "2", "NUM_GPU_PER_NODE": "8"}, Cluster(2, 1, address="n1", port=2900)),
        (None, TORCHRUN, Cluster(2, 1, address="n1", port=2900, launcher="torchrun")),
        (2, TORCHRUN | STEP | {"SLURM_NODEID": "0"}, Cluster(2, 1, address="n1", port=2900, launcher="torchrun")),
        (
            None,
            TORCHRUN | {"LOCAL_WORLD_SIZE": "4", "LOCAL_RANK": "3", "RANK": "7", "WORLD_SIZE": "8"},
            Cluster(2, 1, 3, 4, "n1", 2900, "torchrun"),
        ),
        (None, TORCHRUN | {"GROUP_WORLD_SIZE": "1", "GROUP_RANK": "0", "RANK": "0", "WORLD_SIZE": "1"}, Cluster()),
        (
            None,
            TORCHRUN | {"GROUP_WORLD_SIZE": "1", "GROUP_RANK": "0", "LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": "1"},
            Cluster(1, 0, 1, 2, "n1", 2900, "torchrun"),
        ),
        (
            None,
            TORCHRUN | {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "3"},
            Cluster(2, 1, 0, None, "n1", 2900, "torchrun", hosted=True, restart=3),
        ),
        (2, STEP, Cluster(2, 1, address="n1", port=20007, launcher="srun")),
        (2, STEP | {"SLURM_STEP_NODELIST": "gpu[03-05,9]-x,a"}, Cluster(2, 1, 0, None, "gpu03-x", 20007, "srun")),
        (2, STEP | {"SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "2"}, Cluster(2, 1, 2, 4, "n1", 20007, "srun")),
        # A worker of Ray within a job of Slurm: its node was started by a step of one node.
        (2, STEP | OURS | {"SLURM_STEP_NUM_NODES": "1", "SLURM_NODEID": "0"}, Cluster(2, 1, address="n1", port=2900)),
        (2, {"JOB_COMPLETION_INDEX": "1", "MASTER_ADDR": "j-0"}, Cluster(2, 1, 0, None, "j-0", 29500, "Kubernetes")),
    ],
)  # fmt: skip
def test_where_a_process_stands(nodes: int | None, environment: dict[str, str], expected: Cluster) -> None:
    assert cluster.read(nodes, gpus=8, environment=environment) == expected
    assert cluster.is_lead(nodes, environment) == (expected.node == expected.local == 0)


@pytest.mark.parametrize(
    ("nodes", "environment", "named"),
    [
        (2, {"MASTER_ADDR": "n1"}, "which of them"),
        (2, {"NODE_RANK": "0"}, "MASTER_ADDR"),
        (2, OURS | {"NODE_RANK": "2"}, "NODE_RANK is 2"),
        (2, OURS | {"NODE_RANK": "one"}, "NODE_RANK"),
        (2, OURS | {"MASTER_PORT": "70000"}, "MASTER_PORT"),
        (2, OURS | {"NNODES": "4"}, "NNODES is 4"),
        (2, OURS | {"WORLD_SIZE": "4", "NUM_GPU_PER_NODE": "8"}, "WORLD_SIZE is 4"),
        (2, OURS | {"WORLD_SIZE": "2", "NUM_GPU_PER_NODE": "4"}, "NUM_GPU_PER_NODE is 4"),
        (2, STEP | {"NODE_RANK": "0"}, "NODE_RANK is 0, SLURM_NODEID is 1"),
        (2, STEP | {"SLURM_STEP_NUM_TASKS": "3"}, "3 tasks"),
        (4, STEP, "which of them"),
        (4, TORCHRUN, "torchrun runs 2"),
        (None, TORCHRUN | {"RANK": "3", "WORLD_SIZE": "5"}, "other numbers"),
        (None, {name: value for name, value in TORCHRUN.items() if name != "RANK"}, "RANK"),
    ],
)
def test_what_contradicts_itself(nodes: int | None, environment: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError, match=named) as refusal:
        cluster.read(nodes, gpus=8, environment=environment)
    assert refusal.value.hint


def test_a_sibling_reads_what_its_first_process_wrote() -> None:
    first = Cluster(2, 1, address="n1", port=2900, launcher="srun")
    environment = STEP | TORCHRUN | cluster.variables(first, 3) | {cluster.SIBLING: "5"}
    assert cluster.read(2, environment=environment) == Cluster(2, 1, 3, address="n1", port=2900, sibling=True)
    assert cluster.read(2, environment=environment).rank(4) == 7
