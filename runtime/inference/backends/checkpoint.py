"""Checkpoints of tlt-train."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from runtime.tasks import Prediction

if TYPE_CHECKING:
    from torch import nn

    from runtime.data.recipe import Recipe
    from runtime.inference.backends import ModelRequest, Pixels
    from runtime.networks import Model

SUFFIXES = frozenset({".tlt", ".safetensors"})


class Trained:
    """A detector in torch. ``recipe`` is that of the spec given, else of the one it was trained with."""

    def __init__(self, model: Model, recipe: Recipe, request: ModelRequest) -> None:
        from runtime.inference.backends import _seeing, _torch
        from runtime.machine import device

        self.device = _torch.place(request.device)
        self.threads = _torch.threads(request, self.device)
        self.model = model
        cast("nn.Module", model).eval().to(self.device)
        self.recipe, self.name, self.classes = recipe, recipe.name, recipe.classes
        self.input_size = model.input_size
        self.about = f"PyTorch, {device.describe(self.device, wanted=0)}"
        self.load_image: Callable[[Path], NDArray[np.uint8]] = _seeing.BySpec(recipe.inference_view)

    def __call__(self, pixels: Pixels) -> Sequence[Prediction]:
        import torch

        from runtime.inference.backends import _torch

        with torch.inference_mode(), self.threads.timed(len(pixels)):
            predictions = self.model.predict(_torch.images(pixels, self.device))
        return [{name: values.cpu().numpy() for name, values in each.items()} for each in predictions]


def open(path: Path, request: ModelRequest) -> Trained:
    """Without a spec the one that the checkpoint was trained with serves. Raises ModelError, HostError."""
    import specs
    from runtime import networks
    from runtime.machine import device
    from runtime.weights import checkpoint

    device.require_torch()
    network, recipe = networks.load(request.network), request.recipe
    if recipe is None:
        text = checkpoint.load(path, request.key, resume=False).spec
        recipe = network.recipe(specs.parse_text(text, request.network, source=f"{path}, its spec"))
    detector, _ = checkpoint.open_detector(network, recipe, path, key=request.key)
    return Trained(detector, recipe, request)
