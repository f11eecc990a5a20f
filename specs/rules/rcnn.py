"""Rules about the models of Faster R-CNN and Mask R-CNN."""

from __future__ import annotations

from collections.abc import Iterator

from specs.checks import Finding
from specs.rulebook import Subject, rule

KINDS = ("faster_rcnn", "mask_rcnn")


@rule(
    "S260",
    "error",
    title="the backbone has no such stages",
    fix="write returned_layers in rising order, as the backbone has them, or leave it out",
    kinds=KINDS,
)
def stages(subject: Subject) -> Iterator[Finding]:
    """The pyramid stands on stages of the backbone."""
    from specs.rcnn import STAGES

    low, high = STAGES.get(subject.spec.message.model.backbone.type, (1, 4))
    if not _stand(subject):
        what = f"returned_layers must be stages from {low} to {high} in rising order"
        yield Finding("model.backbone.returned_layers", what)


@rule(
    "S261",
    "error",
    title="anchor_sizes does not fit the levels of the pyramid",
    fix="write a list for each stage and one for the level above, all of one length, or leave anchor_sizes out",
    kinds=KINDS,
)
def anchor_sizes(subject: Subject) -> Iterator[Finding]:
    """Each level has its anchors, and as many as the others."""
    from specs.rcnn import default_stages

    model = subject.spec.message.model
    levels = len(default_stages(model.backbone)) + 1
    if not _stand(subject):
        return
    if len(model.anchor_sizes) not in (0, levels):
        what = f"anchor_sizes needs {levels} lists, one a level, not {len(model.anchor_sizes)}"
        yield Finding("model.anchor_sizes", what, "for example [[32], [64], [128], [256], [512]]")
    elif model.anchor_sizes and len({len(sizes) for sizes in model.anchor_sizes}) > 1:
        yield Finding("model.anchor_sizes", "all levels need the same number of anchor_sizes")


@rule("S263", "error", title="max_size is below min_size", fix="write a max_size of min_size or more", kinds=KINDS)
def sides(subject: Subject) -> Iterator[Finding]:
    """The longer side is no shorter than the shorter one."""
    model = subject.spec.message.model
    if max(model.min_size) > model.max_size:
        yield Finding("model.max_size", f"max_size must be min_size or more, not {model.max_size}")


def _stand(subject: Subject) -> bool:
    """Whether the backbone has the stages that the pyramid stands on."""
    from specs.rcnn import STAGES, default_stages

    backbone = subject.spec.message.model.backbone
    found = default_stages(backbone)
    low, high = STAGES.get(backbone.type, (1, 4))
    return list(found) == sorted(set(found)) and found[0] >= low and found[-1] <= high
