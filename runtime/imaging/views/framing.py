"""Views of one image: letterboxed, stretched, resized by its sides, or cut out around one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from runtime.imaging.decoding import Place, pixels
from runtime.imaging.placement import FILL, Boxes, Placement, Seen
from runtime.imaging.transforms import Size


def shown(path: Place, placement: Placement, boxes: Boxes, fill: tuple[int, int, int] = FILL) -> Seen:
    """The image in ``path`` as ``placement`` has it; thin boxes are dropped."""
    picture = pixels(path, size=placement.stored, least=placement.least)
    return Seen(placement.image(picture, fill), placement, *placement.visible(boxes))


@dataclass(frozen=True, kw_only=True)
class Letterbox:
    """All of the image in the middle of an input of ``width`` x ``height`` pixels, or unless ``centred`` at its top
    left; the rest ``fill``. Flipped with the probability ``random_flip``."""

    width: int
    height: int
    random_flip: float = 0.0
    fill: tuple[int, int, int] = FILL
    centred: bool = True

    def bound(self, stored: Size) -> Size:  # noqa: ARG002 - all come out alike
        return self.width, self.height

    def __call__(self, path: Place, boxes: Boxes, size: Size, random: np.random.Generator | None = None) -> Seen:
        return shown(path, self.placement(size, mirrored=flips(self.random_flip, random)), boxes, self.fill)

    def placement(self, size: Size, *, mirrored: bool = False) -> Placement:
        """Of an image stored with ``size`` (width, height), in the same place where it is ``mirrored``."""
        share = min(self.width / size[0], self.height / size[1])
        left, top = (self.width - share * size[0]) / 2, (self.height - share * size[1]) / 2
        if not self.centred:
            left = top = 0.0
        carried = [[share, 0, left], [0, share, top], [0, 0, 1]]
        if mirrored:
            carried[0] = [-share, 0, left + share * size[0]]
        return Placement(np.array(carried), (self.width, self.height), size)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """All of the image, stretched to an input of ``width`` x ``height`` pixels; flipped with the probability
    ``random_flip``."""

    width: int
    height: int
    random_flip: float = 0.0

    def bound(self, stored: Size) -> Size:  # noqa: ARG002 - all come out alike
        return self.width, self.height

    def __call__(self, path: Place, boxes: Boxes, size: Size, random: np.random.Generator | None = None) -> Seen:
        return shown(path, self.placement(size, mirrored=flips(self.random_flip, random)), boxes)

    def placement(self, size: Size, *, mirrored: bool = False) -> Placement:
        """Of an image stored with ``size`` (width, height)."""
        plain = Placement.resize(size, (self.width, self.height))
        return plain.mirrored() if mirrored else plain


@dataclass(frozen=True, kw_only=True)
class KeepAspect:
    """An input of the image's own aspect ratio, by torchvision's rule: the shorter side becomes one of ``min_sizes``,
    drawn anew each time (the last one without drawing), the longer at most ``max_size``, whole pixels cut off.

    Without ``min_sizes`` images keep their size. Flipped with the probability ``random_flip``.
    """

    min_sizes: tuple[int, ...] = (800,)
    max_size: int = 1333
    random_flip: float = 0.0

    def bound(self, stored: Size) -> Size:
        return self._size(stored, max(self.min_sizes, default=0))

    def __call__(self, path: Place, boxes: Boxes, size: Size, random: np.random.Generator | None = None) -> Seen:
        least = self.min_sizes[-1] if self.min_sizes else 0
        if random is not None and len(self.min_sizes) > 1:
            least = self.min_sizes[random.integers(len(self.min_sizes))]
        placement = Placement.resize(size, self._size(size, least))
        return shown(path, placement.mirrored() if flips(self.random_flip, random) else placement, boxes)

    def _size(self, stored: Size, least: int) -> Size:
        if not least:
            return stored
        share = min(least / min(stored), self.max_size / max(stored))
        return max(1, int(stored[0] * share)), max(1, int(stored[1] * share))


@dataclass(frozen=True, kw_only=True)
class ObjectCrop:
    """One object in an input of ``width`` x ``height`` pixels, by HRNet's rules: its box, the only one given, cut to
    the image, widened to that aspect ratio and then by ``margin``; ``fill`` outside the image.

    At random: larger or smaller by a share of about ``scale``, at most as much; with ``rotation_probability`` turned by
    about ``rotation`` degrees, at most twice as many; flipped with the probability ``random_flip``.

    Whole numbers are the middles of pixels here, as HRNet and whoever annotates landmarks count: the first pixel of the
    image has its own at 0, and the middle of an input of 384 pixels is that of its pixel 192. The object always stays.
    """

    width: int
    height: int
    margin: float = 1.25
    random_flip: float = 0.0
    scale: float = 0.0
    rotation: float = 0.0
    rotation_probability: float = 0.6
    fill: tuple[int, int, int] = (0, 0, 0)

    def bound(self, stored: Size) -> Size:  # noqa: ARG002 - all come out alike
        return self.width, self.height

    def __call__(self, path: Place, boxes: Boxes, size: Size, random: np.random.Generator | None = None) -> Seen:
        placement = self.placement(boxes[0].tolist(), size, random)
        of_pixels = Placement(_HALF @ placement.matrix @ _BACK, placement.size, size)
        picture = pixels(path, size=size, least=of_pixels.least)
        limits = np.array(placement.size * 2, np.float32)
        shown_boxes = np.clip(placement.boxes(boxes), 0, limits)
        return Seen(of_pixels.image(picture, self.fill), placement, np.arange(len(boxes)), shown_boxes)

    def placement(self, box: Sequence[float], size: Size, random: np.random.Generator | None = None) -> Placement:
        """Of an object with ``box`` (left, top, right, bottom) on an image of ``size`` (width, height)."""
        left, top = (max(0.0, each) for each in box[:2])
        across, down = (max(0.0, box[axis + 2] - box[axis] - 1) for axis in (0, 1))
        wide, high = min(size[0] - 1, left + across) - left, min(size[1] - 1, top + down) - top
        share = self.width / (max(wide, high * self.width / self.height, 1.0) * self.margin)
        angle, mirrored = 0.0, False
        if random is not None:
            share, angle = share / self._scaled(random), self._turned(random)
            mirrored = flips(self.random_flip, random)
        turned = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
        linear = share * turned @ np.diag([-1.0 if mirrored else 1.0, 1.0])
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = (self.width / 2, self.height / 2) - linear @ (left + wide / 2, top + high / 2)
        return Placement(matrix, (self.width, self.height), size)

    def _scaled(self, random: np.random.Generator) -> float:
        """Draw how much more of the image is to be seen."""
        if not self.scale:
            return 1.0
        return float(np.clip(1 + random.standard_normal() * self.scale, 1 - self.scale, 1 + self.scale))

    def _turned(self, random: np.random.Generator) -> float:
        """Draw an angle, anticlockwise."""
        if not self.rotation or random.random() >= self.rotation_probability:
            return 0.0
        angle = np.clip(random.standard_normal() * self.rotation, -2 * self.rotation, 2 * self.rotation)
        return radians(angle)


_HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
_BACK = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])


def flips(probability: float, random: np.random.Generator | None) -> bool:
    """Draw whether to show a mirror image."""
    return random is not None and random.random() < probability
