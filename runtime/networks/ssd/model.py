"""The network: backbone, expansion blocks, heads, and what is done with their outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from runtime.backbones import Backbone, Expansion
from runtime.layers import BatchNorm, conv, kernels, penalty
from runtime.networks import Detection, Truth
from runtime.networks.ssd import anchors, boxes, decode, loss, matching
from runtime.networks.ssd.config import MAPS, Settings
from tltpipe import registry
from tltpipe.errors import SpecError

MEAN_BGR = (103.939, 116.779, 123.68)
MEAN_GREY = 117.3786
GREY_OF_BGR = (0.114, 0.587, 0.299)

# Channels of the 1x1 and the 3x3 convolution of each block behind the backbone. Only the first keeps the size; None:
# no such block, the backbone's end itself is a map.
Widths = tuple[int, int] | None
EXPANSIONS: dict[Expansion, tuple[Widths, ...]] = {
    "large": ((512, 512), (256, 512), (128, 256), (128, 256), (128, 256)),
    "medium": ((256, 256), (128, 256), (64, 128), (64, 128), (64, 128)),
    "small": (None, (64, 128), (64, 128), (64, 128), (64, 128)),
}


class ExpansionBlock(nn.Sequential):
    """1x1 convolution and ReLU, then 3x3 convolution, batch norm and ReLU."""

    def __init__(self, in_channels: int, widths: tuple[int, int], *, stride: int) -> None:
        narrow, wide = widths
        super().__init__()
        self.add_module("conv_0", conv(in_channels, narrow, kernel=1, bias=True))
        self.add_module("relu_0", nn.ReLU(inplace=True))
        self.add_module("conv_1", conv(narrow, wide, kernel=3, stride=stride))
        self.add_module("bn_1", BatchNorm(wide))
        self.add_module("relu_1", nn.ReLU(inplace=True))


class Features(nn.Module):
    """Backbone and expansion blocks: pictures to six maps, finest first."""

    def __init__(self, arch: str, nlayers: int, *, in_channels: int) -> None:
        super().__init__()
        self.backbone = registry.load("runtime.backbones", arch).build(nlayers, in_channels=in_channels)
        backbone = cast(Backbone, self.backbone)
        self.channels = [*backbone.channels[:-1]]
        self.expansion: list[str] = []
        channels = backbone.channels[-1]
        for i, widths in enumerate(EXPANSIONS[backbone.expansion]):
            if len(self.channels) == MAPS:
                break  # a backbone that gives three maps itself needs one block less
            if widths is not None:
                block = ExpansionBlock(channels, widths, stride=2 if i else 1)
                self.expansion.append(f"expand_block_{i}")
                self.add_module(self.expansion[-1], block)
                channels = widths[1]
            self.channels.append(channels)
        self.end_is_map = EXPANSIONS[backbone.expansion][0] is None

    def forward(self, images: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.backbone(images)
        x = maps[-1]
        if not self.end_is_map:
            maps = maps[:-1]
        for name in self.expansion:
            x = self.get_submodule(name)(x)
            maps.append(x)
        return maps


def map_sizes(settings: Settings) -> list[tuple[int, int]]:
    """Rows and columns of the six maps, found by a run without numbers.

    Raises SpecError when the input is so small that a map vanishes.
    """
    try:
        with torch.device("meta"):
            features = Features(settings.arch, settings.nlayers, in_channels=settings.input_channels).eval()
            maps = features(torch.empty(1, settings.input_channels, *settings.input_size))
    except RuntimeError:  # torch refuses a pooling or a convolution with nothing left to see
        maps = []
    sizes = [(x.shape[-2], x.shape[-1]) for x in maps]
    if not sizes or min(min(size) for size in sizes) < 1:
        height, width = settings.input_size
        field = "augmentation_config.preprocessing.output_image_width"
        what = f"{field}: a picture of {width} x {height} is too small for the six feature maps of {settings.arch}"
        raise SpecError(what, hint="use a larger output_image_width and output_image_height")
    return sizes


class SSD(nn.Module):
    """A Detector (runtime/networks/__init__.py). ``num_classes`` does not count the background."""

    anchors: Tensor
    variances: Tensor
    pixels: Tensor
    mean: Tensor
    grey: Tensor
    unpruned = ("conf", "loc")

    def __init__(self, settings: Settings, *, num_classes: int) -> None:
        super().__init__()
        self.settings = settings
        self.input_size = settings.input_size
        self.channels = settings.loss.channels(num_classes)
        self.features = Features(settings.arch, settings.nlayers, in_channels=settings.input_channels)
        per_cell = [
            anchors.per_cell(ratios, two_boxes_for_ar1=settings.two_boxes_for_ar1) for ratios in settings.aspect_ratios
        ]
        widths = list(zip(self.features.channels, per_cell, strict=True))
        self.conf = nn.ModuleList(_head(width, count * self.channels) for width, count in widths)
        self.loc = nn.ModuleList(_head(width, count * 4) for width, count in widths)
        for head in self.conf:
            nn.init.constant_(cast(Tensor, head.bias), settings.loss.bias())
        self._constants(settings)
        self._freeze_blocks(settings)
        # Convolutions on a CPU are faster with the channels of a pixel side by side, and heads then reshape for free.
        self.to(memory_format=torch.channels_last)

    def _constants(self, settings: Settings) -> None:
        corners = anchors.anchors(
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
        mean = MEAN_BGR if settings.input_channels == 3 else (MEAN_GREY,) * 3
        # Made from the spec, hence not in checkpoints; buffers so that they follow the model to its device.
        for name, values in (
            ("anchors", corners),
            ("variances", settings.variances),
            ("pixels", (width, height, width, height)),
            ("mean", [[[value]] for value in mean]),
            ("grey", [[[value]] for value in GREY_OF_BGR]),
        ):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)

    def _freeze_blocks(self, settings: Settings) -> None:
        """The convolutions of these blocks stop learning; their batch norms go on."""
        backbone = cast(Backbone, self.features.backbone)
        for block in settings.freeze_blocks if backbone.blocks else ():
            if block not in backbone.blocks:
                what = f"ssd_config.freeze_blocks: {settings.arch} has no block {block}"
                raise SpecError(what, hint=f"use some of: {', '.join(map(str, backbone.blocks))}")
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

    def forward(self, images: Tensor, targets: Sequence[Truth] | None = None) -> dict[str, Tensor] | list[Detection]:
        if targets is not None and self.training:
            return self._losses(self.raw(images), targets)
        if self.training:
            raise ValueError("training needs targets")
        with torch.no_grad():
            raw = self.raw(images)
            return self._detections(raw) if targets is None else self._losses(raw, targets)

    @torch.no_grad()
    def evaluate(self, images: Tensor, targets: Sequence[Truth]) -> tuple[list[Detection], dict[str, Tensor]]:
        """Detections and the validation loss, of one and the same pass through the network."""
        raw = self.raw(images)
        return self._detections(raw), self._losses(raw, targets)

    def raw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits [B, A, channels] and box offsets [B, A, 4] of RGB pictures from 0 to 255."""
        return self.heads(self._prepare(images))

    def dense(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Before suppression: scores [B, A, N] of classes 1 to N, and corners [B, A, 4] in pixels of the input."""
        return self._said(self.raw(images))

    def _said(self, raw: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        logits, offsets = raw
        corners = boxes.decode(offsets.float(), self.anchors, self.variances) * self.pixels
        return self.settings.loss.scores(logits), corners

    def heads(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The same of pixels [B, channels, H, W] as the backbone wants them: BGR or grey, less the mean."""
        maps = self.features(pixels)
        return _join(maps, self.conf, self.channels), _join(maps, self.loc, 4)

    def _prepare(self, images: Tensor) -> Tensor:
        pixels = images.flip(1) - self.mean
        if self.settings.input_channels == 1:
            pixels = (pixels * self.grey).sum(dim=1, keepdim=True)
        return pixels.contiguous(memory_format=torch.channels_last)

    def _losses(self, raw: tuple[Tensor, Tensor], targets: Sequence[Truth]) -> dict[str, Tensor]:
        settings = self.settings
        logits, offsets = raw
        with torch.no_grad():
            assigned, corners = matching.match(
                self.anchors,
                [truth["boxes"] / self.pixels for truth in targets],
                positive_iou=settings.positive_iou,
                negative_iou=settings.negative_iou,
            )
            labels = matching.labels(assigned, torch.cat([truth["labels"] for truth in targets]))
            picture, anchor = (assigned >= 0).nonzero(as_tuple=True)
            wanted = boxes.encode(corners[assigned[picture, anchor]], self.anchors[anchor], self.variances)
        losses = {
            "classification": settings.loss.classification(logits, labels),
            "localization": loss.localization(
                offsets[picture, anchor], wanted, labels, weight=settings.loss.location_weight
            ),
        }
        if self.training and settings.regularizer != "NO_REG" and settings.regularizer_weight:
            norm = 1 if settings.regularizer == "L1" else 2
            losses["regularization"] = penalty(kernels(self), norm=norm, weight=settings.regularizer_weight)
        return losses

    def _detections(self, raw: tuple[Tensor, Tensor]) -> list[Detection]:
        settings = self.settings
        scores, corners = self._said(raw)
        return [
            decode.detect(
                picture_scores,
                picture_corners,
                confidence_threshold=settings.confidence_threshold,
                iou_threshold=settings.clustering_iou_threshold,
                top_k=settings.top_k,
            )
            for picture_scores, picture_corners in zip(scores, corners, strict=True)
        ]


def _head(in_channels: int, out_channels: int) -> nn.Conv2d:
    """3x3 with bias, He-normal."""
    head = conv(in_channels, out_channels, kernel=3, bias=True)
    nn.init.kaiming_normal_(head.weight)
    return head


def _join(maps: Sequence[Tensor], heads: nn.ModuleList, width: int) -> Tensor:
    """The heads' outputs in the order of the anchors: map, row, column, box; [B, A, width]."""
    outputs: Iterator[Tensor] = (head(x) for head, x in zip(heads, maps, strict=True))
    return torch.cat([y.permute(0, 2, 3, 1).reshape(y.shape[0], -1, width) for y in outputs], dim=1)
