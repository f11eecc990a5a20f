"""The settings of SSD's training specs, in blocks: those of one dialect alone apart from those of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Len, Lt

from specs.sections import STRICT, Inner, Positive, Share


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The seed, the network and its anchors."""

    __pydantic_config__: ClassVar = STRICT

    random_seed: Annotated[int, Ge(0), Lt(2**32)] = 42
    """Start of every random choice."""

    arch: Literal[
        "resnet",
        "vgg",
        "darknet",
        "mobilenet_v1",
        "mobilenet_v2",
        "squeezenet",
        "googlenet",
        "efficientnet_b0",
    ] = "resnet"
    """Backbone."""
    nlayers: Annotated[int, Ge(0)] = 18
    """Depth of the backbone: resnet 10, 18, 34, 50, 101; vgg 16, 19; darknet 19, 53; the others have none."""
    input_width: Annotated[int, Gt(32)] = 288
    """Width of the network's input in pixels; a multiple of 32 fits best."""
    input_height: Annotated[int, Gt(32)] = 288
    """Height of the network's input in pixels; a multiple of 32 fits best."""
    scales: Annotated[tuple[Positive, ...], Len(7, 7)] = (0.05, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85)
    """Anchor sizes of the six feature maps, as shares of the shorter input side; the seventh closes the row."""
    aspect_ratios_global: Annotated[tuple[Positive, ...], Len(1)] = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0)
    """Anchor shapes, width / height, on every feature map."""
    two_boxes_for_ar1: bool = True
    """A second, larger square anchor where the aspect ratio is 1."""
    clip_boxes: bool = False
    """Cut anchors off at the border of the image."""
    variances: Annotated[tuple[Positive, ...], Len(4, 4)] = (0.1, 0.1, 0.2, 0.2)
    """Divisors of the box offsets: centre x, centre y, width, height."""


@dataclass(frozen=True, kw_only=True)
class FocalSettings:
    """The loss of TLT 2.0."""

    __pydantic_config__: ClassVar = STRICT

    loss_loc_weight: Positive = 0.8
    """Weight of the box loss beside the class loss."""
    focal_loss_alpha: Inner = 0.25
    """Weight of objects in the class loss; the background has 1 - alpha."""
    focal_loss_gamma: Positive = 2.0
    """How much the class loss leaves easy anchors aside."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The loss of TLT 3.0 and later, the training, and how it is measured."""

    __pydantic_config__: ClassVar = STRICT

    alpha: Positive = 1.0
    """Weight of the box loss beside the class loss (TLT 3.0 and later)."""
    neg_pos_ratio: Positive = 3.0
    """Background anchors in the loss for every positive one (TLT 3.0 and later; NVIDIA's own allow nothing but 3)."""
    pos_iou_thresh: Inner = 0.5
    """Overlap (IoU) from which an anchor takes an object (TLT 3.0 and later)."""
    neg_iou_thresh: Inner = 0.5
    """Overlap below which an anchor is background; between the two it is in no loss (TLT 3.0 and later)."""
    pred_num_channels: Literal[0, 256, 512, 1024] = 0
    """Channels of the prediction modules before the heads; 0 for none."""
    freeze_bn: bool = False
    """Keep the backbone's batch normalisation at its stored statistics."""
    freeze_blocks: tuple[Annotated[int, Ge(0)], ...] = ()
    """Blocks of the backbone whose convolutions do not learn."""

    batch_size_per_gpu: Annotated[int, Gt(0)] = 16
    """Images a step on each GPU."""
    num_epochs: Annotated[int, Gt(0)] = 80
    """Passes over the training images."""
    checkpoint_interval: Annotated[int, Gt(0)] = 10
    """Keep the checkpoint of every so many epochs."""
    learning_rate_schedule: Literal["soft_start_annealing", "soft_start_cosine_annealing"] = "soft_start_annealing"
    """Form of the learning rate over time; NVIDIA's own refuse the cosine for SSD."""
    min_learning_rate: Positive = 5e-5
    """Learning rate at the start and at the end."""
    max_learning_rate: Positive = 2e-2
    """Learning rate between the two ramps."""
    soft_start: Inner = 0.15
    """Share of the training after which the rate has climbed to its maximum."""
    annealing: Inner = 0.8
    """Share of the training after which the rate falls again; a cosine falls at once."""
    optimizer: Literal["sgd", "adam", "rmsprop"] = "sgd"
    """What moves the weights (TLT 3.0 and later; NVIDIA's own always take sgd); sgd has a momentum of 0.9."""
    early_stopping: Literal["off", "loss", "validation_loss"] = "off"
    """End early when this stops falling (TLT 3.0 and later)."""
    early_stopping_patience: Annotated[int, Ge(0)] = 10
    """Epochs without an improvement before that end."""
    early_stopping_min_delta: Annotated[float, Ge(0)] = 0.0
    """A smaller fall is no improvement."""
    regularizer: Literal["NO_REG", "L1", "L2"] = "L1"
    """Penalty on the weights of convolutions."""
    regularizer_weight: Annotated[float, Ge(0), Lt(1)] = 3e-9
    """Factor of that penalty; without effect for NO_REG."""
    n_workers: Annotated[int, Ge(0)] = 0
    """Processes that load images; 0 leaves the number to the program."""

    validation_period: Annotated[int, Gt(0)] = 10
    """Validate after every so many epochs."""
    average_precision_mode: Literal["SAMPLE", "INTEGRATE"] = "SAMPLE"
    """SAMPLE: mean of 11 points of the curve (VOC 2007); INTEGRATE: the area below it (VOC 2010)."""
    eval_batch_size: Annotated[int, Gt(0)] = 16
    """Images a step in validation."""
    matching_iou_threshold: Inner = 0.5
    """Overlap (IoU) from which a detection counts as right."""

    confidence_threshold: Inner = 0.01
    """Detections with a lower score are dropped; a low one keeps the average precision comparable."""
    clustering_iou_threshold: Inner = 0.6
    """Of two detections of a class that overlap (IoU) more, the weaker is dropped."""
    top_k: Annotated[int, Gt(0)] = 200
    """Most detections on an image."""


@dataclass(frozen=True, kw_only=True)
class WarpSettings:
    """Online augmentation of TLT 2.0."""

    __pydantic_config__: ClassVar = STRICT

    hflip_probability: Share = 0.5
    """How often a training image is mirrored left to right."""
    vflip_probability: Share = 0.0
    """How often a training image is mirrored top to bottom."""
    zoom_min: Positive = 0.7
    """Smallest magnification of a training image; below 1 shrinks it."""
    zoom_max: Positive = 1.8
    """Largest magnification of a training image."""
    translate_max_x: Annotated[float, Ge(0)] = 8.0
    """Largest shift to either side, in pixels of the network's input."""
    translate_max_y: Annotated[float, Ge(0)] = 8.0
    """Largest shift up or down, in pixels of the network's input."""
    hue_rotation_max: Annotated[float, Ge(0), Le(360)] = 25.0
    """Largest turn of the hue, in degrees."""
    saturation_shift_max: Share = 0.2
    """Largest relative change of the saturation."""
    contrast_scale_max: Share = 0.1
    """Largest relative change of the contrast."""
    contrast_center: Share = 0.5
    """Level that contrast leaves alone, 0 black to 1 white."""


@dataclass(frozen=True, kw_only=True)
class CropsSettings:
    """Online augmentation of TLT 3.0 and later."""

    __pydantic_config__: ClassVar = STRICT

    random_crop_min_scale: Annotated[float, Gt(0), Le(1)] = 0.3
    """Smallest crop of a training image, as a share of its sides (TLT 3.0 and later, as what follows)."""
    random_crop_max_scale: Annotated[float, Gt(0), Le(1)] = 1.0
    """Largest crop; both 1.0: no crops."""
    random_crop_min_ar: Positive = 0.5
    """Narrowest crop, width / height."""
    random_crop_max_ar: Positive = 2.0
    """Widest crop."""
    zoom_out_min_scale: Annotated[float, Ge(1)] = 1.0
    """Smallest canvas that a training image is put on, in sides of it."""
    zoom_out_max_scale: Annotated[float, Ge(1)] = 2.0
    """Largest canvas; both 1.0: none."""
    brightness: Annotated[int, Ge(0)] = 24
    """Largest change of brightness, of 255 levels."""
    contrast: Annotated[float, Ge(0), Lt(1)] = 0.3
    """Largest relative change of the contrast."""
    saturation: Annotated[float, Ge(0), Lt(1)] = 0.3
    """Largest relative change of the saturation."""
    hue: Annotated[int, Ge(0)] = 12
    """Largest turn of the hue, in steps of 2 degrees; with TFRecords in degrees."""
    random_flip: Share = 0.5
    """How often a training image is mirrored left to right."""


@dataclass(frozen=True, kw_only=True)
class Ssd(CropsSettings, WarpSettings, TrainingSettings, FocalSettings, NetworkSettings):
    """Training, validation and online augmentation of an SSD detector; the defaults serve DeepFashion2."""

    __pydantic_config__: ClassVar = STRICT
