"""The training spec of YOLOX: YAML in the layout of TAO 5, augmentation by the names that YOLO's users know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from specs import sections
from specs.checks import Finding
from specs.sections import (
    STRICT,
    STRIDE,
    Count,
    Export,
    Inference,
    Mapped,
    Source,
    check_data,
    check_mapping,
    check_train,
)
from specs.spec import Spec
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


def check(spec: Spec) -> Iterator[Finding]:
    """What fits by itself and not together."""
    message: Experiment = spec.message
    dataset = message.dataset
    yield from check_data(dataset.train_data_sources, dataset.val_data_sources, dataset.classes)
    yield from check_mapping(dataset.class_mapping, dataset.classes)
    yield from _check_augmentation(dataset)
    if message.train.num_iterations:
        what = "num_iterations does not fit YOLOX, whose last epochs go without heavy augmentation"
        yield Finding("train.num_iterations", what, "leave num_iterations out, and write num_epochs")
        return
    if (closing := closing_epochs(message)) > message.train.num_epochs:
        what = f"closing_epochs must be at most num_epochs, {message.train.num_epochs}, not {closing}"
        hint = "leave closing_epochs out: of a short training it is a fifth"
        yield Finding("dataset.augmentation.closing_epochs", what, hint)
    yield from check_train(settled(message))


def _check_augmentation(dataset: Dataset) -> Iterator[Finding]:
    augmentation, here = dataset.augmentation, "dataset.augmentation"
    for name in ("mosaic_scale", "mixup_scale"):
        low, high = getattr(augmentation, name)
        if low > high:
            yield Finding(
                f"{here}.{name}", f"{name} must be the smallest and the largest factor, not {low:g}, {high:g}"
            )
    most = min(dataset.width, dataset.height) // STRIDE - 1
    if (steps := multi_scale(dataset)) > most:
        what = f"multi_scale must be at most {most} for images of {dataset.width}x{dataset.height}, not {steps}"
        yield Finding(f"{here}.multi_scale", what, "0 keeps all batches at one size")
