"""Rules about offline augmentation."""

from __future__ import annotations

from collections.abc import Iterator

from specs.augment import EVEN_BLUR, EVEN_RADIUS, FLAT, LARGEST, LARGEST_SIDE, WIDEST_BLUR, flattens
from specs.checks import Finding, Range, message_at, one_of, out_of_range, within, without_effect
from specs.rulebook import IN_RANGE, Subject, rule

KINDS = ("augment",)
NUMBERS = (
    "spatial_config.rotation_config.angle",
    "spatial_config.shear_config.shear_ratio_x",
    "spatial_config.shear_config.shear_ratio_y",
    "spatial_config.translation_config.translate_x",
    "spatial_config.translation_config.translate_y",
    "color_config.hue_saturation_config.hue_rotation_angle",
    "color_config.contrast_config.contrast",
    "color_config.contrast_config.center",
    "color_config.brightness_config.offset",
)
RANGES: tuple[Range, ...] = (
    within("output_image_width", 0, LARGEST_SIDE),
    within("output_image_height", 0, LARGEST_SIDE),
    one_of("output_image_channel", 0, 1, 3),
    within("blur_config.std", 0, WIDEST_BLUR // 6),
    within("blur_config.size", 0, WIDEST_BLUR),
    within("color_config.hue_saturation_config.saturation_shift", 0, LARGEST),
    *(within(path, -LARGEST, LARGEST) for path in NUMBERS),
)


@rule(
    "S201",
    "error",
    title="a number of the augmentation is out of its range",
    fix=IN_RANGE,
    kinds=KINDS,
)
def augmentation_numbers(subject: Subject) -> Iterator[Finding]:
    """Sizes, angles, shifts and levels."""
    yield from out_of_range(subject.spec, RANGES)


@rule("S202", "error", title="one side of the output is missing", fix="write both sides, or neither", kinds=KINDS)
def one_side(subject: Subject) -> Iterator[Finding]:
    """Images of a size of their own have neither."""
    sides = ("output_image_width", "output_image_height")
    width, height = (getattr(subject.spec.message, side, 0) for side in sides)
    if (width == 0) != (height == 0):
        name, other = ("output_image_height", width) if width else ("output_image_width", height)
        yield Finding(name, f"{name} is missing or 0 while the other side is {other}: give both, or neither")


@rule(
    "S203",
    "warning",
    title="the unit of the rotation is taken as degrees",
    fix='write units: "degrees", or "radians"',
    kinds=KINDS,
)
def units(subject: Subject) -> Iterator[Finding]:
    """Every other text means degrees."""
    path = "spatial_config.rotation_config"
    rotation = message_at(subject.spec, path)
    if rotation is not None and rotation.angle and rotation.units not in ("degrees", "radians"):
        written = f'"{rotation.units}"' if rotation.units else "not written"
        yield Finding(f"{path}.units", f'units is {written}: degrees are meant, as by every text other than "radians"')


@rule(
    "S204",
    "error",
    title="the shears press every image flat",
    fix="write shears whose product is not 1",
    kinds=KINDS,
)
def flat(subject: Subject) -> Iterator[Finding]:
    """Nothing could be sampled back from a line."""
    path = "spatial_config.shear_config"
    shear = message_at(subject.spec, path)
    if shear is not None and flattens(shear.shear_ratio_x, shear.shear_ratio_y):
        yield Finding(f"{path}.shear_ratio_y", FLAT)


@rule("S205", "error", title="the blur has no whole size", fix="write an odd number of pixels", kinds=KINDS)
def broken_blur(subject: Subject) -> Iterator[Finding]:
    """The size is that of a window in pixels."""
    blur = message_at(subject.spec, "blur_config")
    if blur is not None and blur.size > 0 and blur.size % 1:
        yield Finding("blur_config.size", f"size must be a whole number of pixels, not {blur.size:g}")


@rule("S206", "warning", title="the size of the blur is even", fix="write an odd number of pixels", kinds=KINDS)
def even_blur(subject: Subject) -> Iterator[Finding]:
    """A window has a middle; TLT 2.0 meant a radius, and TLT 3.0 stops (S541)."""
    blur = message_at(subject.spec, "blur_config") if subject.toolkit != "tlt3" else None
    if blur is not None and blur.size > 0 and blur.size % 2 == 0:
        yield Finding("blur_config.size", f"{EVEN_BLUR}, not {blur.size:g}; {EVEN_RADIUS}")


@rule("S207", "error", title="the blur has neither std nor size", fix="leave blur_config out for no blur", kinds=KINDS)
def empty_blur(subject: Subject) -> Iterator[Finding]:
    """A blur of nothing."""
    blur = message_at(subject.spec, "blur_config")
    if blur is not None and blur.size == 0 and blur.std == 0:
        yield Finding("blur_config", "blur_config needs std or size above 0", hint="leave blur_config out for no blur")


@rule(
    "S208",
    "warning",
    title="saturation_shift is not written",
    fix="write saturation_shift: 1.0 for no change",
    kinds=KINDS,
)
def saturation(subject: Subject) -> Iterator[Finding]:
    """NVIDIA's own programs may read the missing value as 0, which is grey (S542)."""
    path = "color_config.hue_saturation_config"
    if (
        subject.toolkit not in ("tlt2", "tlt3")
        and message_at(subject.spec, path) is not None
        and not subject.spec.is_set(f"{path}.saturation_shift")
    ):
        what = "saturation_shift is not written and taken as 1.0, no change; write it to be sure"
        yield Finding(f"{path}.saturation_shift", what)


@rule("S209", "warning", title="partition_config has no effect", fix="leave partition_config out", kinds=KINDS)
def partition(subject: Subject) -> Iterator[Finding]:
    """No program of NVIDIA's is known to use it."""
    yield from without_effect(subject.spec, "partition_config")
