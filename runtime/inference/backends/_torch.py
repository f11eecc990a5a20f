"""What the kinds that compute with torch share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.imaging.pixels import parts
from runtime.inference.backends._cards import input_size, require_classes, thresholds
from runtime.machine import device as devices
from runtime.machine import threads as choosing
from runtime.tasks import Prediction
from runtime.tasks.detection.detections import suppress
from tltpipe.errors import HostError

if TYPE_CHECKING:
    import torch

    from runtime.imaging.pixels import PixelBatch
    from runtime.inference.backends import Device, LoadImage, ModelRequest
    from runtime.machine.threads import Threads
    from runtime.weights.card import Card


def place(device: Device) -> torch.device:
    """The CPU, or the GPU that is asked for and there. Raises HostError for one that was named and is not."""
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.index is None:
        return devices.one(0)
    if device.index >= there:
        if device.asked or (device.numbered and there):
            found = f"only {there} GPUs are" if there else "no GPU is"
            raise HostError(f"cuda:{device.index} was asked for, but {found} there", hint="--device cpu")
        return devices.one(0)
    return devices.one(1, [device.index])


def images(pixels: PixelBatch, device: torch.device) -> Any:
    """uint8 [B, H, W, 3] as float32 [B, 3, H, W] on ``device``, or B images as tensors of their own."""
    import torch

    if not isinstance(pixels, np.ndarray):
        return [torch.from_numpy(each).to(device).permute(2, 0, 1).float() for each in pixels]
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2).float()


def threads(request: ModelRequest, device: torch.device) -> Threads:
    """Those that compute on the CPU; with a GPU there is nothing to choose."""
    import torch

    count = torch.get_num_threads() if device.type == "cuda" else None
    return choosing.for_torch(request.threads or count)


class Dense:
    """A program from pictures to corners [B, A, 4] in pixels and scores [B, A, N]; the suppression is done here."""

    def __init__(
        self, program: Any, card: Card, request: ModelRequest, *, about: str, load_image: Any, device: torch.device
    ) -> None:
        self.program, self.thresholds, self.device = program, thresholds(card), device
        self.threads = threads(request, device)
        self.about = f"{about}, {devices.describe(device, wanted=0)}"
        self.name, self.classes, self.input_size = card.network, card.classes, input_size(card)
        self.load_image: LoadImage = load_image
        self.recipe, self.names = request.recipe, card.names
        self.batch = card.batch

    def __call__(self, pixels: PixelBatch) -> Sequence[Prediction]:
        import torch

        found: list[Prediction] = []
        with torch.inference_mode():
            for part, count in parts(np.asarray(pixels), self.batch):
                with self.threads.timed(len(part)):
                    corners, scores = (each.cpu().numpy() for each in self.program(images(part, self.device)))
                found += [
                    suppress(require_classes(scores[i], self.classes), corners[i], self.thresholds)
                    for i in range(count)
                ]
        return found
