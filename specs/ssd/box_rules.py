"""The boxes of the data against an SSD: anchors that fit, difficult objects."""

from __future__ import annotations

from collections.abc import Iterator

from specs import kinds
from specs.checks import Finding
from specs.rulebook import NVIDIA, Subject, rule
from specs.rules.facts import readable, training_boxes
from specs.ssd import anchors, network_rules
from specs.ssd.sections import KINDS, config, network

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
def unfit_anchors(subject: Subject) -> Iterator[Finding]:
    """But for their steps and offsets."""
    from specs.ssd.anchor_search import AnchorsByMap, cover

    found, size = config(subject.spec), kinds.image_size(subject.spec)
    boxes = training_boxes(subject.data)
    if found is None or size is None or boxes is None:
        return
    if [*network_rules.scales(subject), *network_rules.aspect_ratios(subject)]:
        return  # these lists make no anchors, which S108 and S109 report
    lists = (anchors.scales(found), anchors.aspect_ratios(found))
    recall = cover(AnchorsByMap(*lists, found.two_boxes_for_ar1), boxes, size).recall(0.5)
    if recall < LEAST:
        what = f"only {recall:.0%} of {len(boxes):,} boxes read have an anchor with an IoU of 0.5 or more"
        yield Finding(f"{network(subject.spec)}.scales", what)


@rule(
    "S463",
    "warning",
    title="objects to validate on that are marked as occluded: to NVIDIA's evaluation neither found nor missed",
    fix="write 0 as their occlusion",
    kinds=KINDS,
    toolkits=NVIDIA,
    needs=("data",),
)
def occluded(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data):
        objects = sum(each.amount("validation").objects.values())
        if each.occluded and each.source.role == "validation":
            what = f"{each.occluded:,} of {objects:,} objects have an occlusion other than 0"
            yield Finding(each.source.annotations_field, what)
