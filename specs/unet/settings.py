"""What a training of per-pixel classes may be like: sections of its spec, and the same as settings in tltpipe.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Gt, Le

from specs import sections
from specs.sections import STRICT, Count, NotNegative, Positive, Share, Side, Whole

Part = Annotated[float, Gt(0), Le(1)]
Arch = Literal["unet", "unetplusplus", "fpn", "deeplabv3plus", "upernet", "segformer", "fairnet"]
Painting = Literal["larger_first", "smaller_first", "annotation", "reverse"]
Figure = Literal["mIoU", "mIoU_without_background", "boundary_F1"]


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network."""

    __pydantic_config__: ClassVar = STRICT

    arch: Arch = "unet"
    """Architecture: those of segmentation-models-pytorch, or fairnet (docs/unet.md)."""
    encoder: str = "resnet18"
    """Encoder: a name of segmentation-models-pytorch, or tu- and that of a model of timm."""
    decoder_channels: tuple[Count, ...] = ()
    """Channels of the decoder: of unet and unetplusplus five, the coarsest first; of the others one (default: those of
    the architecture)."""
    dilations: tuple[Count, ...] = (2, 3, 5)
    """Of fairnet: the dilation of each block of the last stage of its encoder."""
    preprocess: Literal["imagenet", "min_max_-1_1", "min_max_0_1"] = "imagenet"
    """What the network does to pixels: less the mean of ImageNet's and divided by their deviation, or in a range."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What the network learns by."""

    __pydantic_config__: ClassVar = STRICT

    loss: Literal["cross_entropy", "dice", "cross_dice_sum"] = "cross_entropy"
    """The loss; cross_dice_sum is the sum of both."""
    class_weights: tuple[Positive, ...] = ()
    """Weights of the background and of each class in the cross entropy (default: all the same)."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """How images come to the network."""

    __pydantic_config__: ClassVar = STRICT

    batch_size: Count = 16
    """Images a step on each GPU."""
    workers: Whole = 0
    """Processes that load images; 0 leaves the number to the program."""
    width: Side = 320
    """Width of the input in pixels, a multiple of 32."""
    height: Side = 512
    """Height of the input in pixels, a multiple of 32."""
    resize: Literal["stretch", "letterbox"] = "stretch"
    """stretch: images fill the input; letterbox: they keep their aspect ratio, the rest is not learnt from."""
    painting: Painting = "larger_first"
    """Order in which masks of objects are painted onto the map of classes; later ones cover earlier ones."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is drawn anew for each training image."""

    __pydantic_config__: ClassVar = STRICT

    random_flip: Share = 0.5
    """How often an image is mirrored left to right."""
    brightness: Share = 0.1
    """Largest change of the brightness, as a share of it."""
    contrast: Share = 0.1
    """Largest change of the contrast, as a share of it."""
    saturation: Share = 0.1
    """Largest change of the saturation, as a share of it."""
    hue: Annotated[NotNegative, Le(0.5)] = 0.05
    """Largest change of the hue, as a share of the circle."""
    random_crop: Share = 0.33
    """How often a part of an image is cut out and resized."""
    crop_area: tuple[Part, Part] = (0.5, 1.0)
    """Smallest and largest share of the image's area that is cut out."""
    cut_paste: Share = 0.4
    """How often what is not background is cut out and pasted on an image of backgrounds."""
    backgrounds: str = ""
    """Folder of images to paste on (default: nothing is pasted)."""


@dataclass(frozen=True, kw_only=True)
class Optim(sections.Optim):
    """The optimiser, and the learning rate over time."""

    optimizer: Literal["sgd", "adam", "adamw", "rmsprop"] = "adam"
    lr: Positive = 2e-4
    lr_scheduler: Literal["constant", "multistep", "step", "poly", "cosine"] = "poly"
    lr_min: NotNegative = 1e-7
    lr_decay_epochs: Whole = 0
    """Epochs in which poly and cosine fall to lr_min; 0, or more than there are: all of them."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings(sections.TrainSettings):
    """What of the training is no section of its own."""

    num_epochs: Count = 200


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """Settings of the evaluation, in the spec and in tltpipe.yaml."""

    __pydantic_config__: ClassVar = STRICT

    primary: Figure = "mIoU"
    """The figure that picks the best epoch: mean IoU of all classes and the background, of the classes alone, or
    boundary_F1, which needs boundary_f1: true."""
    boundary_f1: bool = False
    """Also measure how well the borders of classes agree."""


@dataclass(frozen=True, kw_only=True)
class Unet(Measuring, Optim, TrainSettings, Augmentation, Images, Loss, Model):
    """Training and validation of per-pixel classes; the defaults are the rates of the published FairNet."""

    eval_batch_size: Count = 16
    """Images a step in validation."""
