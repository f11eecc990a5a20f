"""The network: backbone, neck, head, and what is done with the head's maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from runtime.networks import Tensors
from runtime.networks.yolox import decode, losses
from runtime.networks.yolox.pyramid import SIZES, Head, Pyramid
from runtime.networks.yolox.settings import Settings


class YOLOX(nn.Module):
    """A Model (runtime/networks/__init__.py) with YOLOX's names of weights.

    Images are float32 RGB from 0 to 255, [B, 3, H, W], of any multiples of 32.
    """

    of_classes = ("head.cls_preds",)
    """Below these names weights depend on the number of classes."""

    def __init__(self, settings: Settings, *, classes: int) -> None:
        super().__init__()
        self.settings = settings
        self.input_size = settings.input_size
        size = SIZES[settings.network.type]
        self.backbone = Pyramid(size)
        self.head = Head(size, classes)
        self.closing = False
        # Convolutions on a CPU are faster with the channels of a pixel side by side.
        self.to(memory_format=torch.channels_last)

    def begin_epoch(self, epoch: int) -> None:
        """Epochs count from 1."""
        self.closing = epoch >= self.settings.closing

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Backbone and neck alone, where the time goes: assignment has other shapes in every batch."""
        self.backbone.compile(*args, **kwargs)

    def forward(self, images: Tensor, targets: Sequence[Tensors]) -> dict[str, Tensor]:
        """The losses "iou", "objectness", "classification" and, in the closing epochs of a training, "l1"."""
        return self._losses(self.raw(images), targets)

    @torch.no_grad()
    def predict(self, images: Tensor) -> list[dict[str, Tensor]]:
        """After suppression, best first; boxes are not clipped."""
        return self._detections(self.raw(images))

    @torch.no_grad()
    def predict_with_loss(
        self, images: Tensor, targets: Sequence[Tensors]
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Both, of one pass through the network."""
        maps = self.raw(images)
        return self._detections(maps), self._losses(maps, targets)

    def raw(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps [B, 5 + C, h, w] at strides 8, 16 and 32, all logits: box, object, classes."""
        maps: tuple[Tensor, ...] = self.head(self.backbone(images.flip(1)))
        return maps

    def _losses(self, maps: Sequence[Tensor], targets: Sequence[Tensors]) -> dict[str, Tensor]:
        return losses.losses(maps, targets, l1=self.training and self.closing)

    def _detections(self, maps: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        network = self.settings.network
        return decode.detections(
            maps,
            score_threshold=network.score_thresh,
            iou_threshold=network.nms_thresh,
            most=network.detections_per_img,
        )
