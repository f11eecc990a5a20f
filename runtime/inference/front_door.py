"""Models for who writes Python: what ``tltpipe.Model`` is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runtime import networks, tasks
from runtime.imaging.decoding import InMemory
from runtime.inference import backends
from runtime.inference.backends import Device, Model, ModelRequest, device_of
from runtime.inference.predictor import LoadedImage, restored, together
from runtime.tasks import Presents

Picture = Union[Path, str, "NDArray[np.uint8]", "Image.Image"]
"""An image: its file, its pixels uint8 [height, width, 3] in RGB or [height, width] in grey, or one of Pillow's."""


@dataclass(frozen=True)
class ImagePrediction:
    """What a model says of one image: ``fields`` as ``runtime.tasks`` names them, in pixels of the image as stored.

    Of a detector, best first: ``boxes`` float32 [N, 4] left, top, right, bottom, not clipped; ``labels`` int64 [N],
    class 1 is the first of ``classes``; ``scores`` float32 [N]. Of instance segmentation also ``masks`` bool [N, H, W].
    Of semantic segmentation ``map`` uint8 [H, W]: 0 is the background, 1 the first of ``classes``.
    What a model does not predict raises KeyError.
    """

    fields: Mapping[str, NDArray[Any]]
    classes: tuple[str, ...]

    @property
    def boxes(self) -> NDArray[np.float32]:
        return np.asarray(self.fields["boxes"], np.float32)

    @property
    def labels(self) -> NDArray[np.int64]:
        return np.asarray(self.fields["labels"], np.int64)

    @property
    def scores(self) -> NDArray[np.float32]:
        return np.asarray(self.fields["scores"], np.float32)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """[N, H, W] in pixels of the image, made when asked for."""
        from runtime.tasks.instance_segmentation import pasting

        if self.fields.keys().isdisjoint(("mask_grids", "masks")):
            raise KeyError("masks")
        return pasting.pixels(self.fields)

    @property
    def map(self) -> NDArray[np.uint8]:
        """The class of each pixel of the image."""
        return np.asarray(self.fields["map"], np.uint8)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def names(self) -> list[str]:
        """The class of each object, or of the image, or those that occur on its map."""
        return tasks.class_names(self.fields, self.classes)


class LoadedModel:
    """A trained model, ready for images: ``tltpipe.Model.load("model.onnx")("photo.jpg")``."""

    def __init__(self, model: Model, task: Presents, threshold: float = 0.3) -> None:
        self.model, self.task, self.threshold = model, task, threshold

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        threshold: float = 0.3,
        key: str | None = None,
        device: str | None = None,
        threads: int | None = None,
    ) -> LoadedModel:
        """The model in a checkpoint of training (.safetensors, .tlt), or in what export wrote (.onnx, .pt2).

        Detections below the score ``threshold`` are dropped. ``key`` opens an encrypted checkpoint. ``device`` is
        "cpu", "cuda" or "cuda:1" (default: a GPU if there is one). ``threads`` compute on the CPU (default: as many as
        prove fastest). Raises ModelError for what is no such model, HostError where PyTorch, ONNX Runtime or the device
        is missing.
        """
        path = Path(path)
        network = backends.network_of(path, key)
        request = ModelRequest(network, None, key, device_of(device) if device else Device(), threads)
        return cls(backends.open(path, request), tasks.load(networks.load(network).TASK), threshold)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of label 1 to N."""
        return self.model.classes

    @property
    def input_size(self) -> tuple[int, int] | None:
        """Height and width in pixels that images are resized to; None where each keeps its own."""
        return self.model.input_size

    def __call__(self, image: Picture) -> ImagePrediction:
        """The prediction for one image. Raises DataError for a file that cannot be read."""
        return next(self.predict([image]))

    def predict(self, images: Iterable[Picture], *, batch_size: int = 8) -> Iterator[ImagePrediction]:
        """That for each of ``images``, in order; ``batch_size`` of them pass through the model together."""
        rest = iter(images)
        while batch := [self._loaded(image) for image in islice(rest, batch_size)]:
            predictions = self.model(together([image.pixels for image in batch], self.model))
            for prediction, image in zip(predictions, batch, strict=True):
                yield ImagePrediction(restored(prediction, image, self.task, self.threshold), self.classes)

    def _loaded(self, image: Picture) -> LoadedImage:
        place = Path(image) if isinstance(image, str | Path) else InMemory("an image in memory", _rgb(image))
        return LoadedImage(str(place), *self.model.load_image(place))


def _rgb(image: Any) -> NDArray[np.uint8]:
    """The pixels [height, width, 3] of an image in memory. Raises TypeError for what is none."""
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    if not isinstance(image, np.ndarray):
        raise TypeError(f"an image is a path, an array or one of Pillow's, not {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        shape = "x".join(map(str, image.shape))
        raise TypeError(f"pixels are uint8 [height, width, 3] or [height, width], not {image.dtype} [{shape}]")
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
