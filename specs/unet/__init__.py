"""The training spec of per-pixel classes: YAML in the layout of TAO 5."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import ClassVar

from specs import sections
from specs.checks import Finding, warn
from specs.sections import STRICT, STRIDE, Count, Export, Mapped, Source, check_data, check_mapping, check_train
from specs.spec import Spec
from specs.unet.settings import Augmentation, Images, Loss, Measuring, Model, Optim, TrainSettings, Unet
from specs.yaml_spec import measuring, more_epochs, training

__all__ = ["measuring", "more_epochs", "training"]

DATA = "coco"
"""What it is trained on within the pipeline."""
MAKING = ("train", "loss")
"""Sections that only say how weights come about, not what a model with them is."""
SHORTHANDS = {"epochs": "num_epochs", "batch": "batch_size", "size": "encoder"}
"""What options of commands call these settings for short."""
TUNABLES = Unet
RESULTS = {"labels": ".png"}
"""A map of classes for each image."""
SIZE = ("width", "height")
IMAGE_SIZE = ("dataset.width", "dataset.height")
STAGES = 5
"""Of the decoders that have channels of their own at each."""
PROGRESSIVE = ("unet", "unetplusplus")
"""Architectures with such decoders."""
POOLING = ("deeplabv3plus", "upernet")
"""Architectures that normalise a map of a single cell, of which a batch has to have more than one."""
NON_COMMERCIAL = re.compile(r"(?<![a-z])(ssl|swsl|wsl|ig|instagram|fcmae|mit_b\d)(?![a-z])")
"""In names of encoders and of their weights: those that Facebook and NVIDIA published for research alone."""


@dataclass(frozen=True, kw_only=True)
class Dataset(Images):
    """The images."""

    train_data_sources: tuple[Source, ...]
    """Images to train on."""
    val_data_sources: tuple[Source, ...] = ()
    """Images to validate on (default: no validation)."""
    classes: tuple[str, ...]
    """Names of the classes but the background, which is 0 in maps; objects of any others are background."""
    class_mapping: tuple[Mapped, ...] = ()
    """Classes of the data that are trained as one of classes (default: none)."""
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, kw_only=True)
class Train(TrainSettings, sections.Train):
    """The training."""

    optim: Optim = field(default_factory=Optim)


@dataclass(frozen=True, kw_only=True)
class Evaluate(Measuring):
    """How the model is measured."""

    batch_size: Count = 16
    """Images a step."""


@dataclass(frozen=True, kw_only=True)
class Inference:
    """Inference on new images, where the command line says nothing else."""

    __pydantic_config__: ClassVar = STRICT

    batch_size: Count = 16
    """Images a step."""


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


def pretrained(tunables: Unet) -> str:
    """Where there are weights of the encoder to start from, in a line."""
    name = tunables.encoder.removeprefix("tu-")
    if name == "resnext101_32x4d":
        return (
            "https://huggingface.co/timm/resnext101_32x4d.gluon_in1k; ssl and swsl weights are not for commercial use"
        )
    what = "research weights, not for commercial use" if NON_COMMERCIAL.search(name) else "weights of its encoder"
    return f"{what}: https://huggingface.co/models?search={name}"


def settled(message: Experiment) -> Train:
    """The training with the end of its curve as epochs in which it stays at its lowest rate."""
    train, optim = message.train, message.train.optim
    if not 0 < optim.lr_decay_epochs < train.num_epochs:
        return train
    return replace(train, optim=replace(optim, lr_flat_epochs=train.num_epochs - optim.lr_decay_epochs))


def check(spec: Spec) -> Iterator[Finding]:
    """What fits by itself and not together."""
    message: Experiment = spec.message
    dataset = message.dataset
    yield from check_data(dataset.train_data_sources, dataset.val_data_sources, dataset.classes)
    yield from check_mapping(dataset.class_mapping, dataset.classes)
    yield from _check_classes(message)
    yield from _check_model(message.model)
    coarsest = (dataset.width * dataset.height) // STRIDE**2
    if dataset.batch_size == 1 and (message.model.arch in POOLING or coarsest == 1):
        what = "batch_size must be 2 or more: the network normalises maps of a single cell over the batch"
        yield Finding("dataset.batch_size", what)
    yield from _check_curve(message.train)
    yield from check_train(message.train)
    smallest, largest = dataset.augmentation.crop_area
    if smallest > largest:
        yield Finding("dataset.augmentation.crop_area", f"crop_area begins at {smallest:g}, above its end, {largest:g}")
    if message.evaluate.primary == "boundary_F1" and not message.evaluate.boundary_f1:
        what = "primary is boundary_F1, which is not measured"
        yield Finding("evaluate.primary", what, "write boundary_f1: true")
    weights = PurePath(message.train.pretrained_model_path).name
    if NON_COMMERCIAL.search(weights.lower()):
        yield warn("train.pretrained_model_path", f"{weights}: such weights were published for non-commercial use only")


def _check_classes(message: Experiment) -> Iterator[Finding]:
    classes, loss = message.dataset.classes, message.loss
    if not classes:
        yield Finding("dataset.classes", "classes is empty: there is no class to train beside the background")
    if "background" in (name.lower() for name in classes):
        yield Finding("dataset.classes", 'classes names "background", which every map has as 0', "leave it out")
    if loss.class_weights and len(loss.class_weights) != len(classes) + 1:
        what = f"class_weights needs {len(classes) + 1} entries, of the background and of each class, "
        yield Finding("loss.class_weights", f"{what}not {len(loss.class_weights)}")
    if loss.class_weights and loss.loss == "dice":
        yield Finding("loss.class_weights", "class_weights are those of the cross entropy, but loss is dice")


def _check_model(model: Model) -> Iterator[Finding]:
    needed = STAGES if model.arch in PROGRESSIVE else 1
    if model.decoder_channels and len(model.decoder_channels) != needed:
        what = f"decoder_channels of {model.arch} needs {needed} {'entries' if needed > 1 else 'entry'}, "
        yield Finding("model.decoder_channels", f"{what}not {len(model.decoder_channels)}")
    if NON_COMMERCIAL.search(model.encoder.lower()):
        what = f"encoder {model.encoder} was published for non-commercial use only"
        yield warn("model.encoder", what)


def _check_curve(train: Train) -> Iterator[Finding]:
    """A rate that ends long before the training does."""
    optim, here = train.optim, "train.optim.lr_decay_epochs"
    if not optim.lr_decay_epochs:
        return
    if optim.lr_scheduler not in ("poly", "cosine"):
        yield Finding(here, "lr_decay_epochs is only used by lr_scheduler: poly and cosine")
    elif train.num_iterations:
        what = f"lr_decay_epochs counts epochs, but num_iterations is {train.num_iterations}"
        yield Finding(here, what, "leave it out: the rate falls over the whole training")
    elif optim.lr_flat_epochs:
        yield Finding(here, "lr_decay_epochs and lr_flat_epochs are both written: only one can be used")
    elif optim.lr_decay_epochs < train.num_epochs:
        rest = train.num_epochs - optim.lr_decay_epochs
        yield warn(
            here, f"the learning rate is at lr_min, {optim.lr_min:g}, in the last {rest} of {train.num_epochs} epochs"
        )
