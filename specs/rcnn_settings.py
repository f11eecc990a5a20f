"""What tltpipe.yaml and --set may say about R-CNNs; their templates put it where the spec has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, MinLen

from specs.rcnn import SMALLEST
from specs.sections import STRICT, Count, EvaluateSettings, Inner, Optim, Positive, Share, TrainSettings, Whole


@dataclass(frozen=True, kw_only=True)
class Network:
    """The model and its images."""

    __pydantic_config__: ClassVar = STRICT

    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v3_large"] = "resnet50"
    """Backbone below the feature pyramid."""
    version: Literal[1, 2] = 1
    """2: the deeper heads of torchvision's fasterrcnn_resnet50_fpn_v2, slower by a factor of 2.7."""
    norm: Literal["batch", "frozen"] = "batch"
    """batch: normalisation layers learn; frozen: they keep to pretrained weights, without which nothing is learnt."""
    trainable_layers: Annotated[int, Ge(0), Le(6)] = 6
    """Stages of the backbone that learn, counted from the last one; a ResNet has 5, mobilenet_v3_large 6."""
    returned_layers: tuple[Whole, ...] = ()
    """Stages that the pyramid stands on; none are 1 to 4, of mobilenet_v3_large 4 and 5."""
    fpn_channels: Count = 256
    """Channels of the pyramid."""
    min_size: Annotated[tuple[Annotated[int, Ge(SMALLEST)], ...], MinLen(1)] = (800,)
    """Shorter side of an image in pixels; of several each training image gets one at random, all others the last."""
    max_size: Count = 1333
    """Longest side of an image in pixels: where min_size would give more, the image is made smaller still."""
    anchor_sizes: tuple[tuple[Positive, ...], ...] = ()
    """Sides of the anchors in pixels, a list for each level of the pyramid and one for the level above them; none are
    torchvision's, 32 to 512."""
    aspect_ratios: Annotated[tuple[Positive, ...], MinLen(1)] = (0.5, 1.0, 2.0)
    """Height / width of the anchors."""
    rpn_pre_nms_top_n_train: Count = 2000
    """Proposals of each level before suppression, in training."""
    rpn_pre_nms_top_n_test: Count = 1000
    """The same in evaluation and inference."""
    rpn_post_nms_top_n_train: Count = 2000
    """Proposals of an image after suppression, in training."""
    rpn_post_nms_top_n_test: Count = 1000
    """The same in evaluation and inference."""
    rpn_batch_size_per_image: Count = 256
    """Anchors of an image in the loss."""
    rpn_score_thresh: Share = 0.0
    """Proposals with a lower score are dropped."""
    box_score_thresh: Share = 0.05
    """Detections with a lower score are dropped."""
    box_nms_thresh: Inner = 0.5
    """Of two detections of a class that overlap (IoU) more, the weaker is dropped."""
    box_detections_per_img: Count = 100
    """Most detections on an image."""
    box_batch_size_per_image: Count = 512
    """Proposals of an image in the loss."""
    box_representation_size: Count = 1024
    """Width of the hidden layers that classify a proposal."""

    batch_size: Count = 2
    """Images a step on each GPU."""
    workers: Whole = 0
    """Processes that load images; 0 leaves the number to the program."""
    random_flip: Share = 0.5
    """How often a training image is mirrored left to right."""


@dataclass(frozen=True, kw_only=True)
class Rcnn(EvaluateSettings, Optim, TrainSettings, Network):
    """Training and validation; the defaults are those of torchvision's reference script."""

    num_epochs: Count = 26
    lr: Positive = 0.0025  # for 2 images a step: 0.02 is for 16
    warmup_steps: Whole = 1000
