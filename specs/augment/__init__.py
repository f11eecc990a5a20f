"""The spec of tlt-augment: one spatial warp with the resize, colour, blur."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge

from specs import references
from specs.checks import message_at
from specs.data_sources import DataSource
from specs.spec import Spec

MESSAGE = "AugmentorConfig"
SCHEMA = "specs.schema.tlt2.augment_pb2"
YAML = "tao5"
"""The module here that reads and writes the specs of TAO 5 (``specs.proto``)."""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Offline augmentation; with the defaults it only resizes, to the network's size."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False, "use_attribute_docstrings": True}

    output_image_width: Annotated[int, Ge(0)] = 288
    """Width of the written images in pixels; 0 keeps that of the input."""
    output_image_height: Annotated[int, Ge(0)] = 288
    """Height of the written images in pixels; 0 keeps that of the input."""
    output_image_channel: Literal[1, 3] = 3
    """3 for colour, 1 for grey."""
    rotation_angle: float = 0.0
    """Rotation about the centre, clockwise on the screen."""
    rotation_units: Literal["degrees", "radians"] = "degrees"
    """Unit of rotation_angle."""
    shear_ratio_x: float = 0.0
    """Horizontal shear: pixels to the right for each pixel down."""
    shear_ratio_y: float = 0.0
    """Vertical shear: pixels down for each pixel to the right."""
    flip_horizontal: bool = False
    """Mirror left and right."""
    flip_vertical: bool = False
    """Mirror top and bottom."""
    translate_x: int = 0
    """Shift to the right, in pixels of the input."""
    translate_y: int = 0
    """Shift down, in pixels of the input."""
    hue_rotation_angle: float = 0.0
    """Turn of the hue in degrees."""
    saturation_shift: Annotated[float, Ge(0)] = 1.0
    """Factor of the saturation: 1 changes nothing, 0 is grey."""
    contrast: float = 0.0
    """Added to the contrast factor 1: 0 changes nothing, -1 is flat."""
    contrast_center: float = 127.5
    """The level that contrast leaves alone, 0 to 255."""
    brightness_offset: float = 0.0
    """Added to every channel, levels of 0 to 255."""
    blur_std: Annotated[float, Ge(0)] = 0.0
    """Standard deviation of the Gaussian blur in pixels; 0 derives it from blur_size."""
    blur_size: Annotated[int, Ge(0)] = 0
    """Window of the blur in pixels, an odd number; 0 derives it from blur_std. Both 0: no blur. With tlt2 a radius."""
    arithmetic: Literal["tao5", "tlt2"] = "tao5"
    """tlt2: the older matrices, by which angles, shears and shifts move the other way. Our own programs only."""
    antialias: bool = False
    """Let every pixel count where pictures get smaller; NVIDIA's program does not. Our own programs only."""
    skip_bad: bool = False
    """Leave out pictures that cannot be read, and list them, instead of stopping. Our own programs only."""


TUNABLES = Augment

ELSEWHERE: Mapping[str, str] = {}

IMAGE_SIZE = ("output_image_width", "output_image_height")
SIZE = IMAGE_SIZE
"""The settings that hold the size of the images."""

LARGEST_SIDE = 65_500
"""Pixels: what a JPEG file can have."""

LARGEST = 1e6
"""Of angles, shears, shifts and levels: far beyond sense, and nothing overflows."""
WIDEST_BLUR = 1_001
"""Pixels of a window."""

EVEN_BLUR = "size is the width of a window and must be an odd number of pixels"
EVEN_RADIUS = "only with --arithmetic tlt2, where it is a radius, may it be even"


FLAT = "shear_ratio_x times shear_ratio_y is 1, which presses every image flat to a line"


def data_sources(spec: Spec) -> Iterator[DataSource]:
    """The images and labels: below the folder that the command line names, in TAO 5 in full."""
    if spec.dialect == YAML:
        yield from _in_full(spec.message)
        return
    config = message_at(spec, "dataset_config")
    if config is not None and config.image_path and config.label_path:
        fields = ("dataset_config.label_path", "dataset_config.image_path")
        extension = spec.message.image_extension or None
        yield DataSource(
            "dataset_config", "training", "kitti", config.label_path, config.image_path, *fields,
            extension=extension, below_data=True,
        )  # fmt: skip


_UNSET = ("", *references.MISSING)


def _in_full(values: Mapping[str, Any]) -> Iterator[DataSource]:
    format, annotations, images = (str(values[f"data.{name}"]) for name in ("dataset_type", "ann_path", "image_dir"))
    if annotations not in _UNSET and images not in _UNSET:
        yield DataSource("data", "training", format, annotations, images, "data.ann_path", "data.image_dir")


def flattens(shear_x: float, shear_y: float) -> bool:
    """Whether both shears together leave no area, so that nothing could be sampled back."""
    return abs(1 - shear_x * shear_y) < 1e-6
