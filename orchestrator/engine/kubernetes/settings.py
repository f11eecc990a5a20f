"""The section "kubernetes" of tltpipe.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, MinLen

from orchestrator.settings import STRICT


@dataclass(frozen=True, kw_only=True)
class Kubernetes:
    """What `tltpipe render kubernetes` puts into manifests (docs/scale.md)."""

    __pydantic_config__: ClassVar = STRICT

    namespace: Annotated[str, MinLen(1)] | None = None
    """Namespace (default: that of kubectl's context)."""
    volume: Annotated[str, MinLen(1)] = "tltpipe"
    """PersistentVolumeClaim that holds the workspace; every node must be able to mount it."""
    folder: str | None = None
    """Folder of the workspace in the volume (default: its top)."""
    secret: Annotated[str, MinLen(1)] = "tltpipe"
    """Secret with the files key and seal.key."""
    pull_secret: Annotated[str, MinLen(1)] | None = None
    """Secret with the log-in of the image's registry (default: none)."""
    ray_image: Annotated[str, MinLen(1)] | None = None
    """Image of the Ray clusters of data stages: ours, built with --extras ray (default: the image of our programs)."""
    ray_version: Annotated[str, MinLen(1)] = "2.60.0"
    """Version of Ray in that image."""
    user: Annotated[int, Ge(0)] | None = None
    """User id of the processes (default: yours)."""
    group: Annotated[int, Ge(0)] | None = None
    """Group id of the processes (default: yours)."""
    cpus: Annotated[int, Ge(1)] = 4
    """CPUs of each pod."""
    memory: Annotated[str, MinLen(1)] = "16Gi"
    """Memory of each pod."""
    shared_memory: Annotated[str, MinLen(1)] = "8Gi"
    """Upper bound of /dev/shm, where data loaders hand over batches; it counts as memory of the pod."""
    gpu: Annotated[str, MinLen(1)] = "nvidia.com/gpu"
    """What the cluster calls its GPUs."""
    retries: Annotated[int, Ge(0)] = 3
    """How often a pod that was lost or killed is started again."""
    keep: Annotated[int, Ge(0)] = 3600
    """Seconds after the end of a Ray job for which it can still be looked at."""
