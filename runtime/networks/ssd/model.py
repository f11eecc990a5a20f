"""The network: features, heads, and what is done with their outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from runtime.networks import Tensors
from runtime.networks.ssd import decode, loss_terms, matching
from runtime.networks.ssd.config import Settings
from runtime.networks.ssd.features import Features, PredictionModule, map_sizes
from runtime.nn.backbones import Backbone
from runtime.nn.layers import BatchNorm, conv, kernels, normal_, penalty
from specs.ssd import geometry
from specs.ssd.anchors import MAPS

GREY_OF_BGR = (0.114, 0.587, 0.299)


class SSD(nn.Module):
    """A Model (runtime/networks/__init__.py). ``num_classes`` does not count the background; ``features`` makes the
    six maps that the heads look at."""

    anchors: Tensor
    variances: Tensor
    pixels: Tensor
    mean: Tensor
    training_mean: Tensor
    grey: Tensor
    outputs = ("conf", "loc")
    of_classes = ("conf",)
    prefixes = ("features.backbone.", "features.")
    backbone_name = "features.backbone"

    def __init__(self, settings: Settings, *, num_classes: int, features: type[Features] = Features) -> None:
        super().__init__()
        self.settings = settings
        self.input_size, self.arch = settings.input_size, settings.arch
        self.channels = settings.loss.channels(num_classes)
        self.features = features(settings)
        counts = [
            geometry.per_cell(ratios, two_boxes_for_ar1=settings.two_boxes_for_ar1) for ratios in settings.aspect_ratios
        ]
        channels = self.features.channels
        if settings.prediction_channels:
            self.mpred = nn.ModuleList(PredictionModule(width, settings.prediction_channels) for width in channels)
            channels = [settings.prediction_channels] * MAPS
        widths = list(zip(channels, counts, strict=True))
        self.conf = nn.ModuleList(_head(width, count * self.channels) for width, count in widths)
        self.loc = nn.ModuleList(_head(width, count * 4) for width, count in widths)
        for head in self.conf:
            nn.init.constant_(cast(Tensor, head.bias), settings.loss.bias())
        if (deviation := settings.loss.deviation()) is not None:
            for head in (*self.conf, *self.loc):
                nn.init.normal_(cast(Tensor, head.weight), std=deviation)
        for module in self.modules():
            if isinstance(module, BatchNorm):
                module.strict = settings.strict
        self._constants(settings)
        self._freeze_blocks(settings)
        # Convolutions on a CPU are faster with the channels of a pixel side by side, and heads then reshape for free.
        self.to(memory_format=torch.channels_last)

    def _constants(self, settings: Settings) -> None:
        corners = geometry.anchors(
            map_sizes(settings),
            input_size=settings.input_size,
            scales=settings.scales,
            aspect_ratios=settings.aspect_ratios,
            two_boxes_for_ar1=settings.two_boxes_for_ar1,
            clip_boxes=settings.clip_boxes,
            steps=settings.steps,
            offsets=settings.offsets,
        )
        height, width = settings.input_size
        # Matching is done in float64, as NVIDIA does it, but not every device can hold that: no buffer.
        self.exact_anchors = torch.tensor(corners, dtype=torch.float64)
        # Made from the spec, hence not in checkpoints; buffers so that they follow the model to its device.
        for name, values in (
            ("anchors", corners),
            ("variances", settings.variances),
            ("pixels", (width, height, width, height)),
            ("mean", _planes(settings.mean)),
            ("training_mean", _planes(settings.training_mean or settings.mean)),
            ("grey", _planes(GREY_OF_BGR)),
        ):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)

    def _freeze_blocks(self, settings: Settings) -> None:
        """The convolutions of these blocks stop learning; their batch norms go on."""
        backbone = cast(Backbone, self.features.backbone)
        for block in settings.freeze_blocks if backbone.blocks else ():
            for name in backbone.blocks[block]:
                for module in backbone.get_submodule(name).modules():
                    if isinstance(module, nn.Conv2d):
                        module.requires_grad_(False)

    def train(self, mode: bool = True) -> SSD:
        """With freeze_bn the backbone's batch norms keep to their stored statistics; scale and shift still learn."""
        super().train(mode)
        if mode and self.settings.freeze_bn:
            for module in self.features.backbone.modules():
                if isinstance(module, BatchNorm):
                    module.eval()
        return self

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Backbone and expansion alone, where the time goes: targets and losses have other shapes in every batch."""
        self.features.compile(*args, **kwargs)

    def forward(self, images: Tensor, targets: Sequence[Tensors]) -> dict[str, Tensor]:
        """The losses "classification", "localization" and, in training where the spec asks for it,
        "regularization"."""
        return self._losses(self.raw(images), targets)

    @torch.no_grad()
    def predict(self, images: Tensor) -> list[Tensors]:
        """After suppression, best first; boxes are not clipped."""
        return self._detections(self.raw(images))

    @torch.no_grad()
    def predict_with_loss(self, images: Tensor, targets: Sequence[Tensors]) -> tuple[list[Tensors], dict[str, Tensor]]:
        """Detections and the validation loss, of one and the same pass through the network."""
        raw = self.raw(images)
        return self._detections(raw), self._losses(raw, targets)

    def raw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits [B, A, channels] and box offsets [B, A, 4] of RGB pictures from 0 to 255."""
        return self.heads(self._prepare(images))

    def dense(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Before suppression: scores [B, A, N] of classes 1 to N, and corners [B, A, 4] in pixels of the input."""
        return self._decode(self.raw(images))

    def _decode(self, raw: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        logits, offsets = raw
        corners = decode.decode(offsets.float(), self.anchors, self.variances) * self.pixels
        return self.settings.loss.scores(logits), corners

    def heads(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The same of pixels [B, channels, H, W] as the backbone wants them: BGR or grey, less the mean."""
        maps = self.features(pixels)
        if self.settings.prediction_channels:
            maps = [module(x) for module, x in zip(self.mpred, maps, strict=True)]
        return _join(maps, self.conf, self.channels), _join(maps, self.loc, 4)

    def _prepare(self, images: Tensor) -> Tensor:
        pixels = images.flip(1) - (self.training_mean if self.training else self.mean)
        if self.settings.input_channels == 1:
            pixels = (pixels * self.grey).sum(dim=1, keepdim=True)
        return pixels.contiguous(memory_format=torch.channels_last)

    def _losses(self, raw: tuple[Tensor, Tensor], targets: Sequence[Tensors]) -> dict[str, Tensor]:
        settings = self.settings
        logits, offsets = raw
        positive_iou, negative_iou = settings.positive_iou, settings.negative_iou
        if self.training and settings.training_iou:
            positive_iou, negative_iou = settings.training_iou
        with torch.no_grad():
            anchors = self._exact_anchors(logits.device)
            assigned, corners = matching.match(
                anchors,
                [truth["boxes"].to(anchors.dtype) / self.pixels for truth in targets],
                positive_iou=positive_iou,
                negative_iou=negative_iou,
            )
            labels = matching.labels(assigned, torch.cat([truth["labels"] for truth in targets]))
            picture, anchor = (assigned >= 0).nonzero(as_tuple=True)
            wanted = decode.encode(corners[assigned[picture, anchor]], anchors[anchor], self.variances)
        losses = {
            "classification": settings.loss.classification(logits, labels),
            "localization": loss_terms.localization(
                offsets[picture, anchor],
                wanted,
                labels,
                weight=settings.loss.location_weight,
                rank_local=settings.loss.rank_local,
            ),
        }
        if self.training and settings.regularizer != "NO_REG" and settings.regularizer_weight:
            norm = 1 if settings.regularizer == "L1" else 2
            losses["regularization"] = penalty(kernels(self), norm=norm, weight=settings.regularizer_weight)
        return losses

    def _detections(self, raw: tuple[Tensor, Tensor]) -> list[Tensors]:
        settings = self.settings
        scores, corners = self._decode(raw)
        return decode.detect_batch(
            scores,
            corners,
            confidence_threshold=settings.confidence_threshold,
            iou_threshold=settings.clustering_iou_threshold,
            top_k=settings.top_k,
        )

    def _exact_anchors(self, device: torch.device) -> Tensor:
        """The anchors for matching, on the device of the outputs; float64 where that has it."""
        if self.exact_anchors.device != device:
            precision = torch.float32 if device.type == "mps" else torch.float64
            self.exact_anchors = self.exact_anchors.to(device=device, dtype=precision)
        return self.exact_anchors


def _head(in_channels: int, out_channels: int) -> nn.Conv2d:
    """3x3 with bias, He-normal."""
    head = conv(in_channels, out_channels, kernel=3, bias=True)
    normal_(head.weight, variance=2 / (in_channels * 9))
    return head


def _planes(values: Sequence[float]) -> list[list[list[float]]]:
    """One number for each channel of a picture."""
    return [[[value]] for value in values]


def _join(maps: Sequence[Tensor], heads: nn.ModuleList, width: int) -> Tensor:
    """The heads' outputs in the order of the anchors: map, row, column, box; [B, A, width]."""
    outputs: Iterator[Tensor] = (head(x) for head, x in zip(heads, maps, strict=True))
    return torch.cat([y.permute(0, 2, 3, 1).reshape(y.shape[0], -1, width) for y in outputs], dim=1)
