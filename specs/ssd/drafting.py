"""How a training spec of SSD is written: in two dialects, with anchors that fit the boxes (``specs.drafting``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from specs.ssd import Ssd, anchor_search, documentation
from specs.ssd.anchor_search import Anchors
from specs.ssd.backbones import BACKBONES
from specs.ssd.fields import Dialect

FORMATS: Mapping[str, str] = {"tlt3": "kitti", "tlt2": "tfrecord"}

fit = anchor_search.figures


def template(dialect: str) -> str:
    return f"train.{dialect}.conf.j2"


def backbone(text: str) -> Mapping[str, object]:
    """resnet18: arch and nlayers; vgg: its first depth; mobilenet_v2, where the number is part of the name: arch."""
    name = text.rstrip("0123456789")
    if text in BACKBONES:
        depths, _ = BACKBONES[text]
        return {"arch": text} | ({"nlayers": depths[0]} if depths and Ssd.nlayers not in depths else {})
    return {"arch": name, "nlayers": text[len(name) :]} if name in BACKBONES else {"arch": text}


def classes(names: Sequence[str]) -> list[str]:
    """In lower case, as labels are read."""
    return sorted({name.lower() for name in names})


def fitted(anchors: Anchors) -> Mapping[str, object]:
    return {"scales": anchors.scales, "aspect_ratios_global": anchors.ratios}


def commented(text: str, dialect: str) -> str:
    return documentation.commented(text, cast("Dialect", dialect))
