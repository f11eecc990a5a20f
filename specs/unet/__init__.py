"""The training spec of per-pixel classes: YAML in the layout of TAO 5."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import ClassVar

from specs import sections
from specs.sections import STRICT, Count, Export, Mapped, Source
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
    if train.num_iterations or not 0 < optim.lr_decay_epochs < train.num_epochs:
        return train
    return replace(train, optim=replace(optim, lr_flat_epochs=train.num_epochs - optim.lr_decay_epochs))
