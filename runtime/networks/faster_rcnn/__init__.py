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
    from runtime.data.recipe import Evaluation, Inference, Recipe
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
        data=sections.data(dataset.train_data_sources, dataset.val_data_sources, flat=False),
        training_view=view,
        plain_view=view,
        inference_view=view,
        evaluation=Evaluation(
            period=asked.train.validation_interval,
            batch_size=evaluate.batch_size,
            mode="SAMPLE" if evaluate.average_precision_mode == "sample" else "INTEGRATE",
            iou=evaluate.matching_iou_threshold,
            whole_pixels=False,
        ),
        inference=Inference(asked.inference.batch_size, asked.inference.conf_threshold),
        opset=asked.export.opset_version,
        workers=dataset.workers or None,
        **sections.training(asked.train),
    )


def build(recipe: Recipe[Model]) -> FasterRCNN:
    """The model with random weights."""
    from runtime.networks.faster_rcnn.model import FasterRCNN

    return FasterRCNN(recipe.model, classes=len(recipe.classes))
