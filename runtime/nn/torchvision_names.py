"""What files of torchvision call the tensors of its detectors."""

from __future__ import annotations

import re
from collections.abc import Callable

OLDER: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)"), r"\1.0.\2"),
    (re.compile(r"(^|\.)rpn\.head\.conv\.(weight|bias)"), r"\1rpn.head.conv.0.0.\2"),
    (re.compile(r"(?<=mask_head\.)mask_fcn(\d)(?=\.)"), lambda found: f"{int(found[1]) - 1}.0"),
)
"""Names in its first files with COCO weights, and what they are today."""


def rcnn_names(name: str, *, place: str = "") -> list[str]:
    """The tensors of an R-CNN with a feature pyramid, itself at ``place``, that ``name`` in a file may mean.

    First a tensor of a whole detector, then one of a classifier (ResNet, MobileNet), whose layers are the backbone's.
    """
    detector = name
    for pattern, today in OLDER:
        detector = pattern.sub(today, detector)
    return [f"{place}{detector}", f"{place}backbone.body.{name.removeprefix('features.')}"]
