"""Checkpoints of tlt-train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runtime.tasks import Prediction

if TYPE_CHECKING:
    from torch import nn

    from runtime.imaging.pixels import PixelBatch
    from runtime.inference.backends import LoadImage, ModelRequest
    from runtime.weights.checkpoint import Opened

SUFFIXES = frozenset({".tlt", ".safetensors"})


class Trained:
    """A model in torch. ``recipe`` is that of the spec given, else of the one it was trained with."""

    def __init__(self, opened: Opened, request: ModelRequest) -> None:
        from runtime.inference.backends import _seeing, _torch
        from runtime.machine import device

        self.device = _torch.place(request.device)
        self.threads = _torch.threads(request, self.device)
        self.module = cast("nn.Module", opened.model).to(self.device)
        self.model, self.recipe = opened.model, opened.recipe
        self.name, self.classes, self.input_size = self.recipe.name, self.recipe.classes, self.model.input_size
        self.names = self.recipe.names
        self.about = f"PyTorch, {device.describe(self.device, wanted=0)}"
        self.load_image: LoadImage = _seeing.by_recipe(self.recipe)

    def __call__(self, pixels: PixelBatch) -> Sequence[Prediction]:
        import torch

        from runtime.inference.backends import _torch

        with torch.inference_mode(), self.threads.timed(len(pixels)):
            predictions = self.model.predict(_torch.images(pixels, self.device))
        return [{name: values.cpu().numpy() for name, values in each.items()} for each in predictions]


def open(path: Path, request: ModelRequest) -> Trained:
    """Without a spec the one that the checkpoint was trained with serves. Raises ModelError, HostError."""
    from runtime.machine import device
    from runtime.weights import checkpoint

    device.require_torch()
    opened = checkpoint.open_model(path, key=request.key, network=request.network, recipe=request.recipe)
    return Trained(opened, request)
