"""Several tasks from one network: the category of a garment, its attributes, its box; or the columns of a table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime.data.recipe import Recipe
    from runtime.imaging.views.cut import Cut
    from runtime.networks.multitask.model import Multitask
    from runtime.networks.multitask.settings import Settings
    from specs import Spec
    from specs.multitask import Dataset, Experiment

TASK = "classification"
EXPORTS = {"onnx": "runtime.networks.multitask.export"}


def recipe(spec: Spec) -> Recipe[Settings]:
    """What ``spec`` asks for, with the names of its training data where it leaves some out."""
    from runtime.networks.multitask import names

    made = _recipe(spec)
    missing = names.missing(made)
    return _recipe(_with(spec, missing)) if missing else made


def _with(spec: Spec, names: Mapping[str, Any]) -> Spec:
    dataset = replace(spec.message.dataset, **names)
    return replace(spec, message=replace(spec.message, dataset=dataset))


def _recipe(spec: Spec) -> Recipe[Settings]:
    from runtime.data import sections
    from runtime.data.recipe import Evaluation, Inference, Recipe
    from runtime.networks.multitask.settings import Settings
    from runtime.tasks import classification
    from runtime.tasks.classification.names import CATEGORY

    asked: Experiment = spec.message
    dataset, model = asked.dataset, asked.model
    size, view = (dataset.height, dataset.width), _training_view(dataset)
    first, *others = dataset.tasks or (CATEGORY,)
    tasks = {first: dataset.classes, **dict(zip(others, dataset.values, strict=False))}
    attributes, groups = dataset.attributes or (), dataset.attribute_groups or ()
    types = dataset.category_types or ()
    return Recipe(
        spec=spec,
        network="multitask",
        name=f"multitask_{model.backbone}",
        classes=dataset.classes,
        model=Settings(model, asked.loss, size, tasks, len(attributes), types if model.heads == "per_type" else ()),
        batch_size=dataset.batch_size,
        size=size,
        data=sections.data(dataset.train_data_sources, dataset.val_data_sources, flat=True),
        training_view=view,
        plain_view=view,
        inference_view=view,
        evaluation=Evaluation(
            asked.train.validation_interval,
            asked.evaluate.batch_size,
            whole_pixels=False,
            primary=asked.evaluate.primary,
        ),
        inference=Inference(
            asked.inference.batch_size, asked.inference.conf_threshold, ten_crop=asked.inference.ten_crop
        ),
        opset=asked.export.opset_version,
        workers=dataset.workers or None,
        fields=classification.fields(tasks, attributes, model.box),
        names={
            "tasks": tuple(tasks),
            **{f"values/{name}": values for name, values in tasks.items()},
            "attributes": attributes,
            "attribute_groups": groups,
            "category_types": types,
        },
        **sections.training(asked.train),
    )


def _training_view(dataset: Dataset) -> Cut:
    from runtime.imaging.views.cut import Cut

    resize, augmentation = dataset.resize or dataset.width, dataset.augmentation
    return Cut(
        width=dataset.width,
        height=dataset.height,
        stretched=(resize, round(resize * dataset.height / dataset.width)),
        random_flip=augmentation.random_flip,
        zoom=augmentation.zoom,
        shift=augmentation.shift,
    )


def build(recipe: Recipe[Settings]) -> Multitask:
    """The model with random weights."""
    from runtime.networks.multitask.model import Multitask

    return Multitask(recipe.model)
