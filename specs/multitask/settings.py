"""What a training of the multi-task network may be like: sections of its spec, and the same as settings in
tltpipe.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Lt

from specs import sections
from specs.sections import STRICT, Count, NotNegative, Positive, Share, Whole

STRIDE = 32
"""Pixels of the input that a cell of the last map stands for."""
Side = Annotated[int, Ge(STRIDE)]
Half = Annotated[float, Ge(0), Lt(0.5)]
Backbone = Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
Figure = Literal["top1", "top3", "top5", "accuracy", "recall3", "recall5", "box_iou", "box_iou_above_50"]


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network."""

    __pydantic_config__: ClassVar = STRICT

    backbone: Backbone = "resnet18"
    """Backbone, torchvision's."""
    box: bool = True
    """Predict the box of the garment."""
    local_features: bool = True
    """Categories and attributes also go by 3 x 3 cells of features within the predicted box."""
    local_pooling: Literal["align", "max"] = "align"
    """How those cells come about: align interpolates (RoIAlign), max takes the largest of each third of the cells that
    the box touches, as the published network does."""
    heads: Literal["joint", "per_type"] = "joint"
    """joint: all categories exclude each other; per_type: a head for each type of garment (upper, lower, full body),
    of which only that of the labelled type learns, and one that tells the types apart."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Share of the features that is dropped in each step of the training, before the heads."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What the network learns by, beside the cross entropy of categories."""

    __pydantic_config__: ClassVar = STRICT

    attribute_loss: Literal["bce", "hinge"] = "bce"
    """Loss of each attribute: binary cross entropy, or hinge."""
    reduce_sum: bool = False
    """Sum over the attributes, then the mean over images, in place of the mean over both."""
    beta: NotNegative = 1.0
    """Factor of the loss of boxes."""
    pos_weights: bool = False
    """Images that have an attribute weigh as the others are more than they, by the training data."""
    pos_weights_scale: Positive = 1.0
    """The largest of those weights; the others are in proportion."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """How images come to the network."""

    __pydantic_config__: ClassVar = STRICT

    batch_size: Count = 64
    """Images a step on each GPU."""
    workers: Whole = 0
    """Processes that load images; 0 leaves the number to the program."""
    width: Side = 224
    """Width of the input in pixels."""
    height: Side = 224
    """Height of the input in pixels."""
    resize: Whole = 256
    """Width that images are stretched to before the input is cut out of them, their height in proportion to that of
    the input: at random in training, the middle else; 0: straight to the input."""
    tasks: tuple[str, ...] = ()
    """Names of the tasks of one choice each, the first of which is the category (default: the columns of a CSV of
    several tasks; of other data the category alone)."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is drawn anew for each training image, beside the place of the cut."""

    __pydantic_config__: ClassVar = STRICT

    random_flip: Share = 0.5
    """How often an image is mirrored left to right."""
    zoom: Half = 0.0
    """Largest change of the size of what is seen, as a share of it, either way."""
    shift: Half = 0.0
    """Largest shift, as a share of the input, either way."""


@dataclass(frozen=True, kw_only=True)
class Optim(sections.Optim):
    """The optimiser, and the learning rate over time."""

    optimizer: Literal["sgd", "adam", "adamw", "rmsprop"] = "adam"
    """The optimiser."""
    lr: Positive = 1e-4
    """Learning rate, before the schedule."""
    weight_decay: NotNegative = 0.0


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """Settings of the evaluation in tltpipe.yaml."""

    __pydantic_config__: ClassVar = STRICT

    eval_batch_size: Count = 64
    """Images a step in validation."""
    primary: Figure = "top1"
    """The figure that picks the best epoch."""


@dataclass(frozen=True, kw_only=True)
class Multitask(EvaluateSettings, Optim, sections.TrainSettings, Augmentation, Images, Loss, Model):
    """Training and validation of the network of several tasks; the defaults are those of the published program."""

    num_epochs: Count = 50
    """Passes over the training images."""
