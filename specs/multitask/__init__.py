"""The training spec of the multi-task network: categories, attributes and a box of a garment, YAML in the layout of
TAO 5."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar

from specs import sections
from specs.multitask.settings import Augmentation, Figure, Images, Loss, Model, Multitask, Optim
from specs.sections import STRICT, Count, Export, Share, Source
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
