"""The training spec of YOLOX: YAML in the layout of TAO 5, augmentation by the names that YOLO's users know."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from specs import sections
from specs.sections import STRICT, STRIDE, Count, Export, Inference, Mapped, Source
from specs.yaml_spec import measuring, more_epochs, training
from specs.yolox.settings import RATE, Augmentation, Images, Model, Optim, TrainSettings, Yolox

__all__ = ["measuring", "more_epochs", "training"]

DATA = "coco"
"""What it is trained on within the pipeline."""
MAKING = ("train",)
"""Sections that only say how weights come about, not what a model with them is."""
SHORTHANDS = {"epochs": "num_epochs", "batch": "batch_size", "size": "type"}
"""What options of commands call these settings for short."""
TUNABLES = Yolox
SIZE = ("width", "height")
IMAGE_SIZE = ("dataset.width", "dataset.height")


@dataclass(frozen=True, kw_only=True)
class Dataset(Images):
    """The images."""

    train_data_sources: tuple[Source, ...]
    """Images to train on."""
    val_data_sources: tuple[Source, ...] = ()
    """Images to validate on (default: no validation)."""
    classes: tuple[str, ...] = ()
    """Names of the classes, in the order of their labels; objects of any others are left out (default: those that the
    training data list, such as the names of data.yaml or the categories of COCO)."""
    class_mapping: tuple[Mapped, ...] = ()
    """Classes of the data that are trained as one of classes (default: none)."""
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, kw_only=True)
class Train(TrainSettings, sections.Train):
    """The training."""

    optim: Optim = field(default_factory=Optim)


@dataclass(frozen=True, kw_only=True)
class Evaluate(sections.Evaluate):
    """How the model is measured."""

    batch_size: Count = 16


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """The whole spec."""

    __pydantic_config__: ClassVar = STRICT

    model: Model = field(default_factory=Model)
    dataset: Dataset
    train: Train = field(default_factory=Train)
    evaluate: Evaluate = field(default_factory=Evaluate)
    inference: Inference = field(default_factory=Inference)
    export: Export = field(default_factory=Export)


EXPERIMENT = Experiment


def named_after(name: str) -> dict[str, object]:
    """The size that weights are of by their name: "yolox_x.pth", "yolox_s_epoch_010.safetensors"."""
    found = re.search(r"yolox[-_]?(nano|tiny|[smlx])(?![a-z0-9])", name.lower())
    return {"type": found[1]} if found else {}


def closing_epochs(message: Experiment) -> int:
    """How many epochs at the end go without heavy augmentation."""
    epochs, closing = message.train.num_epochs, message.dataset.augmentation.closing_epochs
    if closing is None:
        return min(15, epochs // 5)
    return closing if isinstance(closing, int) else round(closing * epochs)


def multi_scale(dataset: Dataset) -> int:
    """How many times 32 pixels the sides of a batch may differ from those of the input."""
    asked = dataset.augmentation.multi_scale
    return min(dataset.width, dataset.height) // (4 * STRIDE) if asked is None else asked


def settled(message: Experiment) -> Train:
    """The training with numbers in place of defaults that depend on how long it is, and on its batches."""
    optim, epochs = message.train.optim, message.train.num_epochs
    rate: float | None = optim.lr
    if rate is None:
        rate = RATE * message.dataset.batch_size
    defaults = {
        "lr": rate,
        "nesterov": optim.optimizer == "sgd" and optim.momentum > 0,
        "lr_min": rate / 20,
        "lr_flat_epochs": min(closing_epochs(message), epochs - 1),
        "warmup_epochs": min(5.0, epochs / 10),
    }
    unsaid: dict[str, Any] = {name: value for name, value in defaults.items() if getattr(optim, name) is None}
    return replace(message.train, optim=replace(optim, **unsaid))
