"""The section "slurm" of tltpipe.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, MinLen

from orchestrator.settings import STRICT


@dataclass(frozen=True, kw_only=True)
class Slurm:
    """How jobs are submitted to Slurm (docs/scale.md)."""

    __pydantic_config__: ClassVar = STRICT

    partition: Annotated[str, MinLen(1)] | None = None
    """Partition (default: the cluster's)."""
    account: Annotated[str, MinLen(1)] | None = None
    """Account to charge (default: the user's)."""
    qos: Annotated[str, MinLen(1)] | None = None
    """Quality of service (default: the cluster's)."""
    time: Annotated[str, MinLen(1)] | None = None
    """Time limit of a job as Slurm spells it, "04:00:00" or "2-12" (default: the partition's)."""
    cpus: Annotated[int, Ge(1)] = 4
    """CPUs on each node."""
    memory: Annotated[str, MinLen(1)] | None = None
    """Memory on each node, "32G" (default: the partition's)."""
    gpu_type: Annotated[str, MinLen(1)] | None = None
    """Type of GPU as the cluster calls it (default: any)."""
    options: Sequence[str] = field(default_factory=list)
    """Further options of sbatch, each as a line of its own: "--constraint=a100"."""
    setup: Sequence[str] = field(default_factory=list)
    """Lines of shell before the program, on each node: "module load cuda". Jobs get nothing of the environment that
    they are submitted from."""
    python: Annotated[str, MinLen(1)] | None = None
    """Python interpreter on the nodes, beside which our programs lie (default: the path of this one)."""
    container: Literal["none", "apptainer", "pyxis"] = "none"
    """How programs run: none (in the environment of `python`), apptainer, or pyxis (srun --container-image)."""
    container_options: Sequence[str] = field(default_factory=list)
    """Further options of apptainer exec, or of srun with pyxis."""
    interface: Annotated[str, MinLen(1)] | None = None
    """Network interface for the traffic between nodes (default: chosen by the library)."""
    grace: Annotated[int, Ge(1)] = 120
    """Seconds before the time limit at which a job that can resume is asked to save a checkpoint, and is requeued."""
    restarts: Annotated[int, Ge(0)] = 20
    """How often a job that can resume is started again, after its time limit or the failure of a node."""
    parts: Annotated[int, Ge(1)] = 1
    """Parts of a split that augment works on at the same time, as an array of jobs."""
    array_limit: Annotated[int, Ge(1)] | None = None
    """Jobs of an array that run at the same time (default: as many as there is room for)."""
    ray_nodes: Annotated[int, Ge(1)] = 1
    """Nodes on which augment, tfrecords, evaluate and infer work: from 2, Ray is started on them for the job."""
