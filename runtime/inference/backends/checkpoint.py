"""Checkpoints of tlt-train."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runtime.tasks.detection.detections import Found

if TYPE_CHECKING:
    from runtime.data.recipe import Recipe
    from runtime.inference.backends import Wanted

SUFFIXES = frozenset({".tlt", ".safetensors"})


class Trained:
    """A detector in torch. ``recipe`` is that of the spec given, else of the one it was trained with."""

    def __init__(self, detector: Any, recipe: Recipe, wanted: Wanted) -> None:
        from runtime.inference.backends import _seeing, _torch
        from runtime.machine import device

        self.device = _torch.place(wanted.device)
        self.threads = _torch.threads(wanted, self.device)
        self.model = detector.eval().to(self.device)
        self.recipe, self.name, self.classes = recipe, recipe.name, recipe.classes
        self.input_size: tuple[int, int] = detector.input_size
        self.about = f"PyTorch, {device.describe(self.device, wanted=0)}"
        self.see: Callable[[Path], NDArray[np.uint8]] = _seeing.BySpec(recipe.inference_view)

    def __call__(self, pixels: NDArray[np.uint8]) -> Sequence[Found]:
        import torch

        from runtime.inference.backends import _torch

        with torch.inference_mode(), self.threads.timed(len(pixels)):
            found = self.model(_torch.images(pixels, self.device))
        return [Found.of(*(detections[name].cpu() for name in ("boxes", "labels", "scores"))) for detections in found]


def open(path: Path, wanted: Wanted) -> Trained:
    """Without a spec the one that the checkpoint was trained with serves. Raises ModelError, HostError."""
    import specs
    from runtime import networks
    from runtime.machine import device
    from runtime.weights import checkpoint

    device.require_torch()
    spec = wanted.spec
    if spec is None:
        text = checkpoint.load(path, wanted.key, resume=False).spec
        spec = specs.parse_text(text, wanted.network, source=f"{path}, its spec")
    network = networks.load(wanted.network)
    recipe = network.recipe(spec)
    detector, _ = checkpoint.open_detector(network, recipe, path, key=wanted.key)
    return Trained(detector, recipe, wanted)
