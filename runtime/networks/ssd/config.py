"""What there is to say of an SSD, whichever spec it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runtime.networks.ssd.loss import Loss
from runtime.tasks.detection.detections import Thresholds

# The IoU from which an anchor takes an object, and below which it is background; between the two it is in no loss.
# The TLT 2.0 spec has no fields for them and its code was never published; these are the defaults of its successors.
POSITIVE_IOU = 0.5
NEGATIVE_IOU = 0.5

MEAN_BGR = (103.939, 116.779, 123.68)

Regularizer = Literal["NO_REG", "L1", "L2"]


@dataclass(frozen=True)
class Settings:
    """An SSD in plain values. Sizes in pixels as (height, width); lists have one entry per feature map."""

    input_size: tuple[int, int]
    arch: str
    nlayers: int
    scales: tuple[float, ...]
    """MAPS + 1 of them, as shares of the shorter side of the input; the last only feeds an extra square."""
    aspect_ratios: tuple[tuple[float, ...], ...]
    variances: tuple[float, ...]
    loss: Loss
    input_channels: int = 3
    two_boxes_for_ar1: bool = True
    clip_boxes: bool = False
    steps: tuple[tuple[float, float], ...] | None = None
    """Pixels between anchor centres, (vertical, horizontal); None: the input's size over the map's."""
    offsets: tuple[tuple[float, float], ...] | None = None
    """First centre in steps, (vertical, horizontal); None: 0.5."""
    mean: tuple[float, ...] = MEAN_BGR
    """Taken off the pixels: of B, G and R, or one number for grey."""
    prediction_channels: int = 0
    """Channels of the prediction module between a map and its heads; 0: there is none."""
    positive_iou: float = POSITIVE_IOU
    negative_iou: float = NEGATIVE_IOU
    training_iou: tuple[float, float] | None = None
    """Other thresholds, positive and negative, for training."""
    training_mean: tuple[float, ...] | None = None
    """Another mean for training."""
    freeze_bn: bool = False
    freeze_blocks: tuple[int, ...] = ()
    regularizer: Regularizer = "NO_REG"
    regularizer_weight: float = 0.0
    confidence_threshold: float = 0.01
    clustering_iou_threshold: float = 0.6
    top_k: int = 200
    strict: bool = False
    """NVIDIA's behaviour to the letter (docs/strict.md)."""
    size_field: str = "augmentation_config"
    """What to name in an error about the input's size."""
    section: str = "ssd_config"
    """What to name in advice about anchors."""

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.confidence_threshold, self.clustering_iou_threshold, self.top_k)
