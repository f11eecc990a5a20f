"""Faster R-CNN: torchvision's, on images of their own sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.data.recipe import Recipe
    from runtime.networks.faster_rcnn.model import FasterRCNN
    from specs import Spec
    from specs.faster_rcnn import Experiment, Model

TASK = "detection"
EXPORTS = {"onnx": "runtime.networks.faster_rcnn.export"}


def recipe(spec: Spec) -> Recipe[Model]:
    """What ``spec`` asks for."""
    from runtime.data import sections
    from runtime.data.recipe import Data, Evaluation, Recipe
    from runtime.imaging.views.framing import KeepAspect

    asked: Experiment = spec.message
    dataset, model, evaluate = asked.dataset, asked.model, asked.evaluate
    view = KeepAspect(min_sizes=model.min_size, max_size=model.max_size, random_flip=dataset.augmentation.random_flip)
    return Recipe(
        spec=spec,
        network="faster_rcnn",
        name=f"faster_rcnn_{model.backbone.type}",
        classes=dataset.classes,
        model=model,
        batch_size=dataset.batch_size,
        size=None,
        data=Data(
            training=tuple(sections.sources("dataset.train_data_sources", dataset.train_data_sources)),
            validation=tuple(sections.sources("dataset.val_data_sources", dataset.val_data_sources)),
            mapping={},
        ),
        training_view=view,
        plain_view=view,
        inference_view=view,
        evaluation=Evaluation(
            period=asked.train.validation_interval,
            batch_size=evaluate.batch_size,
            mode="SAMPLE" if evaluate.average_precision_mode == "sample" else "INTEGRATE",
            iou=evaluate.matching_iou_threshold,
        ),
        workers=dataset.workers or None,
        **sections.training(asked.train),
    )


def build(recipe: Recipe[Model]) -> FasterRCNN:
    """The model with random weights."""
    from runtime.networks.faster_rcnn.model import FasterRCNN

    return FasterRCNN(recipe.model, classes=len(recipe.classes))
