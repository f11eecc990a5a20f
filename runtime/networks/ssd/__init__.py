"""SSD: six feature maps, anchors on every cell, one class head and one box head per map."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.data.recipe import Recipe
    from runtime.data.split import Split
    from runtime.networks import Model
    from runtime.networks.ssd.config import Settings
    from runtime.networks.ssd.model import SSD
    from specs import Spec

TASK = "detection"
EXPORTS = {name: f"runtime.networks.ssd.export.{name}" for name in ("deepstream", "onnx", "onnx_raw", "pt2")}
"""The modules of its export formats."""


def recipe(spec: Spec) -> Recipe[Settings]:
    """What ``spec`` asks for, whichever dialect it is written in."""
    from runtime.networks.ssd import recipes

    return recipes.recipe(spec)


def build(recipe: Recipe[Settings]) -> SSD:
    """A detector with random weights. Raises SpecError for an input too small for six maps."""
    from runtime.networks.ssd.model import SSD

    return SSD(recipe.model, num_classes=len(recipe.classes))


def advice(model: Model, classes: Sequence[str], split: Split) -> list[str]:
    """Whether its anchors can take the boxes of ``split``, and which ones would."""
    from runtime.networks.ssd import anchor_fit

    ssd = cast("SSD", model)
    anchors, section = ssd.anchors.cpu().numpy(), ssd.settings.section
    return anchor_fit.report(split, anchors, classes, ssd.input_size, section=section)
