"""What NVIDIA's augmentation refuses, or does otherwise than the spec reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from specs.checks import Finding, message_at
from specs.rulebook import Subject, rule

KINDS = ("augment",)
SATURATION = "color_config.hue_saturation_config.saturation_shift"
FIXED = (
    "spatial_aug.shear.shear_ratio_x",
    "spatial_aug.shear.shear_ratio_y",
    "spatial_aug.translation.translate_x",
    "spatial_aug.translation.translate_y",
    "color_aug.contrast.center",
)
"""Parameters of TAO 5 that take a list and can only be one value."""


@rule(
    "S541",
    "error",
    title="a blur whose size is even, by which NVIDIA's augmentation ends",
    fix="write an odd number of pixels",
    kinds=KINDS,
    toolkits=("tlt3",),
)
def even_blur(subject: Subject) -> Iterator[Finding]:
    blur = message_at(subject.spec, "blur_config")
    if blur is not None and blur.size > 0 and not blur.size % 2:
        what = f"size {blur.size:g} is even: NVIDIA's blur takes an odd window only"
        yield Finding("blur_config.size", what, f"write {blur.size + 1:g}")


@rule(
    "S542",
    "warning",
    title="hue_saturation_config without saturation_shift, which reads as 0: grey images",
    fix="write saturation_shift: 1.0",
    kinds=KINDS,
    toolkits=("tlt2", "tlt3"),
)
def grey(subject: Subject) -> Iterator[Finding]:
    parent = SATURATION.rpartition(".")[0]
    if message_at(subject.spec, parent) is not None and not subject.spec.is_set(SATURATION):
        what = "saturation_shift is not written: NVIDIA reads 0, by which images come out grey"
        yield Finding(parent, what, "write saturation_shift: 1.0")


@rule(
    "S543",
    "error",
    title="a blur with std and size 0, by which TAO 5's augmentation ends",
    fix="leave blur_aug out for no blur",
    kinds=KINDS,
    toolkits=("tao5",),
)
def no_blur(subject: Subject) -> Iterator[Finding]:
    std, size = (_drawn(subject, f"blur_aug.{name}") for name in ("std", "size"))
    if std is not None and not any(std) and not any(size or ()):
        hint = "leave blur_aug out: its defaults, 0.1 and 3, change nothing"
        yield Finding("blur_aug.std", "std and size are both 0, by which NVIDIA's augmentation ends", hint)


@rule(
    "S544",
    "error",
    title="several values for a shear, a translation or the centre of a contrast, by which TAO 5's augmentation ends",
    fix="write one value",
    kinds=KINDS,
    toolkits=("tao5",),
)
def ranges(subject: Subject) -> Iterator[Finding]:
    for path in FIXED:
        if len(_drawn(subject, path) or ()) > 1:
            what = f"{path.rpartition('.')[2]} is drawn from several values, which ends NVIDIA's augmentation"
            yield Finding(path, what, "write one value: [0.1]")


@rule(
    "S545",
    "error",
    title="dataset_type: coco, whose boxes TAO 5's augmentation moves to wrong places",
    fix="augment in the KITTI format",
    kinds=KINDS,
    toolkits=("tao5",),
)
def coco_boxes(subject: Subject) -> Iterator[Finding]:
    if _value(subject, "data.dataset_type") == "coco":
        what = "NVIDIA's augmentation takes x, y, width and height of COCO's boxes for corners: all come out wrong"
        yield Finding("data.dataset_type", what, "write dataset_type: kitti, and convert: tltpipe convert --to kitti")


def _value(subject: Subject, key: str) -> Any:
    """What TAO 5's YAML sets ``key`` to; None in a spec that is proto-text."""
    return subject.spec.message[key] if subject.spec.dialect == "tao5" else None


def _drawn(subject: Subject, key: str) -> tuple[float, ...] | None:
    values: tuple[float, ...] | None = _value(subject, key)
    return values
