"""The network: an encoder, a decoder, and a head with the logits of each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from runtime.networks import Tensors
from runtime.networks.unet import encoders
from runtime.networks.unet.losses import losses
from runtime.networks.unet.settings import Settings

PIXELS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "min_max_-1_1": ((0.5,) * 3, (0.5,) * 3),
    "min_max_0_1": ((0.0,) * 3, (1.0,) * 3),
}
"""Mean and deviation of RGB from 0 to 1, by the setting ``preprocess``."""


class PixelClassifier(nn.Module):
    """A Model (runtime/networks/__init__.py): "map" uint8 [H, W], the class of each pixel, 0 the background.

    Images are float32 RGB from 0 to 255, [B, 3, H, W], of multiples of ``stride``; ``any_size``: a graph of the network
    takes others than those of ``input_size``. Weights have the names of segmentation-models-pytorch.
    """

    inseparable = "encoder."
    of_classes = ("segmentation_head",)
    """Below this name weights depend on the names of the classes."""
    mean: Tensor
    deviation: Tensor
    class_weights: Tensor | None

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings, self.input_size = settings, settings.input_size
        parts = encoders.parts(settings)
        self.encoder, self.decoder, self.segmentation_head = parts.encoder, parts.decoder, parts.head
        self.stride, self.any_size = parts.stride, parts.any_size
        for part, values in zip(("mean", "deviation"), PIXELS[settings.network.preprocess], strict=True):
            self.register_buffer(part, 255 * torch.tensor(values)[:, None, None], persistent=False)
        weights = settings.loss.class_weights
        self.register_buffer("class_weights", torch.tensor(weights) if weights else None, persistent=False)
        # Convolutions on a CPU are faster with the channels of a pixel side by side.
        self.to(memory_format=torch.channels_last)

    def foreign_names(self, name: str) -> Sequence[str]:
        """Of the tensor ``name`` in files of encoders, torchvision's and timm's: the stages of the latter are modules
        of their own here."""
        flat = name.replace(".", "_", 1)
        return tuple(f"encoder.{each}" for each in (name, f"model.{name}", f"model.{flat}"))

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Encoder and decoder, where the time goes."""
        self.encoder.compile(*args, **kwargs)
        self.decoder.compile(*args, **kwargs)

    def forward(self, images: Tensor, targets: Sequence[Tensors]) -> dict[str, Tensor]:
        """The losses "cross_entropy" and "dice", as the settings say; of each target its "map" uint8 [H, W]."""
        return self._losses(self.raw(images), targets)

    @torch.no_grad()
    def predict(self, images: Tensor) -> list[dict[str, Tensor]]:
        """The likeliest class of each pixel."""
        return self._maps(self.raw(images))

    @torch.no_grad()
    def predict_with_loss(
        self, images: Tensor, targets: Sequence[Tensors]
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Both, of one pass through the network."""
        logits = self.raw(images)
        return self._maps(logits), self._losses(logits, targets)

    def raw(self, images: Tensor) -> Tensor:
        """Logits [B, channels, H, W]."""
        maps = self.encoder((images - self.mean) / self.deviation)
        logits: Tensor = self.segmentation_head(self.decoder(maps))
        return logits

    def _maps(self, logits: Tensor) -> list[dict[str, Tensor]]:
        return [{"map": each} for each in logits.argmax(1).to(torch.uint8)]

    def _losses(self, logits: Tensor, targets: Sequence[Tensors]) -> dict[str, Tensor]:
        truth = torch.stack([target["map"] for target in targets]).long()
        return dict(losses(logits.float(), truth, self.settings.loss, self.class_weights))
