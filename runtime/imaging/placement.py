"""Where an image comes to lie on the input of a network, and what on it goes along.

A view draws one ``Placement`` and one change of colours; boxes, outlines, masks, keypoints and label maps follow the
placement forwards, predictions follow it backwards. Offline augmentation moves what is on its images by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, hypot
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from runtime.imaging import decoding, outlines, transforms
from runtime.imaging.boxes import area
from runtime.imaging.decoding import Pixels, Place
from runtime.imaging.transforms import Matrix, Points, Size

Boxes = NDArray[np.float32]

FILL = (124, 117, 104)
"""RGB of what lies outside the image: the mean that networks subtract, so that it becomes about zero."""
THINNEST = 1e-3
"""Pixels of the input; boxes without that much width and height are left out."""


@dataclass(frozen=True, eq=False)
class Placement:
    """``matrix`` [3, 3] takes a column vector (x, y, 1) of the image, of ``stored`` (width, height) pixels, to the
    input, of ``size`` (width, height); a pixel's centre is at +0.5."""

    matrix: Matrix
    size: Size
    stored: Size

    @classmethod
    def resize(cls, stored: Size, size: Size) -> Placement:
        """All of the image, stretched to ``size``."""
        return cls(np.diag([size[0] / stored[0], size[1] / stored[1], 1.0]), size, stored)

    @property
    def flipped(self) -> bool:
        """Whether it shows a mirror image: left and right keypoints change their places."""
        return bool(np.linalg.det(self.matrix[:2, :2]) < 0)

    @property
    def stretches(self) -> bool:
        """Whether it shows all of the image, and nothing else."""
        return np.array_equal(self.matrix, Placement.resize(self.stored, self.size).matrix)

    @property
    def least(self) -> Size:
        """Size (width, height) below which the image need not be decoded."""
        across, down = (hypot(*self.matrix[:2, axis].tolist()) for axis in (0, 1))
        return ceil(across * self.stored[0] - 1e-6), ceil(down * self.stored[1] - 1e-6)

    def after(self, first: Placement) -> Placement:
        """This one on what ``first`` gives."""
        return Placement(self.matrix @ first.matrix, self.size, first.stored)

    def mirrored(self) -> Placement:
        """The same, and then left and right changed over."""
        flip = np.array([[-1.0, 0.0, self.size[0]], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        return Placement(flip @ self.matrix, self.size, self.stored)

    def back(self) -> Placement:
        """From the input to the image as stored."""
        return Placement(np.linalg.inv(self.matrix).astype(np.float64), self.stored, self.size)

    def image(self, picture: Pixels, fill: tuple[int, int, int] | None = FILL) -> Pixels:
        """RGB [height, width, 3] of the input. ``picture`` may be decoded smaller than it is stored; outside is
        ``fill``, None: what is at its border."""
        height, width = picture.shape[:2]
        if self.stretches:
            return decoding.fit(picture, self.size)
        if self.least[0] < width or self.least[1] < height:
            picture = decoding.softened(picture, (max(1, self.least[0]), max(1, self.least[1])))
            height, width = picture.shape[:2]
        decoded = np.diag([self.stored[0] / width, self.stored[1] / height, 1.0])
        return decoding.carry(picture, self.matrix @ decoded, self.size, fill)

    def boxes(self, boxes: Boxes) -> Boxes:
        """The upright boxes [n, 4] around the moved corners of ``boxes``, also beyond the input."""
        return transforms.upright(boxes, self.matrix).astype(np.float32)

    def visible(
        self, boxes: Boxes, *, thinnest: float = THINNEST, share: float = 0.0
    ) -> tuple[NDArray[np.intp], Boxes]:
        """Which of ``boxes`` are wider and higher than ``thinnest`` once they are moved and clipped to the input, and
        keep a ``share`` of their area; and those."""
        moved = self.boxes(boxes)
        clipped = np.clip(moved, 0, np.array(self.size * 2, np.float32))
        stays = thick(clipped, thinnest)
        if share:
            stays &= area(clipped) >= share * area(moved)
        kept = np.flatnonzero(stays)
        return kept, clipped[kept]

    def points(self, points: Points, order: Sequence[int] | None = None, *, beyond: bool = False) -> Points:
        """Keypoints [..., K, 3] (x, y, visibility) moved; those that are not labelled are all 0, and unless ``beyond``
        those that leave the input.

        ``order`` [K] is the mirror as a permutation: where the image is flipped, point k is the old point order[k].
        """
        points = np.array(points[..., order, :] if order is not None and self.flipped else points, np.float64)
        points[..., :2] = transforms.move_points(points[..., :2], self.matrix)
        stays = points[..., 2] > 0
        if not beyond:
            stays &= (points[..., :2] >= 0).all(-1) & (points[..., :2] <= self.size).all(-1)
        points[~stays] = 0
        return points

    def polygons(self, rings: Sequence[Points]) -> list[Points]:
        """The parts on the input of ``rings``, each [N, 2]; those of which nothing is there are left out."""
        shown = (ring for each in rings if len(ring := outlines.clip(each, self.stored)) >= 3)
        moved = (outlines.clip(transforms.move_points(ring, self.matrix), self.size) for ring in shown)
        return [ring for ring in moved if len(ring) >= 3]

    def mask(self, mask: NDArray[Any], fill: int = 0) -> NDArray[Any]:
        """A mask or label map [height, width] of the stored image by nearest pixels; ``fill`` outside."""
        return transforms.Warp(self.matrix, self.stored, self.size).applied(mask, nearest=True, fill=fill)


class Seen(NamedTuple):
    """What a view shows: ``pixels`` RGB uint8 [H, W, 3], where they come from, and of the boxes it was given the
    indices of those that remain [k], clipped to the input [k, 4]. ``shown`` [H, W] are the pixels of what is on the
    image where the rest is of another one; None: there is no other."""

    pixels: Pixels
    placement: Placement
    kept: NDArray[np.intp]
    boxes: Boxes
    shown: NDArray[np.bool_] | None = None


class View(Protocol):
    """What the network sees of an image. Lives in worker processes, so it can be pickled."""

    def bound(self, stored: Size) -> Size:
        """The largest size (width, height) that an image of ``stored`` (width, height) is shown with."""
        ...

    def __call__(
        self, path: Place, boxes: Boxes, size: tuple[int, int], random: np.random.Generator | None = None
    ) -> Seen:
        """The image in ``path``, stored with ``size`` (width, height), and its ``boxes`` [n, 4] in those pixels.

        ``random`` None changes nothing but the size. Raises DataError, naming the file.
        """
        ...


@runtime_checkable
class RequiringView(View, Protocol):
    """A view that reads other files than the images of the data."""

    def require(self) -> None:
        """Raise DataError where they are missing: before anything else of a training is done."""
        ...


@runtime_checkable
class ChangingView(View, Protocol):
    """A view that is not the same in all batches; ``bound`` is that of the largest."""

    def at(self, epoch: int, seed: int, step: int) -> View:
        """The view of the images of batch ``step`` (from 0, the same in all processes) of ``epoch`` (from 1): where the
        network's input has one size, all of a batch are shown with the same. Depends on nothing else."""
        ...


class Part(NamedTuple):
    """A sample that is shown beside others: its image, stored with ``size`` (width, height), and its boxes [n, 4]."""

    path: Place
    boxes: Boxes
    size: Size


class Composed(NamedTuple):
    """One input ``pixels`` RGB uint8 [H, W, 3] made of several samples, and what is seen of each."""

    pixels: Pixels
    parts: tuple[Seen, ...]


@runtime_checkable
class CompositeView(View, Protocol):
    """A view that may show further samples beside an image. Called like any other, it shows the image alone."""

    @property
    def most(self) -> int:
        """The largest number of samples on an input."""
        ...

    def further(self, random: np.random.Generator) -> int:
        """Draw how many samples come beside the first."""
        ...

    def composed(self, parts: Sequence[Part], random: np.random.Generator) -> Composed:
        """All ``parts``, the first and the further ones, on one input. Raises DataError, naming the file."""
        ...


@runtime_checkable
class PastingView(View, Protocol):
    """A view that may show what is on an image before another one. Called like any other, it shows the image alone."""

    def pasted(self, part: Part, cover: Callable[[], NDArray[np.bool_]], random: np.random.Generator) -> Seen:
        """``part``, of which ``cover`` gives the pixels [h, w] of objects. Raises DataError, naming the file."""
        ...


def thick(boxes: Boxes, thinnest: float = THINNEST) -> NDArray[np.bool_]:
    """Which of ``boxes`` [n, 4] are wider and higher than ``thinnest``; by default those with any width and height."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2] > thinnest).all(axis=1))
