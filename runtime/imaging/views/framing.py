"""Views of one image: letterboxed, stretched, resized by its sides, or cut out around one object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.imaging.decoding import Place, pixels
from runtime.imaging.placement import FILL, Boxes, Placement, Seen
from runtime.imaging.transforms import Size
from runtime.imaging.views.windows import Window, matrix


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
    """One object in an input of ``width`` x ``height`` pixels: its box, the only one given, widened to that aspect
    ratio and then by ``margin``.

    At random: flipped with the probability ``random_flip``, and the window larger or smaller by up to ``scale``.
    """

    width: int
    height: int
    margin: float = 1.25
    random_flip: float = 0.0
    scale: float = 0.0

    def bound(self, stored: Size) -> Size:  # noqa: ARG002 - all come out alike
        return self.width, self.height

    def __call__(self, path: Place, boxes: Boxes, size: Size, random: np.random.Generator | None = None) -> Seen:
        left, top, right, bottom = boxes[0].tolist()
        aspect = self.width / self.height
        wide = max(right - left, (bottom - top) * aspect, 1.0) * self.margin
        if random is not None and self.scale:
            wide *= random.uniform(1 - self.scale, 1 + self.scale)
        high = wide / aspect
        window = Window((left + right - wide) / 2, (top + bottom - high) / 2, wide, high)
        carried = matrix(window, (self.width, self.height), flip=False)
        placement = Placement(carried, (self.width, self.height), size)
        return shown(path, placement.mirrored() if flips(self.random_flip, random) else placement, boxes)


def flips(probability: float, random: np.random.Generator | None) -> bool:
    """Draw whether to show a mirror image."""
    return random is not None and random.random() < probability
