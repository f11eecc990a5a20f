"""The settings of tltpipe.yaml that all stages go by: the fields are the keys, the text below each is its help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

STRICT = {"extra": "forbid", "use_attribute_docstrings": True}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The keys at the top."""

    __pydantic_config__: ClassVar = STRICT

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
    image_size: tuple[int, int] | None = None
    """Size of the images that augment writes and the network takes: pixels of a side (300), or [width, height].
    Multiples of 32 fit best; null is 288."""
    model: Annotated[str, MinLen(1)] = "last"
    """The checkpoint that evaluate, infer, export and prune take: last, best (highest mAP in training), or its path."""
    threshold: Annotated[float, Gt(0), Lt(1)] = 0.3
    """Score from which infer draws and writes an object."""
    key: str | None = field(default=None, repr=False)
    """Key that NVIDIA's programs encrypt models with. Better given as --key or in TLTPIPE_KEY."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """Where the raw data lies, and what of it to take."""

    __pydantic_config__: ClassVar = STRICT

    root: Annotated[str, MinLen(1)] = "Original-Data"
    """Folder that holds the data set as it came, in whatever format."""
    format: str = "auto"
    """Its format (tltpipe convert --formats lists them); auto finds it."""
    images: str | None = None
    """Folder of the pictures where they lie apart from the annotations, from the workspace; null is beside these."""
    splits: Annotated[Sequence[str], MinLen(1)] = field(default_factory=lambda: ["train", "validation"])
    """The split to train on, then the one to validate on; val, valid and val2017 mean validation, too."""
    test: str | None = "test"
    """A split for a COCO file of its own that nothing is trained on. null leaves it alone."""
    prepared: str | None = None
    """Folder for the KITTI labels. null is beside the pictures where that can be written, else KITTI."""
    skip_bad: bool = False
    """Leave out pictures that cannot be used, and list them, instead of stopping at the first."""
    allow_loss: bool = False
    """Go on where a whole class or split is lost, instead of stopping."""
    classes: Sequence[str] = field(default_factory=list)
    """Keep these classes, in this order, by their new names if they are renamed; empty keeps all."""
    rename: Sequence[str] = field(default_factory=list)
    """Other names for classes, each as OLD=NEW; classes that get the same name are merged."""
    max_occlusion: Annotated[int, Ge(0), Le(2)] | None = None
    """Drop what is occluded more than this: 0 not at all, 1 partly, 2 largely."""
    min_size: Annotated[float, Ge(0)] = 0
    """Drop boxes with a side of fewer pixels."""
    max_zoom: Annotated[int, Ge(1), Le(3)] | None = None
    """Drop what is zoomed in more than this (DeepFashion2's 1 to 3)."""
    sources: Sequence[str] = field(default_factory=list)
    """Keep pictures of these sources only (DeepFashion2's user and shop)."""
    subset: Annotated[int, Ge(1)] | None = None
    """So many pictures of each split, chosen by their names: the same on every machine."""
    keep_empty: bool = False
    """Keep pictures that lost all their objects, as background."""
    crowd: Literal["keep", "drop"] = "keep"
    """Regions marked as crowd: keep (KITTI labels cannot mark them, so they train as ordinary boxes) or drop."""
    coordinates: Literal["pixels", "shares"] | None = None
    """What a format in pixels really holds: shares of the image's size are scaled. null takes pixels, but refuses a
    split in which all boxes are smaller than one."""


SECRETS = ("key",)
"""Settings that no receipt, log or screen may show."""
