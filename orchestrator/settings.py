"""The settings of tltpipe.yaml that are not a spec's: the fields are the keys, the text below each is its help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Lt, MinLen

_STRICT = {"extra": "forbid", "use_attribute_docstrings": True}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The keys at the top."""

    __pydantic_config__: ClassVar = _STRICT

    network: str = "ssd"
    """What to train; its own settings stand in the section of the same name."""
    toolkit: str = "embedded"
    """Whose programs work: embedded (our own), or tlt2 (NVIDIA TLT 2.0, in its container)."""
    runner: str = "local"
    """Where they work: local (this machine), docker, or dry (nowhere: shows what would run)."""
    image: str | None = None
    """Container image; null is the toolkit's own."""
    gpu_request: Literal["auto", "runtime", "device", "none"] = "auto"
    """How a container asks for GPUs: runtime (the nvidia runtime), device (a device request), none, or auto."""
    gpus: Annotated[int, Ge(0)] = 1
    """GPUs to train on. Our own programs train on the CPU, and say so, where there is none."""
    threshold: Annotated[float, Gt(0), Lt(1)] = 0.3
    """Score from which infer draws and writes an object."""
    key: str | None = field(default=None, repr=False)
    """Key that NVIDIA's programs encrypt models with. Better given as --key or in TLTPIPE_KEY."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """Where the raw data lies."""

    __pydantic_config__: ClassVar = _STRICT

    root: Annotated[str, MinLen(1)] = "Original-Data"
    """Folder in the workspace that holds one folder a split, each with image/ and annos/ as DeepFashion2 has them."""
    splits: Annotated[Sequence[str], MinLen(1)] = field(default_factory=lambda: ["train", "validation"])
    """The split to train on, then the one to validate on, if there is one."""
    skip_bad: bool = False
    """Leave out pictures that cannot be used, and list them, instead of stopping at the first."""


SECRETS = ("key",)
"""Settings that no receipt, log or screen may show."""
