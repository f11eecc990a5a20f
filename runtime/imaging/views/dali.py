"""The chain of TLT 3.0 and later for TFRecords, which NVIDIA runs in DALI.

Zoom-out, crop, resize, colours, flip: here one warp and one change of colours, so that pixels are rounded twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.imaging.boxes import iou
from runtime.imaging.decoding import Matrix, Place, carry, fit, pixels
from runtime.imaging.placement import FILL, Placement, Seen, thick
from runtime.imaging.transforms import RGB_TO_YIQ, YIQ_TO_RGB
from runtime.imaging.views.flat import Flat
from runtime.imaging.views.windows import BOUNDS, TRIES, Floats, Window, centres, matrix, mirrored

MIDDLE = 128.0
"""The level about which contrast turns."""
_MOST_ROUNDS = 300


@dataclass(frozen=True, kw_only=True)
class Dali(Flat):
    """Fields are those of the flat ``augmentation_config``, with what they mean when they are not written there.

    As for ``SsdChain``, but ``hue`` is in degrees, ``brightness`` in 1 / 256 of a factor (24 is 0.906 to 1.094), and
    a crop's ``*_ar`` in shares of the picture's sides. Colours always change.
    """

    def __call__(
        self,
        path: Place,
        boxes: Floats,
        size: tuple[int, int],
        random: np.random.Generator | None = None,
    ) -> Seen:
        whole = np.array([*size, *size], np.float32)
        if random is None:
            picture = fit(pixels(path, size=size, least=self.size), self.size)
            placement = Placement.resize(size, self.size)
            return Seen(self.finished(picture), placement, *self._scaled(boxes / whole, np.arange(len(boxes))))
        canvas = self.zoomed(random)
        corner, sides = np.array(canvas[:2] * 2, np.float32), np.array(canvas[2:] * 2, np.float32)
        shares: Floats = (boxes / whole - corner) / sides
        part, shares, kept = self.cropped(shares, random)
        change = self.colours(random)
        flip = random.random() < self.random_flip
        if flip:
            shares = mirrored(shares, 1.0)
        window = Window(
            canvas.left + part.left * canvas.width,
            canvas.top + part.top * canvas.height,
            part.width * canvas.width,
            part.height * canvas.height,
        )
        least = math.ceil(self.width / window.width), math.ceil(self.height / window.height)
        picture = pixels(path, size=size, least=None if self.strict else least)
        decoded = (picture.shape[1], picture.shape[0])
        picture = carry(picture, matrix(window, self.size, unit=decoded, flip=flip), self.size, FILL)
        if change is not None:
            picture = cv2.transform(picture, change)
        placement = Placement(matrix(window, self.size, unit=size, flip=flip), self.size, size)
        return Seen(self.finished(picture), placement, *self._scaled(shares, kept))

    def zoomed(self, random: np.random.Generator) -> Window:
        """Draw the canvas that a picture comes to lie on, in shares of the picture; half of the time it is itself."""
        low, high = self.zoom_out_min_scale, self.zoom_out_max_scale
        if self.strict:
            low, high = int(low), int(high)
        if high <= 1 or random.random() >= 0.5:
            return Window(0.0, 0.0, 1.0, 1.0)
        ratio = random.uniform(low, high)
        return Window(-random.random() * (ratio - 1), -random.random() * (ratio - 1), ratio, ratio)

    def cropped(self, boxes: Floats, random: np.random.Generator) -> tuple[Window, Floats, NDArray[np.intp]]:
        """Draw a part of the canvas; returns it, the ``boxes`` seen in shares of it, and their indices.

        All boxes must overlap with it as drawn, and the centre of one must be inside. Those whose centre is not are
        gone, the rest is clipped. Without boxes, or when no part fits, all of it is taken.
        """
        everything = Window(0.0, 0.0, 1.0, 1.0), boxes, np.arange(len(boxes))
        low, high = self.random_crop_min_scale, self.random_crop_max_scale
        if low >= 1 or not len(boxes):
            return everything
        middle = centres(boxes)[None]
        for _ in range(_MOST_ROUNDS):
            option = int(random.integers(len(BOUNDS) + 1))
            if option == len(BOUNDS):
                return everything
            sides = random.uniform(low, high, (TRIES, 2))
            corners = random.random((TRIES, 2)) * (1 - sides)
            parts = np.hstack([corners, corners + sides])
            ratios = sides[:, 0] / sides[:, 1]
            right = (ratios >= self.random_crop_min_ar) & (ratios <= self.random_crop_max_ar)
            inside = np.all((middle >= parts[:, None, :2]) & (middle < parts[:, None, 2:]), axis=2)
            right &= inside.any(axis=1) & (iou(boxes, parts[:, None]) >= BOUNDS[option]).all(axis=1)
            first = int(right.argmax())
            if right[first]:
                kept = np.flatnonzero(inside[first])
                seen = (boxes[kept] - np.tile(corners[first], 2)) / np.tile(sides[first], 2)
                part = Window(*corners[first].tolist(), *sides[first].tolist())
                return part, np.clip(seen, 0, 1).astype(np.float32), kept
        return everything

    def colours(self, random: np.random.Generator) -> Matrix | None:
        """Draw a change of colours: [3, 4] for (R, G, B, 1) on the scale 0..255; None for none."""
        saturation, degrees, brightness, contrast = 1.0, 0.0, 1.0, 1.0
        if self.saturation > 0:
            saturation = random.uniform(1 - self.saturation, 1 + self.saturation)
        if self.contrast > 0:
            contrast = random.uniform(1 - self.contrast, 1 + self.contrast)
        if self.brightness > 0:
            brightness = random.uniform(1 - self.brightness / 256, 1 + self.brightness / 256)
        if self.hue > 0:
            degrees = random.uniform(0 if self.strict else -self.hue, self.hue)
        if (saturation, degrees, brightness, contrast) == (1.0, 0.0, 1.0, 1.0):
            return None
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        turn = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]]) @ np.diag([1.0, saturation, saturation])
        gain = brightness * contrast * (YIQ_TO_RGB @ turn @ RGB_TO_YIQ)
        return np.column_stack([gain, np.full(3, brightness * (1 - contrast) * MIDDLE)]).astype(np.float64)

    def _scaled(self, shares: Floats, kept: NDArray[np.intp]) -> tuple[NDArray[np.intp], Floats]:
        """Boxes in shares of the input in pixels of it, clipped, without thin ones."""
        boxes = np.clip(shares, 0, 1) * np.array([self.width, self.height] * 2, np.float32)
        stays = thick(boxes)
        return kept[stays], boxes[stays].astype(np.float32)
