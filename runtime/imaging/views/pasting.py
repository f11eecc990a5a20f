"""The view of networks that say the class of each pixel: crops, colours, and cut-outs on other backgrounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converters.files import listing
from runtime.imaging import transforms
from runtime.imaging.decoding import Pixels, Place, fit, pixels
from runtime.imaging.placement import Boxes, Part, Placement, Seen
from runtime.imaging.transforms import Size
from runtime.imaging.views.framing import flips, shown
from runtime.imaging.views.windows import Window, matrix
from tltpipe.errors import DataError

TRIES = 10
"""For a crop that fits; without one all of the image is shown."""
ASPECTS = (3 / 4, 4 / 3)
"""Width / height of a crop, drawn evenly on a log scale."""
CANVAS_HEIGHTS, CANVAS_ASPECTS = (1.2, 1.6), (0.5, 0.8)
"""The scene that a cut-out is pasted on: its height in heights of the cut-out, and its width / height."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All of the image, stretched to an input of ``width`` x ``height`` pixels, or ``letterbox``: in its middle.

    At random: with the probability ``random_crop`` a part that has a share of its area in ``crop_area``; mirrored with
    the probability ``random_flip``. ``brightness``, ``contrast`` and ``saturation`` are multiplied by 1 - share to
    1 + share, ``hue`` turns by up to that share of the circle. With the probability ``cut_paste`` what is on it is cut
    out and comes before an image of the folder ``backgrounds``, a little larger or smaller and in another place.
    """

    width: int
    height: int
    letterbox: bool = False
    random_flip: float = 0.0
    random_crop: float = 0.0
    crop_area: tuple[float, float] = (0.5, 1.0)
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    cut_paste: float = 0.0
    backgrounds: Path | None = None

    @property
    def size(self) -> Size:
        return self.width, self.height

    def bound(self, stored: Size) -> Size:  # noqa: ARG002 - all come out alike
        return self.size

    def require(self) -> None:
        """``runtime.imaging.placement.RequiringView``"""
        if self.backgrounds is not None and self.cut_paste:
            _ = self._files

    def __call__(self, path: Place, boxes: Boxes, size: Size, random: np.random.Generator | None = None) -> Seen:
        seen = shown(path, self.placement(Window(0, 0, *size), size, random), boxes)
        return seen if random is None else seen._replace(pixels=self._coloured(seen.pixels, random))

    def pasted(self, part: Part, cover: Callable[[], NDArray[np.bool_]], random: np.random.Generator) -> Seen:
        """``runtime.imaging.placement.PastingView``"""
        if self.backgrounds is None or random.random() >= self.cut_paste or not (objects := cover()).any():
            return self(part.path, part.boxes, part.size, random)
        canvas = _canvas(objects, random)
        behind = self._files[random.integers(len(self._files))]
        seen = shown(part.path, self.placement(canvas, part.size, random), part.boxes)
        front = seen.placement.mask(objects.view(np.uint8)).view(np.bool_)
        picture = np.where(front[..., None], seen.pixels, fit(pixels(behind, least=self.size), self.size))
        return seen._replace(pixels=self._coloured(picture, random), shown=front)

    def placement(self, window: Window, stored: Size, random: np.random.Generator | None = None) -> Placement:
        """Of ``window``, or a part of it, on an image of ``stored`` (width, height)."""
        if random is not None and random.random() < self.random_crop:
            window = self._cropped(window, random)
        if self.letterbox:
            window = self._widened(window)
        carried = matrix(window, self.size, flip=flips(self.random_flip, random))
        return Placement(carried, self.size, stored)

    def _cropped(self, window: Window, random: np.random.Generator) -> Window:
        for _ in range(TRIES):
            area = random.uniform(*self.crop_area) * window.width * window.height
            aspect = np.exp(random.uniform(*np.log(ASPECTS)))
            width, height = float((area * aspect) ** 0.5), float((area / aspect) ** 0.5)
            if width <= window.width and height <= window.height:
                left, top = (random.random(2) * (window.width - width, window.height - height)).tolist()
                return Window(window.left + left, window.top + top, width, height)
        return window

    def _widened(self, window: Window) -> Window:
        """``window`` with the input's aspect ratio, about its middle."""
        share = max(window.width / self.width, window.height / self.height)
        width, height = share * self.width, share * self.height
        left, top = window.left - (width - window.width) / 2, window.top - (height - window.height) / 2
        return Window(left, top, width, height)

    def _coloured(self, picture: Pixels, random: np.random.Generator) -> Pixels:
        spans = np.array([self.brightness, self.contrast, self.saturation, self.hue])
        if not spans.any():
            return picture
        brightness, contrast, saturation, hue = (spans * random.uniform(-1, 1, 4)).tolist()
        colour = transforms.Colour(hue=360 * hue, saturation=1 + saturation, contrast=contrast)
        gain, bias = transforms.colour_matrix(colour)
        return transforms.mix(picture, (1 + brightness) * gain, (1 + brightness) * bias)

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        """The images of the folder. Raises DataError where there are none."""
        folder = self.backgrounds or Path()
        if not folder.is_dir():
            raise DataError("this folder of backgrounds is missing", where=folder, hint="or paste nothing: cut_paste 0")
        found = tuple(folder / name for name in sorted(listing.files(folder, listing.PICTURES)))
        if not found:
            raise DataError("there are no images to paste on", where=folder, hint="or paste nothing: cut_paste 0")
        return found


def _canvas(objects: NDArray[np.bool_], random: np.random.Generator) -> Window:
    """Draw a scene around all ``objects`` [h, w] of an image, in its pixels."""
    left, top, width, height = cv2.boundingRect(objects.view(np.uint8))
    high = height * random.uniform(*CANVAS_HEIGHTS)
    wide = max(high * random.uniform(*CANVAS_ASPECTS), width)
    across, down = (random.random(2) * (wide - width, high - height)).tolist()
    return Window(left - across, top - down, float(wide), float(high))
