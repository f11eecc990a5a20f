"""What a training of YOLOX may be like: sections of its spec, and the same as settings in tltpipe.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from specs import sections
from specs.sections import STRICT, Count, Inner, NotNegative, Positive, Share, Side, Whole

RATE = 0.01 / 64
"""Learning rate for each image of a step."""
Range = tuple[Positive, Positive]


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network."""

    __pydantic_config__: ClassVar = STRICT

    type: Literal["nano", "tiny", "s", "m", "l", "x"] = "s"
    """Size of the network, as YOLOX calls it; nano has depth-wise convolutions."""
    nms_thresh: Inner = 0.65
    """Of two detections of a class that overlap (IoU) more, the weaker is dropped."""
    score_thresh: Share = 0.01
    """Detections with a lower score are dropped."""
    detections_per_img: Count = 300
    """Most detections on an image."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """How images come to the network."""

    __pydantic_config__: ClassVar = STRICT

    batch_size: Count = 64
    """Images a step on each GPU."""
    workers: Whole = 0
    """Processes that load images; 0 leaves the number to the program."""
    width: Side = 640
    """Width of the input in pixels, a multiple of 32."""
    height: Side = 640
    """Height of the input in pixels, a multiple of 32."""
    letterbox: bool = True
    """Images keep their aspect ratio, in the top left corner of a grey input; false: they are stretched to fill it."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is drawn anew for each training image."""

    __pydantic_config__: ClassVar = STRICT

    mosaic: Share = 1.0
    """How often four images make one, which is then rotated, scaled, sheared and moved."""
    mixup: Share = 1.0
    """How often another image is laid over a mosaic, half of each showing."""
    mosaic_scale: Range = (0.1, 2.0)
    """Smallest and largest factor that a mosaic is scaled by."""
    mixup_scale: Range = (0.5, 1.5)
    """Smallest and largest factor that the image laid over a mosaic is scaled by."""
    degrees: NotNegative = 10.0
    """Largest rotation of a mosaic, either way."""
    translate: Share = 0.1
    """Largest shift of a mosaic, as a share of the input, either way."""
    shear: NotNegative = 2.0
    """Largest shear of a mosaic in degrees, either way."""
    hsv_h: Share = 0.015
    """Largest change of the hue, as a share of the circle."""
    hsv_s: Share = 0.7
    """Largest change of the saturation, as a share of it."""
    hsv_v: Share = 0.4
    """Largest change of the brightness, as a share of it."""
    random_flip: Share = 0.5
    """How often an image is mirrored left to right."""
    multi_scale: Whole | None = None
    """Sides of the input vary by up to so many times 32 pixels, batch by batch (default: a quarter of them, 5 of
    640)."""
    closing_epochs: Whole | Inner | None = None
    """Last epochs, or their share of all, without mosaic, mixup, rotation, scaling and shear, which learn the boxes by
    the L1 loss, too (default: 15, of a short training a fifth)."""


@dataclass(frozen=True, kw_only=True)
class Optim(sections.Optim):
    """The optimiser, and the learning rate over time."""

    # What is None here depends on other fields: specs.yolox.settled has all values.
    lr: Positive | None = None  # type: ignore[assignment]
    """Learning rate, before the schedule (default: 0.01 for a batch_size of 64, in proportion)."""
    nesterov: bool | None = None  # type: ignore[assignment]
    """Nesterov's momentum (default: true where the optimiser is sgd with momentum)."""
    weight_decay: NotNegative = 5e-4
    norm_weight_decay: NotNegative | None = 0.0
    lr_scheduler: Literal["constant", "multistep", "step", "poly", "cosine"] = "cosine"
    lr_min: NotNegative | None = None  # type: ignore[assignment]
    """Learning rate at the end of poly and cosine (default: a twentieth of lr)."""
    lr_flat_epochs: Whole | None = None  # type: ignore[assignment]
    """Last epochs of poly and cosine that stay at lr_min (default: closing_epochs)."""
    warmup_epochs: NotNegative | None = None  # type: ignore[assignment]
    """Epochs in which the rate climbs from 0 (default: 5, of a short training a tenth)."""
    warmup_curve: Literal["linear", "quadratic"] = "quadratic"


@dataclass(frozen=True, kw_only=True)
class TrainSettings(sections.TrainSettings):
    """What of the training is no section of its own."""

    num_epochs: Count = 300
    enable_ema: bool = True
    ema_decay: Inner = 0.9998


@dataclass(frozen=True, kw_only=True)
class Yolox(sections.EvaluateSettings, Optim, TrainSettings, Augmentation, Images, Model):
    """Training and validation of a YOLOX detector; the defaults are those of its published recipe."""

    eval_batch_size: Count = 16
