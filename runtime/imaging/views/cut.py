"""An input cut out of a stretched image: as classifiers are shown images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.imaging.decoding import Place
from runtime.imaging.placement import Boxes, Placement, Seen
from runtime.imaging.transforms import Matrix, Size
from runtime.imaging.views.framing import flips, shown


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The image is stretched to ``stretched`` (width, height), and the input of ``width`` x ``height`` pixels is its
    middle.

    At random: any other part of it; mirrored with the probability ``random_flip``; zoomed about its middle by a factor
    from 1 - ``zoom`` to 1 + ``zoom`` along each axis, and shifted by up to ``shift`` of the input's sides.
    """

    width: int
    height: int
    stretched: Size
    random_flip: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0

    @property
    def size(self) -> Size:
        return self.width, self.height

    def bound(self, stored: Size) -> Size:  # noqa: ARG002 - all come out alike
        return self.size

    def __call__(self, path: Place, boxes: Boxes, size: Size, random: np.random.Generator | None = None) -> Seen:
        return shown(path, self.placement(size, random), boxes)

    def placement(self, size: Size, random: np.random.Generator | None = None) -> Placement:
        """Of an image stored with ``size`` (width, height)."""
        space = np.subtract(self.stretched, self.size)
        corner = space / 2 if random is None else space * random.random(2)
        factors = np.divide(self.stretched, size)
        matrix = np.array([[factors[0], 0, -corner[0]], [0, factors[1], -corner[1]], [0, 0, 1]])
        if random is not None:
            matrix = self._drawn(random) @ matrix
        placement = Placement(matrix, self.size, size)
        return placement.mirrored() if flips(self.random_flip, random) else placement

    def _drawn(self, random: np.random.Generator) -> Matrix:
        """A change within the input: about its middle, then aside."""
        middle = np.divide(self.size, 2)
        zoom = 1 + self.zoom * random.uniform(-1, 1, 2)
        moved = middle * (1 - zoom) + self.shift * random.uniform(-1, 1, 2) * self.size
        return np.array([[zoom[0], 0, moved[0]], [0, zoom[1], moved[1]], [0, 0, 1]])
