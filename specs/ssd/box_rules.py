"""The boxes of the data against an SSD: anchors that fit, difficult objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from specs import kinds
from specs.arithmetic import numbers
from specs.checks import Finding, message_at
from specs.rulebook import Subject, rule
from specs.rules.facts import readable, training_boxes
from specs.ssd.anchors import MAPS

if TYPE_CHECKING:
    from specs.ssd.anchor_search import AnchorsByMap

KINDS = ("ssd", "dssd")
SECTIONS = ("ssd_config", "dssd_config")
LEAST = 0.6
"""Share of the boxes below which anchors do not fit."""


@rule(
    "S461",
    "warning",
    title="anchors that do not fit the boxes: many have none that overlaps them enough",
    fix="`tltpipe spec new --from DATA` and `tltpipe stats` suggest scales and aspect ratios",
    kinds=KINDS,
    needs=("data",),
)
def anchors(subject: Subject) -> Iterator[Finding]:
    from specs.ssd import anchor_search

    size = kinds.image_size(subject.spec)
    boxes = None if subject.data is None else training_boxes(subject.data)
    section = next((name for name in SECTIONS if subject.spec.is_set(name)), None)
    if size is None or boxes is None or section is None:
        return
    recall = anchor_search.cover(_written(message_at(subject.spec, section)), boxes, size).recall(0.5)
    if recall < LEAST:
        what = f"only {recall:.0%} of {len(boxes):,} boxes read have an anchor with an IoU of 0.5 or more"
        yield Finding(f"{section}.scales", what)


def _written(config: Any) -> AnchorsByMap:
    """The anchors of ``config``, an ssd_config, but for its steps and offsets."""
    from specs.ssd.anchor_search import AnchorsByMap

    scales = numbers(config.scales) if config.scales else None
    if scales is None:
        step = (config.max_scale - config.min_scale) / MAPS
        scales = [config.min_scale + step * place for place in range(MAPS + 1)]
    ratios = numbers(config.aspect_ratios) if config.aspect_ratios else [numbers(config.aspect_ratios_global)] * MAPS
    return AnchorsByMap(tuple(scales), tuple(map(tuple, ratios)), config.two_boxes_for_ar1)


@rule(
    "S463",
    "warning",
    title="objects to validate on that are marked as occluded: to NVIDIA's evaluation neither found nor missed",
    fix="write 0 as their occlusion",
    kinds=KINDS,
    toolkits=("tlt2", "tlt3", "tao5"),
    needs=("data",),
)
def occluded(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data) if subject.data is not None else ():
        objects = sum(each.amount("validation").objects.values())
        if each.occluded and each.source.role == "validation":
            what = f"{each.occluded:,} of {objects:,} objects have an occlusion other than 0"
            yield Finding(each.source.annotations_field, what)
