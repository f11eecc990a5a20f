"""The section "ray" of tltpipe.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, MinLen

from orchestrator.settings import STRICT


@dataclass(frozen=True, kw_only=True)
class Ray:
    """How a Ray cluster is used that runs already (docs/scale.md)."""

    __pydantic_config__: ClassVar = STRICT

    address: Annotated[str, MinLen(1)] | None = None
    """HOST:PORT of the cluster, as `ray start --head` shows it. Required: no cluster is used because it is there."""
    trusted: bool = False
    """Use a cluster without RAY_AUTH_MODE=token that other machines reach, all of which can run programs on it."""
    cpus: Annotated[float, Gt(0)] | None = None
    """CPUs that a training reserves on each node (default: all of a node; with GPUs its share, as of these)."""
    resources: Mapping[str, Annotated[float, Gt(0)]] = field(default_factory=dict)
    """Further resources that a training needs on each node, by the names that the cluster has for them."""
    wait: Annotated[float, Ge(0)] = 300.0
    """Seconds to wait for nodes that are missing or busy."""
    restarts: Annotated[int, Ge(0)] = 3
    """How often a training starts again from its checkpoint when a node was lost."""
    interface: Annotated[str, MinLen(1)] | None = None
    """Network interface for the traffic between nodes (default: chosen by the library)."""
