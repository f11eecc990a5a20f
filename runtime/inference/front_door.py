"""Models for who writes Python: what ``tltpipe.Model`` is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from converters.pictures import headers
from runtime import networks
from runtime.inference import backends
from runtime.inference.backends import Device, Wanted, device_of
from runtime.tasks.detection.detections import Found

if TYPE_CHECKING:
    from PIL import Image

    from runtime.inference.backends import Model

Picture = Union[Path, str, "NDArray[np.uint8]", "Image.Image"]
"""An image: its file, its pixels uint8 [height, width, 3] in RGB or [height, width] in grey, or one of Pillow's."""


@dataclass(frozen=True)
class Prediction:
    """What a model detects on one image, best first: ``boxes`` float32 [N, 4] left, top, right, bottom in pixels of the
    image as stored, not clipped; ``labels`` int64 [N], class 1 is the first of ``classes``; ``scores`` float32 [N]."""

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def names(self) -> list[str]:
        """The class of each detection."""
        return [self.classes[label - 1] for label in self.labels.tolist()]


class LoadedModel:
    """A trained detector, ready for images: ``tltpipe.Model.load("model.onnx")("photo.jpg")``."""

    def __init__(self, model: Model, threshold: float = 0.3) -> None:
        self.model, self.threshold = model, threshold

    @classmethod
    def load(
        cls, path: Path | str, *, threshold: float = 0.3, key: str | None = None, device: str | None = None
    ) -> LoadedModel:
        """The model in a checkpoint of training (.safetensors, .tlt), or in what export wrote (.onnx, .pt2).

        Detections below the score ``threshold`` are dropped. ``key`` opens an encrypted checkpoint. ``device`` is
        "cpu", "cuda" or "cuda:1" (default: a GPU if there is one). Raises ModelError for what is no such model,
        HostError where PyTorch, ONNX Runtime or the device is missing.
        """
        path = Path(path)
        wanted = Wanted(_network(path, key), key=key, device=device_of(device) if device else Device())
        return cls(backends.open(path, wanted), threshold)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of label 1 to N."""
        return self.model.classes

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width in pixels that images are resized to."""
        return self.model.input_size

    def __call__(self, image: Picture) -> Prediction:
        """The detections on one image. Raises DataError for a file that cannot be read."""
        return next(self.predict([image]))

    def predict(self, images: Iterable[Picture], *, batch_size: int = 8) -> Iterator[Prediction]:
        """The detections on each of ``images``, in order; ``batch_size`` of them pass through the model together."""
        rest = iter(images)
        while batch := [self._seen(image) for image in islice(rest, batch_size)]:
            found = self.model(np.stack([pixels for pixels, _ in batch]))
            yield from (self._prediction(each, size) for each, (_, size) in zip(found, batch, strict=True))

    def _seen(self, image: Picture) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """What the model takes of ``image``, and its width and height."""
        if isinstance(image, str | Path):
            return self.model.see(Path(image)), headers.size(Path(image))
        with tempfile.NamedTemporaryFile(suffix=".png") as file:  # models read files, each in the way it was trained
            picture = _pillow(image)
            picture.save(file, format="PNG", compress_level=0)
            file.flush()
            return self.model.see(Path(file.name)), picture.size

    def _prediction(self, found: Found, size: tuple[int, int]) -> Prediction:
        height, width = self.model.input_size
        kept = found.scores >= self.threshold
        scale = np.array([size[0] / width, size[1] / height] * 2)
        boxes = (found.boxes[kept].astype(np.float64) * scale).astype(np.float32)
        return Prediction(boxes, found.labels[kept], found.scores[kept], self.model.classes)


def _network(path: Path, key: str | None) -> str:
    """The kind of network in ``path``. Raises ModelError for a file that is none of ours."""
    from runtime.weights import card, checkpoint

    if backends.kind_of(path) != backends.CHECKPOINTS:
        return networks.family(card.read(path).network)
    if checkpoint.recognise(path) == "torch":
        return networks.family(checkpoint.load(path, key, resume=False).network)
    return networks.family(str(checkpoint.facts(path, key)["network"]))


def _pillow(image: Any) -> Image.Image:
    from PIL import Image

    if isinstance(image, Image.Image):
        return image if image.mode in ("L", "RGB") else image.convert("RGB")
    if not isinstance(image, np.ndarray):
        raise TypeError(f"an image is a path, an array or one of Pillow's, not {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        shape = "x".join(map(str, image.shape))
        raise TypeError(f"pixels are uint8 [height, width, 3] or [height, width], not {image.dtype} [{shape}]")
    return Image.fromarray(image)
