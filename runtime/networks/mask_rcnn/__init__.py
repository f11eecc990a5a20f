"""Mask R-CNN: torchvision's, on images of their own sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.data.recipe import Recipe
    from runtime.networks.mask_rcnn.model import MaskRCNN
    from specs import Spec
    from specs.mask_rcnn import Model

TASK = "instance_segmentation"
EXPORTS = {"onnx": "runtime.networks.mask_rcnn.export"}


def recipe(spec: Spec) -> Recipe[Model]:
    """What ``spec`` asks for."""
    from dataclasses import replace

    from runtime.data import rcnn

    made: Recipe[Model] = rcnn.recipe(spec, spec.message.model)
    return replace(made, evaluation=replace(made.evaluation, area=spec.message.evaluate.area))


def build(recipe: Recipe[Model]) -> MaskRCNN:
    """The model with random weights."""
    from runtime.networks.mask_rcnn.model import MaskRCNN

    return MaskRCNN(recipe.model, classes=len(recipe.classes))
