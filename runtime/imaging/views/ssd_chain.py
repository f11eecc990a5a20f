"""The original chain of SSD, which folders of pictures and labels get from TLT 3.0 on.

Colours, zoom-out, crop, flip, resize. What is seen is decided first, on boxes and sizes alone; colours are then
changed only where the picture shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.imaging.boxes import iou
from runtime.imaging.decoding import Pixels, Place, fit, pixels
from runtime.imaging.placement import Placement, Seen, thick
from runtime.imaging.views.flat import Flat
from runtime.imaging.views.windows import BOUNDS, TRIES, Floats, Window, centres, matrix, mirrored

FILL = (123, 116, 103)
"""RGB around a picture that is zoomed out: the mean that networks subtract, cut to whole levels."""
INTERPOLATIONS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA, cv2.INTER_LANCZOS4)
CROPPED = 0.857
"""Probability of going on to look for a crop, asked before every fifty tries."""
_MOST_ROUNDS = 100  # of fifty tries; one in five million pictures comes that far
_LEVELS = np.arange(256, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class SsdChain(Flat):
    """Fields are those of the flat ``augmentation_config``, with what they mean when they are not written there.

    ``width``, ``height``: of the network's input in pixels; ``channels`` 1 gives luma in all three. ``brightness``
    in levels and ``hue`` in steps of 2 degrees to either side; ``contrast`` and ``saturation`` as shares: 0.3 is a
    factor of 0.7 to 1.3. ``zoom_out_*``: the canvas in sides of the picture. ``random_crop_*_scale``: the patch in
    sides of the picture, ``*_ar`` its width / height in pixels. ``strict``: as NVIDIA has it also where it costs
    quality or time (docs/strict.md).
    """

    def __call__(
        self,
        path: Place,
        boxes: Floats,
        size: tuple[int, int],
        random: np.random.Generator | None = None,
    ) -> Seen:
        if random is None:
            picture = pixels(path, size=size, least=None if self.strict else self.size)
            picture = cv2.resize(picture, self.size) if self.strict else fit(picture, self.size)
            placement = Placement.resize(size, self.size)
            return Seen(self.finished(picture), placement, *self._scaled(boxes, np.arange(len(boxes)), size))
        change = self.colours(random)
        window = self.zoomed(size, random)
        window, boxes, kept = self.cropped(window, boxes, random)
        flip = random.random() < self.random_flip
        if flip:
            boxes = mirrored(boxes, window.width)
        interpolation = INTERPOLATIONS[random.integers(len(INTERPOLATIONS))]
        # No more pixels than the network gets need be decoded.
        least = [math.ceil(new * old / seen) for new, old, seen in zip(self.size, size, window[2:], strict=True)]
        picture = pixels(path, size=size, least=None if self.strict else (least[0], least[1]))
        picture = _seen(picture, window, size, change)
        if flip:
            picture = cv2.flip(picture, 1)
        if picture.shape[1::-1] != self.size:
            picture = cv2.resize(picture, self.size, interpolation=interpolation)
        placement = Placement(matrix(window, self.size, flip=flip), self.size, size)
        return Seen(self.finished(picture), placement, *self._scaled(boxes, kept, (window.width, window.height)))

    def colours(self, random: np.random.Generator) -> Colours:
        """Draw what happens to colours: each of the four with probability 0.5, contrast early or late."""
        early = random.random() < 0.5
        levels, late, hsv = _LEVELS, _LEVELS, _LEVELS.reshape(-1, 1, 1).repeat(3, axis=2)
        if self.brightness and random.random() < 0.5:
            levels = np.clip(levels + random.uniform(-self.brightness, self.brightness), 0, 255)
        if self.contrast and random.random() < 0.5:
            factor = random.uniform(1 - self.contrast, 1 + self.contrast)
            if early:
                levels = np.clip(127.5 + factor * (levels - 127.5), 0, 255)
            else:
                late = np.clip(127.5 + factor * (late - 127.5), 0, 255)
        if self.saturation and random.random() < 0.5:
            factor = random.uniform(1 - self.saturation, 1 + self.saturation)
            hsv[..., 1] = np.clip(hsv[..., 1] * factor, 0, 255)
        if self.hue and random.random() < 0.5:
            hsv[..., 0] = np.round(hsv[..., 0] + random.uniform(-self.hue, self.hue)) % 180
        always = self.strict and any((self.brightness, self.contrast, self.saturation, self.hue))
        turned = always or bool((hsv != _LEVELS.reshape(-1, 1, 1)).any())
        return Colours(_table(levels), _table(hsv) if turned else None, _table(late))

    def zoomed(self, size: tuple[int, int], random: np.random.Generator) -> Window:
        """Draw the canvas that a picture of ``size`` (width, height) comes to lie on; half of the time it is itself."""
        width, height = size
        if max(self.zoom_out_min_scale, self.zoom_out_max_scale) <= 1 + 1e-5 or random.random() >= 0.5:
            return Window(0, 0, width, height)
        factor = random.uniform(self.zoom_out_min_scale, self.zoom_out_max_scale)
        wide, high = int(factor * width), int(factor * height)
        left, top = random.integers(0, wide - width + 1), random.integers(0, high - height + 1)
        return Window(-int(left), -int(top), wide, high)

    def cropped(
        self, window: Window, boxes: Floats, random: np.random.Generator
    ) -> tuple[Window, Floats, NDArray[np.intp]]:
        """Draw a part of ``window``; returns it, the ``boxes`` seen through it from its corner, and their indices.

        Those whose centre is outside are gone, the rest is clipped. Without boxes there is nothing to find a part by:
        all of it is taken, as when none fits.
        """
        boxes, kept = boxes - np.array([window.left, window.top] * 2, np.float32), np.arange(len(boxes))
        patch = self._patch(boxes, int(window.width), int(window.height), random)
        if patch is None:
            return window, boxes, kept
        boxes = boxes - np.array([patch.left, patch.top] * 2, np.float32)
        middle, limit = centres(boxes), np.array([patch.width, patch.height], np.float32)
        kept = np.flatnonzero(((middle >= 0) & (middle <= limit - 1)).all(axis=1))
        boxes = np.clip(boxes[kept], 0, np.tile(limit - 1 if self.strict else limit, 2))
        return Window(window.left + patch.left, window.top + patch.top, patch.width, patch.height), boxes, kept

    def _patch(self, boxes: Floats, width: int, height: int, random: np.random.Generator) -> Window | None:
        """A part of ``width`` x ``height`` pixels that overlaps with one of ``boxes`` as drawn; None for all of it."""
        low, high = self.random_crop_min_scale, self.random_crop_max_scale
        if low >= 1 - 1e-5 or not len(boxes):
            return None
        for _ in range(_MOST_ROUNDS):
            if random.random() >= CROPPED:
                return None
            bound = BOUNDS[random.integers(len(BOUNDS))]
            sides = (random.uniform(low, high, (TRIES, 2)) * (width, height)).astype(np.int64)
            corners = (random.random((TRIES, 2)) * (np.array([width, height]) - sides + 1)).astype(np.int64)
            ratios = sides[:, 0] / np.maximum(sides[:, 1], 1)
            right = (sides > 0).all(axis=1) & (ratios >= self.random_crop_min_ar) & (ratios <= self.random_crop_max_ar)
            shared = iou(boxes, np.hstack([corners, corners + sides]).astype(np.float64)[:, None])
            right &= ((shared > bound) & (shared <= 1)).any(axis=1)
            first = int(right.argmax())
            if right[first]:
                return Window(*corners[first].tolist(), *sides[first].tolist())
        return None

    def _scaled(
        self, boxes: Floats, kept: NDArray[np.intp], size: tuple[float, float]
    ) -> tuple[NDArray[np.intp], Floats]:
        """``boxes`` of a window of ``size`` in whole pixels of the network (halves to even), without thin ones."""
        scale = np.array([self.width / size[0], self.height / size[1]] * 2, np.float32)
        limit = np.array([self.width - 1, self.height - 1] * 2, np.float32)
        rounded = np.round(boxes * scale)
        clipped = np.clip(rounded, 0, limit)
        stays = thick(rounded) & thick(clipped)
        return kept[stays], clipped[stays].astype(np.float32)


@dataclass(frozen=True)
class Colours:
    """Tables of 256 levels: for RGB before, for HSV (OpenCV's, of bytes) if that is gone through, for RGB after."""

    before: Pixels
    hsv: Pixels | None
    after: Pixels

    def __call__(self, picture: Pixels) -> Pixels:
        if self.before is not _SAME:
            picture = cv2.LUT(picture, self.before)
        if self.hsv is not None:
            turned = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
            picture = cv2.cvtColor(cv2.LUT(turned, self.hsv), cv2.COLOR_HSV2RGB)
        return picture if self.after is _SAME else cv2.LUT(picture, self.after)


_SAME = _LEVELS.astype(np.uint8)


def _table(levels: NDArray[np.float64]) -> Pixels:
    return _SAME if levels is _LEVELS else np.round(levels).astype(np.uint8)


def _seen(picture: Pixels, window: Window, size: tuple[int, int], change: Colours) -> Pixels:
    """What ``window``, in pixels of a picture of ``size``, shows of ``picture``, which may be decoded smaller."""
    height, width = picture.shape[:2]
    across, down = width / size[0], height / size[1]
    left, top = round(window.left * across), round(window.top * down)
    wide, high = max(1, round(window.width * across)), max(1, round(window.height * down))
    inner = picture[max(0, top) : min(height, top + high), max(0, left) : min(width, left + wide)]
    inner = change(np.ascontiguousarray(inner)) if inner.size else inner
    if inner.shape[:2] == (high, wide):
        return inner
    if not inner.size:
        return np.full((high, wide, 3), FILL, np.uint8)
    before, above = max(0, -left), max(0, -top)
    after, below = wide - inner.shape[1] - before, high - inner.shape[0] - above
    return cv2.copyMakeBorder(inner, above, below, before, after, cv2.BORDER_CONSTANT, value=FILL)
