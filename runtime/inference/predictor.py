"""Images through a model, a batch at a time: decoded ahead of it, drawn and written behind it.

Decoders and writers are threads: they spend their time in libraries that let Python go on meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runtime import tasks
from runtime.imaging.decoding import WHOLE, decode
from runtime.imaging.placement import Placement
from runtime.inference import drawn_images
from runtime.inference.backends import Model
from runtime.inference.result_names import ResultName
from runtime.tasks import ImageInfo, Prediction, Presents, Results
from tltpipe.errors import DataError
from tltpipe.machine import cpu_count

AHEAD = 2
"""Batches that are decoded before their turn, and that may wait to be written."""


@dataclass(frozen=True)
class LoadedImage:
    """``pixels`` uint8 [H, W, 3] as the model takes them, and how the image came to lie there."""

    name: str
    pixels: NDArray[np.uint8]
    placement: Placement


@dataclass(frozen=True)
class Predicted:
    """An image, its ``prediction`` in pixels of the image as stored and the names of its ``classes``, with a thumbnail
    for the first few."""

    path: Path
    prediction: Prediction
    classes: Sequence[str]
    thumbnail: Image.Image | None = None


@dataclass(frozen=True)
class Outputs:
    """Where annotated copies and ``cutouts`` go, None for nowhere; ``labels`` gets a file an image. The first
    ``thumbnails`` images get one. ``names`` are those of the files of each image; the image's own where it is not among
    them."""

    drawn: Path | None = None
    labels: Results | None = None
    thumbnails: int = 0
    names: Mapping[Path, ResultName] = field(default_factory=dict)
    cutouts: Path | None = None

    def name(self, path: Path) -> ResultName:
        return self.names.get(path) or ResultName(path.name, path.stem)


class Predictor:
    """Predicts with ``model``; objects that score less than ``threshold`` are dropped."""

    def __init__(self, model: Model, task: Presents, *, threshold: float, outputs: Outputs, batch: int) -> None:
        self.model, self.task, self.threshold, self.outputs, self.batch = model, task, threshold, outputs, batch

    def __call__(self, paths: Iterable[Path], *, first: int = 0) -> Iterator[Predicted | DataError]:
        """The prediction for each image, or why it could not be read, in order; ``first`` images were before them."""
        rest = iter(enumerate(paths, first))
        reading: deque[list[tuple[int, Path, Future[LoadedImage | DataError]]]] = deque()
        writing: deque[list[Future[Predicted | DataError] | DataError]] = deque()
        with ThreadPoolExecutor(cpu_count(), "images") as pool:
            try:
                while True:
                    while len(reading) <= AHEAD and (part := list(islice(rest, self.batch))):
                        reading.append([(number, path, pool.submit(self._read, path)) for number, path in part])
                    if not reading:
                        break
                    writing.append(self._predict(reading.popleft(), pool))
                    while len(writing) > AHEAD:
                        yield from _results(writing.popleft())
                while writing:
                    yield from _results(writing.popleft())
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _predict(
        self, batch: list[tuple[int, Path, Future[LoadedImage | DataError]]], pool: ThreadPoolExecutor
    ) -> list[Future[Predicted | DataError] | DataError]:
        """Run the model on what could be read, and let the rest be done."""
        read = [(number, path, future.result()) for number, path, future in batch]
        images = [image.pixels for _, _, image in read if isinstance(image, LoadedImage)]
        predictions = iter(self.model(together(images, self.model)) if images else ())
        return [
            item
            if isinstance(item, DataError)
            else pool.submit(self._write, number, path, restored(next(predictions), item, self.task, self.threshold))
            for number, path, item in read
        ]

    def _read(self, path: Path) -> LoadedImage | DataError:
        try:
            return LoadedImage(path.name, *self.model.load_image(path))
        except DataError as error:
            return error

    def _write(self, number: int, path: Path, prediction: Prediction) -> Predicted | DataError:
        """The annotated copy under the image's own name, its cut-outs, its label file, its thumbnail."""
        outputs, small, name = self.outputs, None, self.outputs.name(path)
        classes = self.model.classes
        if outputs.drawn is not None or outputs.cutouts is not None or number < outputs.thumbnails:
            try:
                whole = decode(path, *WHOLE)
            except DataError as error:
                return error
            if outputs.drawn is not None:
                drawn_images.save(self.task.draw(whole, prediction, classes), outputs.drawn / name.image)
            if outputs.cutouts is not None:
                folder = (outputs.cutouts / name.label).with_suffix("")
                drawn_images.save_cutouts(tasks.cuts_out(self.task).cutouts(whole, prediction, classes), folder)
            if number < outputs.thumbnails:
                small = drawn_images.thumbnail(whole, prediction, self.task, classes)
        if outputs.labels is not None:
            outputs.labels.add(path, name.label, prediction)
        return Predicted(path, prediction, tasks.class_names(prediction, classes), small)


def together(images: Sequence[NDArray[np.uint8]], model: Model) -> NDArray[np.uint8] | Sequence[NDArray[np.uint8]]:
    """A batch as ``model`` takes it: one array, or each image by itself where they come in sizes of their own."""
    return images if model.input_size is None else np.stack(images)


def restored(prediction: Prediction, image: LoadedImage, task: Presents, threshold: float) -> Prediction:
    """In pixels of the stored image, without objects that score less than ``threshold``."""
    (height, width, _), placement = image.pixels.shape, image.placement
    whole = task.restore(prediction, ImageInfo(image.name, placement.stored, (height, width), placement))
    return tasks.confident(whole, threshold)


def _results(batch: Sequence[Future[Predicted | DataError] | DataError]) -> Iterator[Predicted | DataError]:
    for item in batch:
        yield item if isinstance(item, DataError) else item.result()
