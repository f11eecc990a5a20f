"""Pictures through a model, a batch at a time: decoded ahead of it, drawn and written behind it.

Decoders and writers are threads: they spend their time in libraries that let Python go on meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converters.pictures import headers
from runtime.imaging.decoding import WHOLE, decode
from runtime.inference.result_names import ResultName
from runtime.tasks.detection import drawing
from runtime.tasks.detection.drawing import Find
from tltpipe.errors import DataError
from tltpipe.files import write_text
from tltpipe.machine import cpu_count

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from runtime.inference.backends import Model
    from runtime.tasks.detection.detections import Found

AHEAD = 2
"""Batches that are decoded before their turn, and that may wait to be written."""


@dataclass(frozen=True)
class Picture:
    """A picture to look at: ``pixels`` uint8 [H, W, 3] as the model takes them, ``size`` (width, height) as stored."""

    path: Path
    pixels: NDArray[np.uint8]
    size: tuple[int, int]


@dataclass(frozen=True)
class Seen:
    """A picture that was looked at, what is on it, best first, and a small copy where one was wanted."""

    path: Path
    finds: tuple[Find, ...]
    thumbnail: Image.Image | None = None


@dataclass(frozen=True)
class Outputs:
    """Where annotated copies and KITTI files go, None for nowhere; how many of the first become thumbnails.

    ``names`` are those of the files of each picture; the picture's own where it is not among them.
    """

    drawn: Path | None = None
    labels: Path | None = None
    thumbnails: int = 0
    names: Mapping[Path, ResultName] = field(default_factory=dict)

    def name(self, path: Path) -> ResultName:
        return self.names.get(path) or ResultName(path.name, f"{path.stem}.txt")


class Detecting:
    """Finds with ``model`` what scores ``threshold`` or more."""

    def __init__(self, model: Model, *, threshold: float, outputs: Outputs, batch: int) -> None:
        self.model, self.threshold, self.outputs, self.batch = model, threshold, outputs, batch

    def __call__(self, paths: Iterable[Path]) -> Iterator[Seen | DataError]:
        """What is on each picture, or why it could not be read, in order."""
        rest = iter(enumerate(paths))
        reading: deque[list[tuple[int, Path, Future[Picture | DataError]]]] = deque()
        writing: deque[list[Future[Seen | DataError] | DataError]] = deque()
        with ThreadPoolExecutor(cpu_count(), "pictures") as pool:
            try:
                while True:
                    while len(reading) <= AHEAD and (part := list(islice(rest, self.batch))):
                        reading.append([(number, path, pool.submit(self._read, path)) for number, path in part])
                    if not reading:
                        break
                    writing.append(self._look(reading.popleft(), pool))
                    while len(writing) > AHEAD:
                        yield from _results(writing.popleft())
                while writing:
                    yield from _results(writing.popleft())
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _look(
        self, batch: list[tuple[int, Path, Future[Picture | DataError]]], pool: ThreadPoolExecutor
    ) -> list[Future[Seen | DataError] | DataError]:
        """Run the model on what could be read, and let the rest be done."""
        read = [(number, future.result()) for number, _, future in batch]
        pictures = [(number, picture) for number, picture in read if isinstance(picture, Picture)]
        found = iter(self.model(np.stack([picture.pixels for _, picture in pictures]))) if pictures else iter(())
        return [
            item
            if isinstance(item, DataError)
            else pool.submit(self._write, number, item, self._finds(next(found), item.size))
            for number, item in read
        ]

    def _read(self, path: Path) -> Picture | DataError:
        try:
            size = headers.size(path)
            return Picture(path, self.model.see(path), size)
        except DataError as error:
            return error

    def _finds(self, found: Found, size: tuple[int, int]) -> tuple[Find, ...]:
        """Boxes in pixels of the picture."""
        height, width = self.model.input_size
        boxes = found.boxes.astype(np.float64) * (np.array([size[0] / width, size[1] / height] * 2))
        return tuple(
            Find((box[0], box[1], box[2], box[3]), label, self.model.classes[label - 1], score)
            for box, label, score in zip(boxes.tolist(), found.labels.tolist(), found.scores.tolist(), strict=True)
            if score >= self.threshold
        )

    def _write(self, number: int, picture: Picture, finds: tuple[Find, ...]) -> Seen | DataError:
        """The annotated copy under the picture's own name, its label file, its thumbnail."""
        wanted, small, name = self.outputs, None, self.outputs.name(picture.path)
        if wanted.drawn is not None or number < wanted.thumbnails:
            try:
                whole = decode(picture.path, *WHOLE)
            except DataError as error:
                return error
            if wanted.drawn is not None:
                drawing.save(drawing.draw(whole, finds), wanted.drawn / name.image)
            small = drawing.thumbnail(whole, finds) if number < wanted.thumbnails else None
        if wanted.labels is not None:
            text = "".join(f"{kitti_line(find)}\n" for find in finds)
            write_text(wanted.labels / name.label, text)
        return Seen(picture.path, finds, small)


def _results(batch: Sequence[Future[Seen | DataError] | DataError]) -> Iterator[Seen | DataError]:
    for item in batch:
        yield item if isinstance(item, DataError) else item.result()


def kitti_line(find: Find) -> str:
    """Sixteen columns: class, three zeros, the box in pixels (not clipped), seven zeros, score."""
    box = " ".join(f"{value:.2f}" for value in find.box)
    return f"{find.name.replace(' ', '_')} 0 0 0 {box} 0 0 0 0 0 0 0 {find.score:.4f}"
