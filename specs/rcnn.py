"""Sections of the training specs of R-CNNs: YAML in the layout of TAO 5, the model's fields by torchvision's names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, MinLen

from specs.sections import (
    STRICT,
    Count,
    Evaluate,
    Export,
    Inference,
    Inner,
    Mapped,
    Positive,
    Share,
    Source,
    Train,
    Whole,
)

DATA = "coco"
"""What they are trained on within the pipeline."""
MAKING = ("train",)
"""Sections that only say how weights come about, not what a model with them is."""
SHORTHANDS = {"epochs": "num_epochs", "batch": "batch_size", "img": "min_size"}
"""What options of commands call these settings for short."""
SMALLEST = 64
"""Pixels of min_size: two cells of the coarsest map, since normalisation layers need more than one."""
STAGES = {"mobilenet_v3_large": (0, 5)}
"""First and last stage that a pyramid can stand on; of a ResNet 1 and 4."""


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """The feature pyramid."""

    __pydantic_config__: ClassVar = STRICT

    type: Literal["resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v3_large"] = "resnet50"
    """Backbone below the pyramid."""
    norm: Literal["batch", "frozen"] = "batch"
    """batch: normalisation layers learn; frozen: they keep to pretrained weights, without which nothing is learnt."""
    trainable_layers: Annotated[int, Ge(0), Le(6)] = 6
    """Stages that learn, counted from the last one; a ResNet has 5, mobilenet_v3_large 6."""
    returned_layers: tuple[Whole, ...] = ()
    """Stages that the pyramid stands on (default: 1 to 4; 4 and 5 of mobilenet_v3_large)."""
    fpn_channels: Count = 256
    """Channels of the pyramid."""


@dataclass(frozen=True, kw_only=True)
class Rpn:
    """The network that proposes regions."""

    __pydantic_config__: ClassVar = STRICT

    pre_nms_top_n_train: Count = 2000
    """Proposals of each level before suppression, in training."""
    pre_nms_top_n_test: Count = 1000
    """The same in evaluation and inference."""
    post_nms_top_n_train: Count = 2000
    """Proposals of an image after suppression, in training."""
    post_nms_top_n_test: Count = 1000
    """The same in evaluation and inference."""
    nms_thresh: Inner = 0.7
    """Of two proposals that overlap (IoU) more, the weaker is dropped."""
    fg_iou_thresh: Inner = 0.7
    """Overlap from which an anchor stands for an object."""
    bg_iou_thresh: Inner = 0.3
    """Overlap below which an anchor is background."""
    batch_size_per_image: Count = 256
    """Anchors of an image in the loss."""
    positive_fraction: Share = 0.5
    """Largest share of them that stand for objects."""
    score_thresh: Share = 0.0
    """Proposals with a lower score are dropped."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """The head that classifies the proposals."""

    __pydantic_config__: ClassVar = STRICT

    score_thresh: Share = 0.05
    """Detections with a lower score are dropped."""
    nms_thresh: Inner = 0.5
    """Of two detections of a class that overlap (IoU) more, the weaker is dropped."""
    detections_per_img: Count = 100
    """Most detections on an image."""
    fg_iou_thresh: Inner = 0.5
    """Overlap from which a proposal is an object."""
    bg_iou_thresh: Inner = 0.5
    """Overlap below which a proposal is background."""
    batch_size_per_image: Count = 512
    """Proposals of an image in the loss."""
    positive_fraction: Share = 0.25
    """Largest share of them that are objects."""
    representation_size: Count = 1024
    """Width of the hidden layers."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network, with torchvision's defaults."""

    __pydantic_config__: ClassVar = STRICT

    version: Literal[1, 2] = 1
    """2: the deeper heads of torchvision's fasterrcnn_resnet50_fpn_v2, slower by a factor of 2.7."""
    backbone: Backbone = field(default_factory=Backbone)
    min_size: Annotated[tuple[Annotated[int, Ge(SMALLEST)], ...], MinLen(1)] = (800,)
    """Shorter side of an image in pixels; of several each training image gets one at random, all others the last."""
    max_size: Count = 1333
    """Longest side of an image in pixels: where min_size would give more, the image is made smaller still."""
    anchor_sizes: tuple[Annotated[tuple[Positive, ...], MinLen(1)], ...] = ()
    """Sides of the anchors in pixels, a list for each level of the pyramid and one for the level above them
    (default: 32, 64, 128, 256, 512; of mobilenet_v3_large all of them on each level)."""
    aspect_ratios: Annotated[tuple[Positive, ...], MinLen(1)] = (0.5, 1.0, 2.0)
    """Height / width of the anchors."""
    rpn: Rpn = field(default_factory=Rpn)
    box: Box = field(default_factory=Box)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is drawn anew for each training image."""

    __pydantic_config__: ClassVar = STRICT

    random_flip: Share = 0.5
    """How often an image is mirrored left to right."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The images."""

    __pydantic_config__: ClassVar = STRICT

    train_data_sources: tuple[Source, ...]
    """Images to train on."""
    val_data_sources: tuple[Source, ...] = ()
    """Images to validate on (default: no validation)."""
    classes: tuple[str, ...]
    """Names of the classes, in the order of their labels; objects of any others are left out."""
    class_mapping: tuple[Mapped, ...] = ()
    """Classes of the data that are trained as one of classes (default: none)."""
    batch_size: Count = 2
    """Images a step on each GPU."""
    workers: Whole = 0
    """Processes that load images; 0 leaves the number to the program."""
    augmentation: Augmentation = field(default_factory=Augmentation)


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


def default_stages(backbone: Backbone) -> tuple[int, ...]:
    """The stages that the pyramid stands on."""
    return backbone.returned_layers or ((4, 5) if backbone.type == "mobilenet_v3_large" else (1, 2, 3, 4))
