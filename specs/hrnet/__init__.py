"""The training spec of HRNet: YAML in the layout of TAO 5, augmentation and testing by HRNet's terms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import ClassVar

from specs import sections
from specs.hrnet.settings import EPOCHS, STEPS, Augmentation, Hrnet, Images, Measuring, Model, Optim, TrainSettings
from specs.sections import STRICT, Count, Export, Inference, Source
from specs.yaml_spec import measuring, more_epochs, training

__all__ = ["measuring", "more_epochs", "training"]

DATA = "coco"
"""What it is trained on within the pipeline."""
MAKING = ("train",)
"""Sections that only say how weights come about, not what a model with them is."""
SHORTHANDS = {"epochs": "num_epochs", "batch": "batch_size", "size": "type"}
"""What options of commands call these settings for short."""
PER_CLASS = True
"""`tltpipe landmarks finetune` trains a model of each class from one of all: its TUNABLES have lr, random_flip,
num_epochs and batch_size."""
TUNABLES = Hrnet
RESULTS = {"labels": ".json", "coco": ""}
"""Landmarks are no columns of KITTI: an image has a JSON file."""
SIZE = ("width", "height")
IMAGE_SIZE = ("dataset.width", "dataset.height")


@dataclass(frozen=True, kw_only=True)
class Dataset(Images):
    """The images."""

    train_data_sources: tuple[Source, ...]
    """Images to train on."""
    val_data_sources: tuple[Source, ...] = ()
    """Images to validate on (default: no validation)."""
    classes: tuple[str, ...]
    """Names of the classes, in the order of their labels; objects of any others are left out. Either garments, by
    DeepFashion2's names, or person."""
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, kw_only=True)
class Train(TrainSettings, sections.Train):
    """The training."""

    optim: Optim = field(default_factory=Optim)


@dataclass(frozen=True, kw_only=True)
class Evaluate(Measuring):
    """How the model is measured."""

    batch_size: Count = 32
    """Objects a step."""


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
    """The size that weights are of by their name: "pose_hrnet_w48_384x288.pth", "hrnet_w18_small_v2.safetensors"."""
    found = re.search(r"hrnet[-_](w18_small_v2|w18_small|w18|w32|w48)(?![a-z0-9])", name.lower())
    return {"type": found[1]} if found else {}


def pretrained(tunables: Hrnet) -> str:
    """Where there are weights to start from, in a line."""
    name = f"hrnet_{tunables.type}.ms_in1k"
    return f"https://huggingface.co/timm/{name} (ImageNet), then tltpipe train --from {name}"


def settled(message: Experiment) -> Train:
    """The training with numbers in place of defaults that depend on how long it is."""
    train, optim = message.train, message.train.optim
    if optim.lr_scheduler != "multistep" or optim.lr_steps:
        return train
    length = train.num_iterations or train.num_epochs
    steps = sorted({max(1, round(length * step / EPOCHS)) for step in STEPS})
    return replace(train, optim=replace(optim, lr_steps=tuple(steps)))
