"""Faster R-CNN: torchvision's, on images of their own sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.data.recipe import Recipe
    from runtime.networks.faster_rcnn.model import FasterRCNN
    from specs import Spec
    from specs.rcnn import Model

TASK = "detection"
EXPORTS = {"onnx": "runtime.networks.faster_rcnn.export"}


def recipe(spec: Spec) -> Recipe[Model]:
    """What ``spec`` asks for."""
    from runtime.data import rcnn

    return rcnn.recipe(spec, spec.message.model)


def build(recipe: Recipe[Model]) -> FasterRCNN:
    """The model with random weights."""
    from runtime.networks.faster_rcnn.model import FasterRCNN

    return FasterRCNN(recipe.model, classes=len(recipe.classes))
