"""Pictures through a detector, a batch at a time: what was found is drawn on copies and written as labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from converters import images
from runtime import drawing
from runtime.drawing import Find
from runtime.pictures import WHOLE, Preprocess, decode
from tltpipe.errors import DataError
from tltpipe.files import atomic, cpu_count, write_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from specs import Spec

JPEG = {"quality": 92, "subsampling": 0}
"""Sharp letters and coloured edges need more than Pillow's defaults."""


@dataclass(frozen=True)
class Picture:
    """A picture to look at: ``pixels`` uint8 [H, W, 3] at the network's size, ``size`` (width, height) as stored."""

    path: Path
    pixels: NDArray[np.uint8]
    size: tuple[int, int]


class Detecting:
    """Finds what scores ``threshold`` or more; annotated copies go to ``drawn``, KITTI files to ``labels`` if given."""

    def __init__(
        self,
        detector: Any,
        spec: Spec,
        classes: Sequence[str],
        *,
        threshold: float,
        drawn: Path,
        labels: Path | None,
        device: torch.device,
    ) -> None:
        self.detector, self.classes, self.threshold = detector.eval().to(device), classes, threshold
        self.drawn, self.labels, self.device = drawn, labels, device
        # A crop is for the pictures it was written for; here all of a picture is looked at.
        self.preprocess = replace(Preprocess.of(spec.message), crop=None)
        self.pool = ThreadPoolExecutor(cpu_count())

    def __call__(self, paths: Sequence[Path]) -> Iterator[int | DataError]:
        """One batch: how many objects were found on each picture, or why it could not be read, in order."""
        read = list(self.pool.map(self._read, paths))
        pictures = [picture for picture in read if isinstance(picture, Picture)]
        written = self.pool.map(self._write, pictures, self._detect(pictures)) if pictures else iter(())
        for item in read:
            yield item if isinstance(item, DataError) else next(written)

    def _read(self, path: Path) -> Picture | DataError:
        try:
            size = images.size(path)
            return Picture(path, np.asarray(self.preprocess.picture(path)), size)
        except DataError as error:
            return error

    def _detect(self, pictures: Sequence[Picture]) -> list[list[Find]]:
        """What is on each picture, best first, boxes in its own pixels."""
        pixels = torch.from_numpy(np.stack([picture.pixels for picture in pictures])).to(self.device)
        with torch.inference_mode():
            found = self.detector(pixels.permute(0, 3, 1, 2).float())
        return [self._finds(detections, picture.size) for detections, picture in zip(found, pictures, strict=True)]

    def _finds(self, detections: Any, size: tuple[int, int]) -> list[Find]:
        height, width = self.detector.input_size
        scale = np.array([size[0] / width, size[1] / height] * 2)
        boxes, labels, scores = (detections[name].cpu().numpy() for name in ("boxes", "labels", "scores"))
        return [
            Find(tuple((box * scale).tolist()), int(label), self.classes[label - 1], float(score))
            for box, label, score in zip(boxes, labels, scores, strict=True)
            if score >= self.threshold
        ]

    def _write(self, picture: Picture, finds: Sequence[Find]) -> int | DataError:
        """The annotated copy under the picture's own name, and its label file."""
        try:
            copy = drawing.draw(decode(picture.path, *WHOLE), finds)
        except DataError as error:
            return error
        png = picture.path.suffix.lower() == ".png"
        with atomic(self.drawn / picture.path.name, "wb") as stream:
            copy.save(stream, format="PNG" if png else "JPEG", **({} if png else JPEG))
        if self.labels is not None:
            write_text(self.labels / f"{picture.path.stem}.txt", "".join(f"{kitti_line(find)}\n" for find in finds))
        return len(finds)


def kitti_line(find: Find) -> str:
    """Sixteen columns: class, three zeros, the box in pixels (not clipped), seven zeros, score."""
    box = " ".join(f"{value:.2f}" for value in find.box)
    return f"{find.name.replace(' ', '_')} 0 0 0 {box} 0 0 0 0 0 0 0 {find.score:.4f}"
