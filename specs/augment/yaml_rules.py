"""Rules about offline augmentation as TAO 5 spells it, in YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from specs.augment import FLAT, flattens
from specs.augment.tao5 import SIDES
from specs.augment.tao5_keys import KEYS
from specs.checks import Finding
from specs.rulebook import Subject, rule
from specs.yaml_nodes import quoted
from specs.yaml_text import value

KINDS = ("augment",)
ANGLE, UNITS = "spatial_aug.rotation.angle", "spatial_aug.rotation.units"
REFINE = "spatial_aug.rotation.refine_box"
SATURATION = "color_aug.saturation.saturation_shift"
SHEARS = ("spatial_aug.shear.shear_ratio_x", "spatial_aug.shear.shear_ratio_y")


@rule("S211", "error", title="one side of the output is missing", fix="write both sides, or neither", kinds=KINDS)
def one_side(subject: Subject) -> Iterator[Finding]:
    """Images of a size of their own have neither."""
    values = _values(subject)
    if values and bool(values[SIDES[0]]) != bool(values[SIDES[1]]):
        missing, other = sorted(SIDES, key=lambda side: bool(values[side]))
        what = f"{missing} is missing or 0 while the other side is {values[other]}: give both, or neither"
        yield Finding(missing if subject.spec.is_set(missing) else other, what)


@rule(
    "S212",
    "error",
    title="the shears press some images flat",
    fix="write shears whose product is never 1",
    kinds=KINDS,
)
def flat(subject: Subject) -> Iterator[Finding]:
    """Nothing could be sampled back from a line."""
    values = _values(subject)
    if values and any(flattens(x, y) for x, y in product(*(_certain(values[key]) for key in SHEARS))):
        yield Finding(SHEARS[1], FLAT)


@rule("S213", "error", title="refine_box lacks its masks", fix="write gt_cache, a COCO JSON", kinds=KINDS)
def no_masks(subject: Subject) -> Iterator[Finding]:
    """Boxes are refined by the masks of the same images."""
    values = _values(subject)
    enabled = values and values[f"{REFINE}.enabled"] and values["data.dataset_type"] == "kitti"
    if enabled and not values[f"{REFINE}.gt_cache"]:
        what = "refine_box needs gt_cache, a COCO JSON with the masks of the same images"
        yield Finding(f"{REFINE}.enabled", what)


@rule("S214", "warning", title="the key has no effect", fix="leave the key out", kinds=KINDS)
def no_effect(subject: Subject) -> Iterator[Finding]:
    """Keys that NVIDIA's program reads and does nothing with."""
    values = _values(subject)
    for name, key in KEYS.items() if values else ():
        if not key.effect and values[name] != key.takes(value(key.default)):
            yield Finding(name, f"{name.rpartition('.')[2]} is read but has no effect")


@rule("S215", "warning", title="output_dataset is not used", fix="leave one of the two out", kinds=KINDS)
def two_outputs(subject: Subject) -> Iterator[Finding]:
    """results_dir is the newer name."""
    values = _values(subject)
    results, unused = values.get("results_dir"), values.get("data.output_dataset")
    if results and unused and results != unused:
        what = "output_dataset is not used: results_dir is written, and counts"
        yield Finding("data.output_dataset", what)


@rule(
    "S216",
    "warning",
    title="the unit of the rotation is taken as degrees",
    fix="write units: degrees, or radians",
    kinds=KINDS,
)
def units(subject: Subject) -> Iterator[Finding]:
    """Every other text means degrees."""
    values = _values(subject)
    if values and any(values[ANGLE]) and values[UNITS] not in ("degrees", "radians"):
        what = f"units is {quoted(values[UNITS])}: degrees are meant, as by every text other than"
        yield Finding(UNITS, f'{what} "radians"')


@rule("S217", "warning", title="images come out grey", fix="write saturation_shift: [1]", kinds=KINDS)
def grey(subject: Subject) -> Iterator[Finding]:
    """An empty list is 0."""
    values = _values(subject)
    if values and not values[SATURATION]:
        yield Finding(SATURATION, "saturation_shift is an empty list, which is 0: the images come out grey")


@rule("S218", "warning", title="gt_cache is not used", fix="write refine_box.enabled: true", kinds=KINDS)
def unused_masks(subject: Subject) -> Iterator[Finding]:
    """Masks refine boxes only where that is asked for."""
    values = _values(subject)
    if values and values[f"{REFINE}.gt_cache"] and not values[f"{REFINE}.enabled"]:
        yield Finding(f"{REFINE}.gt_cache", "gt_cache is not used: refine_box is not enabled")


def _certain(drawn: tuple[float, ...]) -> tuple[float, ...]:
    """The values that a parameter is sure to have in some image; within a range none is."""
    return () if len(drawn) == 2 and drawn[0] != drawn[1] else drawn


def _values(subject: Subject) -> Mapping[str, Any]:
    """Those of all keys; none of a spec in proto-text."""
    message = subject.spec.message
    return message if isinstance(message, Mapping) else {}
