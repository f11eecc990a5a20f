"""The training spec of the multi-task network: categories, attributes and a box of a garment, YAML in the layout of
TAO 5."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from specs import sections
from specs.checks import Finding
from specs.multitask.settings import Augmentation, Figure, Images, Loss, Model, Multitask, Optim
from specs.sections import STRICT, Count, Export, Share, Source, check_data, check_train
from specs.spec import Spec
from specs.yaml_spec import measuring, more_epochs, training

__all__ = ["measuring", "more_epochs", "training"]

DATA = "coco"
"""What it is trained on within the pipeline."""
MAKING = ("train", "loss")
"""Sections that only say how weights come about, not what a model with them is."""
SHORTHANDS = {"epochs": "num_epochs", "batch": "batch_size", "size": "backbone"}
"""What options of commands call these settings for short."""
TUNABLES = Multitask
RESULTS = {"labels": ".json"}
"""Formats of results and the suffix of the file of each image."""
SIZE = ("width", "height")
IMAGE_SIZE = ("dataset.width", "dataset.height")


@dataclass(frozen=True, kw_only=True)
class Dataset(Images):
    """The images. Names that are left out are those that the training data list; checkpoints keep them."""

    train_data_sources: tuple[Source, ...]
    """Images to train on."""
    val_data_sources: tuple[Source, ...] = ()
    """Images to validate on (default: no validation)."""
    classes: tuple[str, ...] = ()
    """Names of the categories, in the order of their labels; objects of any others are left out (default: those that
    the training data list)."""
    category_types: tuple[str, ...] | None = None
    """The type of each category: upper_body, lower_body, full_body (default: as the training data say)."""
    attributes: tuple[str, ...] | None = None
    """Names of the attributes; none are learnt from an empty list (default: those that the training data list)."""
    attribute_groups: tuple[str, ...] | None = None
    """The group of each attribute: texture, shape, ... (default: as the training data say)."""
    values: tuple[tuple[str, ...], ...] = ()
    """The values of each task but the first (default: those that occur in the training data, sorted)."""
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, kw_only=True)
class Train(sections.Train):
    """The training."""

    num_epochs: Count = 50
    optim: Optim = field(default_factory=Optim)


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """How the model is measured."""

    __pydantic_config__: ClassVar = STRICT

    batch_size: Count = 64
    """Images a step."""
    primary: Figure = "top1"
    """The figure that picks the best epoch."""


@dataclass(frozen=True, kw_only=True)
class Inference:
    """Inference on new images, where the command line says nothing else."""

    __pydantic_config__: ClassVar = STRICT

    batch_size: Count = 16
    """Images a step."""
    conf_threshold: Share = 0.5
    """Lowest probability of an attribute that is shown."""
    ten_crop: bool = False
    """Predictions are the mean over the middle and the corners of an image, and their mirror images."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """The whole spec."""

    __pydantic_config__: ClassVar = STRICT

    model: Model = field(default_factory=Model)
    dataset: Dataset
    loss: Loss = field(default_factory=Loss)
    train: Train = field(default_factory=Train)
    evaluate: Evaluate = field(default_factory=Evaluate)
    inference: Inference = field(default_factory=Inference)
    export: Export = field(default_factory=Export)


EXPERIMENT = Experiment


def named_after(name: str) -> dict[str, object]:
    """The backbone that weights are of by their name: "resnet50-11ad3fa6.pth", "multitask_resnet18_epoch_010.tlt"."""
    found = re.search(r"resnet(18|34|50|101|152)(?!\d)", name.lower())
    return {"backbone": found[0]} if found else {}


def check(spec: Spec) -> Iterator[Finding]:
    """What fits by itself and not together."""
    message: Experiment = spec.message
    dataset = message.dataset
    yield from check_data(dataset.train_data_sources, dataset.val_data_sources, dataset.classes)
    yield from _check_names(dataset)
    if dataset.resize and dataset.resize < dataset.width:
        what = f"resize must be 0 or width, {dataset.width}, or more, not {dataset.resize}"
        yield Finding("dataset.resize", what, "the input is cut out of the resized image")
    if message.model.local_features and not message.model.box:
        what = "local_features are those within the predicted box, but box is false"
        yield Finding("model.local_features", what, "write local_features: false")
    if message.model.heads == "per_type" and dataset.category_types is not None:
        yield from _check_types(dataset)
    primary, attributes = message.evaluate.primary, dataset.attributes
    if (primary.startswith("box") and not message.model.box) or (primary.startswith("recall") and attributes == ()):
        yield Finding("evaluate.primary", f"primary is {primary}, which a network without that head does not have")
    yield from check_train(message.train)


def _check_types(dataset: Dataset) -> Iterator[Finding]:
    if not dataset.category_types or not all(dataset.category_types):
        what = "heads: per_type needs the type of every category (category_types)"
        yield Finding("model.heads", what, "write heads: joint, or a type for each of the classes")


def _check_names(dataset: Dataset) -> Iterator[Finding]:
    """Lists that belong together are as long as each other, and name nothing twice."""
    attributes, groups, types = dataset.attributes, dataset.attribute_groups, dataset.category_types
    if attributes is not None and (twice := _repeated(attributes)):
        yield Finding("dataset.attributes", f'attributes names "{twice}" twice')
    if groups and len(groups) != len(attributes or ()):
        what = f"attribute_groups needs one for each of attributes, {len(attributes or ())}, not {len(groups)}"
        yield Finding("dataset.attribute_groups", what)
    if types and len(types) != len(dataset.classes):
        what = f"category_types needs one for each of classes, {len(dataset.classes)}, not {len(types)}"
        yield Finding("dataset.category_types", what)
    if twice := _repeated(dataset.tasks):
        yield Finding("dataset.tasks", f'tasks names "{twice}" twice')
    if dataset.values and len(dataset.values) != len(dataset.tasks) - 1:
        what = f"values needs a list for each of tasks but the first, not {len(dataset.values)}"
        yield Finding("dataset.values", what, "leave values out: they are those that occur in the training data")
    for task, values in zip(dataset.tasks[1:], dataset.values, strict=False):
        if twice := _repeated(values):
            yield Finding("dataset.values", f'values of {task} has "{twice}" twice')


def _repeated(names: Sequence[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)
