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
    """Network to train; its own settings are in the section of the same name."""
    recipe: str | None = None
    """Settings of a published training to start from (`tltpipe spec recipes` lists them); those of the section of the
    network go over them."""
    toolkit: str = "embedded"
    """Whose programs run: embedded (our own), or NVIDIA's in their containers: tlt2 (TLT 2.0), tlt3, tao5; `tltpipe
    toolkit list` shows what each needs."""
    runner: str = "local"
    """Where they run: local (this machine), docker, slurm or ray (clusters), or dry (nowhere: shows what would run)."""
    image: str | None = None
    """Container image (default: the toolkit's)."""
    gpu_request: Literal["auto", "runtime", "device", "none"] = "auto"
    """How a container asks for GPUs: runtime (the nvidia runtime), device (a device request), none, or auto."""
    gpus: Annotated[int, Ge(0)] = 1
    """Number of GPUs to train on, on each node. Our own programs train on the CPU, and say so, where there is none."""
    nodes: Annotated[int, Ge(1)] = 1
    """Number of machines to train on, by a runner that has several."""
    image_size: tuple[int, int] | None = None
    """Size of the images that augment writes and the network takes: pixels of a side (300), or [width, height].
    Multiples of 32 fit best (default: 288)."""
    model: Annotated[str, MinLen(1)] = "last"
    """Checkpoint that evaluate, infer, export and prune use: last, best (highest score in training), or its path."""
    threshold: Annotated[float, Gt(0), Lt(1)] = 0.3
    """Lowest score of a detection that infer draws and writes."""
    key: str | None = field(default=None, repr=False)
    """Key that NVIDIA's programs encrypt models with. Better given as --key or in TLTPIPE_KEY."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """The raw data, and which part of it to use."""

    __pydantic_config__: ClassVar = STRICT

    root: Annotated[str, MinLen(1)] = "Original-Data"
    """Folder of the data set, in any format, or a URL (s3://bucket/prefix), of which a copy is made in the cache."""
    cache: str | None = None
    """Folder for copies of remote data sets, on a shared disk or on a disk of each machine's own (default:
    TLTPIPE_CACHE, else ~/.cache/tltpipe)."""
    publish: str | None = None
    """URL that what prepare, augment and tfrecords make is uploaded to (default: nowhere)."""
    format: str = "auto"
    """Format (tltpipe convert --formats lists them); auto detects it."""
    images: str | None = None
    """Folder of the images, relative to the workspace (default: beside the annotations)."""
    splits: Annotated[Sequence[str], MinLen(1)] = field(default_factory=lambda: ["train", "validation"])
    """Split to train on, then the one to validate on; val, valid and val2017 mean validation, too."""
    test: str | None = "test"
    """Split that gets a COCO file and is not trained on; null leaves it alone."""
    prepared: str | None = None
    """Folder for the KITTI labels (default: beside the images where that can be written, else KITTI)."""
    skip_bad: bool = False
    """Skip and list images that cannot be used, instead of stopping at the first."""
    allow_loss: bool = False
    """Continue where a whole class or split is lost, instead of stopping."""
    classes: Sequence[str] = field(default_factory=list)
    """Classes to keep, in this order, by their new names if they are renamed (default: all)."""
    rename: Sequence[str] = field(default_factory=list)
    """Other names for classes, each as OLD=NEW; classes that get the same name are merged."""
    max_occlusion: Annotated[int, Ge(0), Le(2)] | None = None
    """Drop objects that are occluded more than this: 0 not at all, 1 partly, 2 largely."""
    min_size: Annotated[float, Ge(0)] = 0
    """Drop boxes with a side of fewer pixels."""
    max_zoom: Annotated[int, Ge(1), Le(3)] | None = None
    """Drop objects that are zoomed in more than this (DeepFashion2's 1 to 3)."""
    sources: Sequence[str] = field(default_factory=list)
    """Keep only images of these sources (DeepFashion2's user and shop)."""
    subset: Annotated[int, Ge(1)] | None = None
    """Use N images of each split, chosen deterministically by their names."""
    keep_empty: bool = False
    """Keep images that lost all their objects, as background."""
    crowd: Literal["keep", "drop"] = "keep"
    """Crowd regions: keep (KITTI labels have no crowd flag, so they train as ordinary boxes) or drop."""
    coordinates: Literal["pixels", "shares"] | None = None
    """Unit of a format in pixels; shares of the image's size are scaled (default: pixels; a split in which all boxes
    are smaller than one is then refused)."""


SECRETS = ("key",)
"""Settings that no receipt, log or screen may show."""
