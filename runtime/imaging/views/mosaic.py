"""Mosaic and mixup: several images on one input, which YOLO detectors learn from.

Each image is warped once, from its decoded pixels to the input: a matrix of its own takes it to its quarter of the
mosaic, turns, shears, zooms, shifts and mirrors it. Images that do not show are not decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, cos, radians, sin, tan

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.imaging.decoding import Pixels, Place, pixels
from runtime.imaging.placement import Boxes, Composed, Part, Placement, Seen
from runtime.imaging.transforms import Matrix, Size, move_points
from runtime.imaging.views.affine import VISIBLE_SHARE
from runtime.imaging.views.framing import Letterbox, Stretch, flips, shown

STRIDE = 32
"""Pixels: the sides of inputs of several sizes are multiples of it."""
THINNEST_BOX = 2.0
"""Pixels of the input: boxes with less width or height are dropped, as are those that show less than
``VISIBLE_SHARE`` of themselves."""
_LEVELS = np.arange(256.0)


@dataclass(frozen=True, kw_only=True)
class Mosaic:
    """Inputs of ``width`` x ``height`` pixels. An image alone is letterboxed at the top left, or stretched.

    With the probability ``mosaic`` three further images come beside it, each as large as it would be alone, about a
    point drawn within half the input's sides of the middle. The four are turned by up to ``degrees``, sheared by up to
    ``shear`` degrees along each axis, zoomed by a factor in ``mosaic_scale`` and shifted by up to ``translate`` of the
    input's sides. With the probability ``mixup`` a fifth image, zoomed by a factor in ``mixup_scale``, is then mixed
    in, half and half. ``hsv``: hue turns by up to that share of the circle, saturation and value are multiplied by
    1 - share to 1 + share. All is mirrored with the probability ``random_flip``.

    ``multi_scale`` n: all inputs of a batch have the shorter side n * 32 pixels smaller to n * 32 larger, in steps of
    32. ``closing``: the first epoch in which every image is alone. ``fill`` (RGB) is where there is no image.
    """

    width: int
    height: int
    letterbox: bool = True
    fill: tuple[int, int, int] = (114, 114, 114)
    mosaic: float = 1.0
    mixup: float = 1.0
    mosaic_scale: tuple[float, float] = (0.1, 2.0)
    mixup_scale: tuple[float, float] = (0.5, 1.5)
    degrees: float = 10.0
    translate: float = 0.1
    shear: float = 2.0
    hsv: tuple[float, float, float] = (0.015, 0.7, 0.4)
    random_flip: float = 0.5
    multi_scale: int = 0
    closing: int | None = None

    @property
    def size(self) -> Size:
        return self.width, self.height

    @property
    def most(self) -> int:
        return 1 if not self.mosaic else 5 if self.mixup else 4

    def bound(self, stored: Size) -> Size:  # noqa: ARG002 - all come out alike
        return self._varied(self.multi_scale)

    def at(self, epoch: int, seed: int, step: int) -> Mosaic:
        varied = 0
        if self.multi_scale:  # a fourth number: other draws than those of any image
            random = np.random.default_rng((seed, epoch, step, 1))
            varied = int(random.integers(-self.multi_scale, self.multi_scale + 1))
        width, height = self._varied(varied)
        closed = self.closing is not None and epoch >= self.closing
        mosaic = 0.0 if closed else self.mosaic
        return replace(self, width=width, height=height, multi_scale=0, mosaic=mosaic)

    def __call__(self, path: Place, boxes: Boxes, size: Size, random: np.random.Generator | None = None) -> Seen:
        placement = self.plain.placement(size, mirrored=flips(self.random_flip, random))
        seen = shown(path, placement, boxes, self.fill)
        if random is None:
            return seen
        kept = placement.visible(_within(boxes, size), thinnest=THINNEST_BOX)
        return Seen(self._coloured(seen.pixels, random), placement, *kept)

    def further(self, random: np.random.Generator) -> int:
        if random.random() >= self.mosaic:
            return 0
        return 4 if random.random() < self.mixup else 3

    def composed(self, parts: Sequence[Part], random: np.random.Generator) -> Composed:
        mirrored = flips(self.random_flip, random)
        warp, quarters = self._warp(random), random.permutation(4).tolist()
        placements = [self._quarter(part.size, which, warp) for part, which in zip(parts, quarters, strict=False)]
        placements += [self._mixed(part.size, random) for part in parts[4:]]
        if mirrored:
            placements = [each.mirrored() for each in placements]
        picture = self._painted(parts[:4], placements[:4])
        if len(parts) > 4:
            picture = cv2.addWeighted(picture, 0.5, self._painted(parts[4:], placements[4:]), 0.5, 0)
        picture = self._coloured(picture, random)
        seen = tuple(
            Seen(picture, placement, *_kept(placement, part.boxes))
            for part, placement in zip(parts, placements, strict=True)
        )
        return Composed(picture, seen)

    @cached_property
    def plain(self) -> Letterbox | Stretch:
        """The view of an image alone, nothing of which is drawn at random."""
        if self.letterbox:
            return Letterbox(width=self.width, height=self.height, fill=self.fill, centred=False)
        return Stretch(width=self.width, height=self.height)

    def _varied(self, steps: int) -> Size:
        """The size when the shorter side is ``steps`` times 32 longer."""
        if not self.multi_scale:
            return self.size
        share = 1 + STRIDE * steps / min(self.size)
        width, height = (max(1, round(side * share / STRIDE)) * STRIDE for side in self.size)
        return width, height

    def _warp(self, random: np.random.Generator) -> Matrix:
        """Draw the warp of a mosaic: pixels from the point where the four meet, to those of the input."""
        middle = np.array([self.width / 2, self.height / 2])
        meeting = random.uniform(-1, 1, 2) * middle
        angle = radians(random.uniform(-self.degrees, self.degrees))
        across, down = (tan(radians(random.uniform(-self.shear, self.shear))) for _ in "xy")
        turned = np.array([[1.0, across], [down, 1.0]]) @ [[cos(angle), -sin(angle)], [sin(angle), cos(angle)]]
        warp = np.eye(3)
        warp[:2, :2] = random.uniform(*self.mosaic_scale) * turned
        shift = random.uniform(-self.translate, self.translate, 2) * self.size
        warp[:2, 2] = warp[:2, :2] @ meeting + middle + shift
        return warp

    def _quarter(self, stored: Size, which: int, warp: Matrix) -> Placement:
        """Of an image with one corner where the four meet: quarter 0 to 3, in lines."""
        alone = self.plain.placement(stored).matrix
        left, top = 0.0 if which % 2 else -alone[0, 0] * stored[0], 0.0 if which // 2 else -alone[1, 1] * stored[1]
        return Placement(warp @ _shift(left, top) @ alone, self.size, stored)

    def _mixed(self, stored: Size, random: np.random.Generator) -> Placement:
        """Draw that of the fifth image: anywhere that keeps image and input inside one another, along each axis."""
        zoom, alone = random.uniform(*self.mixup_scale), self.plain.placement(stored)
        free = np.array(self.size) - zoom * alone.matrix.diagonal()[:2] * stored
        if flips(self.random_flip, random):
            alone = self.plain.placement(stored, mirrored=True)
        carried = _shift(*random.random(2) * free) @ np.diag([zoom, zoom, 1.0]) @ alone.matrix
        return Placement(carried, self.size, stored)

    def _painted(self, parts: Sequence[Part], placements: Sequence[Placement]) -> Pixels:
        """An input with ``parts`` where they lie."""
        canvas = np.full((self.height, self.width, 3), self.fill[0], np.uint8)
        if len(set(self.fill)) > 1:
            canvas[:] = self.fill
        for part, placement in zip(parts, placements, strict=True):
            _paint(canvas, part, placement)
        return canvas

    def _coloured(self, picture: Pixels, random: np.random.Generator) -> Pixels:
        """``picture`` in other colours, by one table for hue, saturation and value."""
        if not any(self.hsv):
            return picture
        hue, saturation, value = (random.uniform(-1, 1, 3) * self.hsv).tolist()
        turned = np.rint(_LEVELS + 180 * hue) % 180
        tables = [turned, *(np.clip(_LEVELS * (1 + gain), 0, 255).round() for gain in (saturation, value))]
        table = np.stack(tables, axis=1).astype(np.uint8)[None]
        return cv2.cvtColor(cv2.LUT(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV), table), cv2.COLOR_HSV2RGB)


def _paint(canvas: Pixels, part: Part, placement: Placement) -> None:
    """Put an image where it lies on ``canvas``; it is not decoded where none of it does."""
    width, height = part.size
    corners = move_points(np.array([[0.0, 0], [width, 0], [width, height], [0, height]]), placement.matrix)
    # Pixels whose centres are on the image.
    left, top = (max(0, ceil(least - 0.5)) for least in corners.min(axis=0))
    right, bottom = (min(ceil(m - 0.5), side) for m, side in zip(corners.max(axis=0), placement.size, strict=True))
    if left >= right or top >= bottom:
        return
    window = Placement(_shift(-left, -top) @ placement.matrix, (right - left, bottom - top), part.size)
    picture = window.image(pixels(part.path, size=part.size, least=window.least), None)
    region = canvas[top:bottom, left:right]
    if not placement.matrix[0, 1] and not placement.matrix[1, 0]:
        region[:] = picture
        return
    mask = np.zeros(region.shape[:2], np.uint8)
    outline = np.rint((corners - (left + 0.5, top + 0.5)) * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, outline, 1, shift=4)
    cv2.copyTo(picture, mask, region)


def _kept(placement: Placement, boxes: Boxes) -> tuple[NDArray[np.intp], Boxes]:
    """Which of ``boxes`` show enough to be learned from, and those, clipped to their image and the input."""
    return placement.visible(_within(boxes, placement.stored), thinnest=THINNEST_BOX, share=VISIBLE_SHARE)


def _within(boxes: Boxes, size: Size) -> Boxes:
    """``boxes`` clipped to their own image, beside which others lie."""
    return np.clip(boxes, 0, np.array(size * 2, np.float32))


def _shift(across: float, down: float) -> Matrix:
    return np.array([[1.0, 0, across], [0, 1, down], [0, 0, 1]])
