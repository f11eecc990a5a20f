"""The network: timm's HRNet to its finest maps, and a convolution to a heat map for each landmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm
import torch
from torch import Tensor, nn

from runtime.networks import Tensors
from runtime.networks.hrnet import decode, targets
from runtime.networks.hrnet.settings import Settings

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pixels, RGB from 0 to 1."""
FINEST = 1
"""timm's number of the maps at stride 4."""


class HRNet(nn.Module):
    """A Model (runtime/networks/__init__.py) that is shown one object at a time.

    Images are float32 RGB from 0 to 255, [B, 3, H, W], of multiples of 32. Below "backbone." and "final_layer" weights
    have the names of the official pose_hrnet.
    """

    inseparable = "backbone."
    mean: Tensor
    deviation: Tensor
    slots: Tensor
    flip: Tensor

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.input_size = settings.input_size
        name = f"hrnet_{settings.network.type}"
        # feature_location "": the maps themselves, in front of the layers of a classifier.
        backbone: Any = timm.create_model(
            name, pretrained=False, features_only=True, feature_location="", out_indices=(FINEST,)
        )
        _without_coarse_outputs(backbone)
        self.backbone: nn.Module = backbone
        (channels,) = backbone.feature_info.channels()
        self.final_layer = nn.Conv2d(channels, settings.channels, 1)
        nn.init.normal_(self.final_layer.weight, std=0.001)
        for part, values in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(part, 255 * torch.tensor(values)[:, None, None], persistent=False)
        for part, places in (("slots", settings.slots), ("flip", settings.flip)):
            self.register_buffer(part, torch.tensor(places), persistent=False)
        # Convolutions on a CPU are faster with the channels of a pixel side by side.
        self.to(memory_format=torch.channels_last)

    def foreign_names(self, name: str) -> Sequence[str]:
        """Official and timm's names of the layers of the backbone."""
        return (f"backbone.{name}",)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """The backbone alone, where the time goes."""
        self.backbone.compile(*args, **kwargs)

    def forward(self, images: Tensor, targets: Sequence[Tensors]) -> dict[str, Tensor]:
        """The loss "heatmaps"; of each target its one object's "keypoints" [1, K, 3]."""
        return self._losses(self.raw(images), targets)

    @torch.no_grad()
    def predict(self, images: Tensor) -> list[dict[str, Tensor]]:
        """ "keypoints" float32 [1, K, 3] of each image: x, y in pixels of the input, and how high the peak is."""
        return self._keypoints(self.maps(images))

    @torch.no_grad()
    def predict_with_loss(
        self, images: Tensor, targets: Sequence[Tensors]
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Both, of one pass through the network; the loss is that of the images as they are."""
        raw = self.raw(images)
        return self._keypoints(self._with_mirror(raw, images)), self._losses(raw, targets)

    def raw(self, images: Tensor) -> Tensor:
        """Heat maps [B, channels, H / 4, W / 4]."""
        (features,) = self.backbone((images - self.mean) / self.deviation)
        maps: Tensor = self.final_layer(features)
        return maps

    def maps(self, images: Tensor) -> Tensor:
        """Heat maps to predict by: where the settings want it, their mean with those of the mirror image."""
        return self._with_mirror(self.raw(images), images)

    def _with_mirror(self, raw: Tensor, images: Tensor) -> Tensor:
        if not self.settings.flip_test:
            return raw
        mirrored = self.raw(images.flip(3)).flip(3)[:, self.flip]
        # A cell lies at its first pixel, in the mirror at its last one: three quarters of a cell further on.
        moved = torch.cat([mirrored[..., :1], mirrored[..., :-1]], dim=3)
        return (raw + moved) / 2

    def _keypoints(self, maps: Tensor) -> list[dict[str, Tensor]]:
        points = decode.peaks(maps.float())[:, self.slots]
        return [{"keypoints": each[None]} for each in points]

    def _losses(self, maps: Tensor, given: Sequence[Tensors]) -> dict[str, Tensor]:
        points = torch.stack([target["keypoints"][0] for target in given])
        channels = points.new_zeros(len(points), self.settings.channels, 3)
        # Of all points with one channel an object has but one; those of other classes are zero.
        channels.index_add_(1, self.slots, points)
        return {"heatmaps": targets.loss(maps.float(), channels, self.settings.network.sigma)}


def _without_coarse_outputs(backbone: Any) -> None:
    """The last module makes the finest maps alone: what would make the coarser ones learns nothing, which training with
    several processes refuses."""
    last = backbone.stage4[-1]
    last.fuse_layers = last.fuse_layers[:1]
