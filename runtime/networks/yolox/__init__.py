"""YOLOX: a detector without anchors, whose cells are assigned to objects while it learns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.data.recipe import Recipe
    from runtime.imaging.views.mosaic import Mosaic
    from runtime.networks.yolox.model import YOLOX
    from runtime.networks.yolox.settings import Settings
    from specs import Spec
    from specs.yolox import Experiment

TASK = "detection"
EXPORTS = {name: f"runtime.networks.yolox.export.{name}" for name in ("onnx", "onnx_decoded", "onnx_raw", "deepstream")}


def recipe(spec: Spec) -> Recipe[Settings]:
    """What ``spec`` asks for, with the classes of its training data where it names none."""
    from runtime.data import frames

    made = _recipe(spec)
    return made if made.classes else _recipe(_with_classes(spec, frames.categories(made)))


def _with_classes(spec: Spec, classes: Sequence[str]) -> Spec:
    dataset = replace(spec.message.dataset, classes=tuple(classes))
    return replace(spec, message=replace(spec.message, dataset=dataset))


def _recipe(spec: Spec) -> Recipe[Settings]:
    from runtime.data import sections
    from runtime.data.recipe import Inference, Recipe
    from runtime.networks.yolox.settings import Settings
    from specs.yolox import closing_epochs, settled

    asked: Experiment = spec.message
    dataset = asked.dataset
    size, view = (dataset.height, dataset.width), _training_view(asked)
    return Recipe(
        spec=spec,
        network="yolox",
        name=f"yolox_{asked.model.type}",
        classes=dataset.classes,
        model=Settings(asked.model, size, asked.train.num_epochs + 1 - closing_epochs(asked)),
        batch_size=dataset.batch_size,
        size=size,
        data=sections.data(dataset.train_data_sources, dataset.val_data_sources, dataset.class_mapping, flat=False),
        training_view=view,
        plain_view=view.plain,
        inference_view=view.plain,
        evaluation=replace(sections.evaluation(asked.train.validation_interval, asked.evaluate), primary="mAP50_95"),
        inference=Inference(asked.inference.batch_size, asked.inference.conf_threshold),
        opset=asked.export.opset_version,
        workers=dataset.workers or None,
        **sections.training(settled(asked)),
    )


def _training_view(asked: Experiment) -> Mosaic:
    from runtime.imaging.views.mosaic import Mosaic
    from specs.yolox import closing_epochs, multi_scale

    dataset, augmentation = asked.dataset, asked.dataset.augmentation
    return Mosaic(
        width=dataset.width,
        height=dataset.height,
        letterbox=dataset.letterbox,
        mosaic=augmentation.mosaic,
        mixup=augmentation.mixup,
        mosaic_scale=augmentation.mosaic_scale,
        mixup_scale=augmentation.mixup_scale,
        degrees=augmentation.degrees,
        translate=augmentation.translate,
        shear=augmentation.shear,
        hsv=(augmentation.hsv_h, augmentation.hsv_s, augmentation.hsv_v),
        random_flip=augmentation.random_flip,
        multi_scale=multi_scale(dataset),
        closing=asked.train.num_epochs + 1 - closing_epochs(asked),
    )


def build(recipe: Recipe[Settings]) -> YOLOX:
    """The model with random weights."""
    from runtime.networks.yolox.model import YOLOX

    return YOLOX(recipe.model, classes=len(recipe.classes))
