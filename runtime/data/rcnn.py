"""What a training spec of an R-CNN (``specs.rcnn``) comes to in a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from runtime.data import sections
from runtime.data.recipe import Inference, Recipe
from runtime.imaging.views.framing import KeepAspect

if TYPE_CHECKING:
    from specs import Spec
    from specs.rcnn import Experiment, Model

Kind = TypeVar("Kind", bound="Model")


def recipe(spec: Spec, model: Kind) -> Recipe[Kind]:
    """Of the network that ``spec``, whose section ``model`` it is, is one for."""
    asked: Experiment = spec.message
    dataset = asked.dataset
    view = KeepAspect(min_sizes=model.min_size, max_size=model.max_size, random_flip=dataset.augmentation.random_flip)
    return Recipe(
        spec=spec,
        network=spec.kind,
        name=f"{spec.kind}_{model.backbone.type}",
        classes=dataset.classes,
        model=model,
        batch_size=dataset.batch_size,
        size=None,
        data=sections.data(dataset.train_data_sources, dataset.val_data_sources, dataset.class_mapping, flat=False),
        training_view=view,
        plain_view=view,
        inference_view=view,
        evaluation=sections.evaluation(asked.train.validation_interval, asked.evaluate),
        inference=Inference(asked.inference.batch_size, asked.inference.conf_threshold),
        opset=asked.export.opset_version,
        workers=dataset.workers or None,
        **sections.training(asked.train),
    )
