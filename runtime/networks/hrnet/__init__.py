"""HRNet: a heat map for each landmark of one object, at a quarter of the input's resolution."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converters.model.landmarks import Layout
    from runtime.data.fields import Fields
    from runtime.data.recipe import Recipe
    from runtime.imaging.views.framing import ObjectCrop
    from runtime.networks.hrnet.model import HRNet
    from runtime.networks.hrnet.settings import Settings
    from specs import Spec
    from specs.hrnet import Experiment

TASK = "keypoints"
EXPORTS = {name: f"runtime.networks.hrnet.export.{name}" for name in ("onnx", "onnx_raw")}
CLASSES = "dataset.classes"


def recipe(spec: Spec) -> Recipe[Settings]:
    """What ``spec`` asks for. Raises SpecError for a class whose landmarks nobody knows."""
    from runtime.data import sections
    from runtime.data.recipe import Evaluation, Inference, Recipe
    from specs.hrnet import settled

    asked: Experiment = spec.message
    dataset, layouts = asked.dataset, _layouts(spec)
    data = sections.data(dataset.train_data_sources, dataset.val_data_sources, flat=False)
    view = _view(asked)
    return Recipe(
        spec=spec,
        network="hrnet",
        name=f"hrnet_{asked.model.type}",
        classes=dataset.classes,
        model=_settings(asked, layouts),
        batch_size=dataset.batch_size,
        size=(dataset.height, dataset.width),
        data=replace(data, per_object=True),
        training_view=view,
        plain_view=view,
        inference_view=view,
        evaluation=Evaluation(
            asked.train.validation_interval,
            asked.evaluate.batch_size,
            whole_pixels=False,
            visibility=asked.evaluate.visibility,
            primary="OKS_AP",
        ),
        inference=Inference(asked.inference.batch_size, asked.inference.conf_threshold),
        opset=asked.export.opset_version,
        workers=dataset.workers or None,
        fields=_fields(layouts[0].total),
        **sections.training(settled(asked)),
    )


def _layouts(spec: Spec) -> list[Layout]:
    """Of the landmarks of each class, all with places in one vector. Raises SpecError."""
    from converters.model import landmarks

    layouts = []
    for name in spec.message.dataset.classes:
        layout = landmarks.layout(name)
        if layout is None:
            known = ", ".join(landmarks.names())
            what = f'classes names "{name}", whose landmarks are not known'
            raise spec.error(CLASSES, what, hint=f"was the class renamed? Known: {known}")
        layouts.append(layout)
    if len({layout.total for layout in layouts}) > 1:
        what = "classes names garments and a person: their landmarks are different ones"
        raise spec.error(CLASSES, what, hint="train a network for each")
    return layouts


def _fields(total: int) -> Fields:
    """With the landmarks in a vector of ``total``."""
    from runtime.data.keypoints import Keypoints
    from runtime.tasks import keypoints

    return {**keypoints.FIELDS, "keypoints": Keypoints(total, beyond=True)}


def _settings(asked: Experiment, layouts: Sequence[Layout]) -> Settings:
    from converters.model import landmarks
    from runtime.networks.hrnet.settings import Settings

    total = layouts[0].total
    shared = asked.model.aggregated and bool(layouts[0].aggregated)
    return Settings(
        asked.model,
        input_size=(asked.dataset.height, asked.dataset.width),
        channels=landmarks.AGGREGATED if shared else total,
        slots=landmarks.CHANNELS if shared else tuple(range(total)),
        flip=landmarks.AGGREGATED_FLIP if shared else _flip(total),
        flip_test=asked.evaluate.flip_test,
    )


def _flip(total: int) -> tuple[int, ...]:
    """The mirror of a vector of ``total`` points as a permutation."""
    from converters.model import landmarks

    order = list(range(total))
    for layout in filter(None, map(landmarks.layout, landmarks.names())):
        if layout.total == total:
            order[layout.offset : layout.offset + layout.count] = [layout.offset + point for point in layout.flip]
    return tuple(order)


def _view(asked: Experiment) -> ObjectCrop:
    from runtime.imaging.views.framing import ObjectCrop

    dataset, augmentation = asked.dataset, asked.dataset.augmentation
    return ObjectCrop(
        width=dataset.width,
        height=dataset.height,
        margin=dataset.margin,
        random_flip=augmentation.random_flip,
        scale=augmentation.scale,
        rotation=augmentation.rotation,
        rotation_probability=augmentation.rotation_probability,
    )


def build(recipe: Recipe[Settings]) -> HRNet:
    """The model with random weights."""
    from runtime.networks.hrnet.model import HRNet

    return HRNet(recipe.model)
