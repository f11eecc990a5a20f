"""The training spec's ``augmentation_config``: every picture a little different each time it is seen.

One affine warp (flip, rotation, zoom, translation), in one pass from the stored picture to the network's size, and
one 3x4 colour matrix (hue, saturation, contrast, shift). The order is NVIDIA's online order: flip, rotate, zoom,
translate; hue and saturation, contrast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.imaging.decoding import Matrix, Pixels, carry, fit, softened
from runtime.imaging.placement import FILL, THINNEST, Placement, Seen

Floats = NDArray[np.float32]

VISIBLE_SHARE = 0.25
"""A box of which less than this share of its area stays in the picture is dropped: too little is left to name it."""

# Hue and saturation of an RGB column vector: LUMA + saturation * (cos(hue) * CHROMA + sin(hue) * TURN).
LUMA = np.tile([0.299, 0.587, 0.114], (3, 1))
CHROMA = np.eye(3) - LUMA
TURN = np.array([[0.168, 0.330, -0.497], [-0.328, 0.035, 0.292], [1.25, -1.05, -0.203]])


@dataclass(frozen=True)
class OnlineAugment:
    """What may happen to a picture of ``width`` x ``height`` pixels; the defaults change nothing.

    ``zoom_min`` .. ``zoom_max``: magnification about a random point; above 1 things grow, below 1 they shrink and the
    rest is filled with MEAN. ``translate_max_*``: up to so many pixels to either side. ``hue_rotation_max``: degrees.
    ``saturation_shift_max`` s: saturation times 1 - s .. 1 + s. ``contrast_scale_max`` c: distance from
    ``contrast_center`` (0..1, half by default) times 1 - c .. 1 + c. ``color_shift_stddev``: normal shift of each
    channel, 0..1. ``min_box_*``: boxes thinner than this many pixels afterwards are dropped.
    """

    width: int
    height: int
    hflip_probability: float = 0.0
    vflip_probability: float = 0.0
    zoom_min: float = 1.0
    zoom_max: float = 1.0
    translate_max_x: float = 0.0
    translate_max_y: float = 0.0
    rotate_rad_max: float = 0.0
    hue_rotation_max: float = 0.0
    saturation_shift_max: float = 0.0
    contrast_scale_max: float = 0.0
    contrast_center: float = 0.5
    color_shift_stddev: float = 0.0
    min_box_width: float = 0.0
    min_box_height: float = 0.0

    def __call__(self, picture: Pixels, boxes: Floats, random: np.random.Generator) -> Seen:
        """Augment an RGB ``picture`` [h, w, 3] of any size and its ``boxes`` [N, 4] (left, top, right, bottom, in
        pixels of the network). The placement is from the network's size to the same.
        """
        space, colour, size = self.space(random), self.colour(random), (self.width, self.height)
        placement = Placement(space, size, size)
        if np.array_equal(space, np.eye(3)):
            picture = fit(picture, size)
        else:
            picture = softened(picture, size)
            height, width = picture.shape[:2]
            picture = carry(picture, space @ np.diag([self.width / width, self.height / height, 1.0]), size, FILL)
            boxes = placement.boxes(boxes)
        if not np.array_equal(colour, np.eye(3, 4)):
            picture = cv2.transform(picture, colour.astype(np.float32))
        return Seen(picture, placement, *self.keep(boxes))

    def space(self, random: np.random.Generator) -> Matrix:
        """Draw a warp: 3x3, source to destination pixels, column vectors (x, y, 1)."""
        width, height = self.width, self.height
        matrix = np.eye(3)
        if random.random() < self.hflip_probability:
            matrix = np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ matrix
        if random.random() < self.vflip_probability:
            matrix = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, height], [0.0, 0.0, 1.0]]) @ matrix
        if self.rotate_rad_max > 0:
            angle = random.uniform(-self.rotate_rad_max, self.rotate_rad_max)
            cosine, sine, x, y = math.cos(angle), math.sin(angle), width / 2, height / 2
            turned = [[cosine, -sine, x - cosine * x + sine * y], [sine, cosine, y - sine * x - cosine * y]]
            matrix = np.array([*turned, [0.0, 0.0, 1.0]]) @ matrix
        if (self.zoom_min, self.zoom_max) != (1.0, 1.0):
            zoom = random.uniform(self.zoom_min, self.zoom_max)
            # Where the zoomed picture's corner comes to lie: anywhere that keeps frame and picture inside one another.
            left, top = (1.0 - zoom) * width * random.random(), (1.0 - zoom) * height * random.random()
            matrix = np.array([[zoom, 0.0, left], [0.0, zoom, top], [0.0, 0.0, 1.0]]) @ matrix
        matrix[0, 2] += random.uniform(-self.translate_max_x, self.translate_max_x)
        matrix[1, 2] += random.uniform(-self.translate_max_y, self.translate_max_y)
        return matrix

    def colour(self, random: np.random.Generator) -> Matrix:
        """Draw a colour change: 3x4, applied to (R, G, B, 1) on the scale 0..255."""
        matrix = np.eye(3, 4)
        if self.hue_rotation_max > 0 or self.saturation_shift_max > 0:
            angle = math.radians(random.uniform(-self.hue_rotation_max, self.hue_rotation_max))
            saturation = 1.0 + random.uniform(-self.saturation_shift_max, self.saturation_shift_max)
            matrix[:, :3] = LUMA + saturation * (math.cos(angle) * CHROMA + math.sin(angle) * TURN)
        if self.contrast_scale_max > 0:
            contrast = random.uniform(-self.contrast_scale_max, self.contrast_scale_max)
            matrix[:, :3] *= 1.0 + contrast
            matrix[:, 3] -= 255.0 * contrast * self.contrast_center
        if self.color_shift_stddev > 0:
            matrix[:, 3] += 255.0 * random.normal(0.0, self.color_shift_stddev, 3)
        return matrix

    def keep(self, boxes: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Clip ``boxes`` [N, 4] to the picture; leave out those too thin or mostly outside. Indices and boxes."""
        limits = np.array([self.width, self.height, self.width, self.height], np.float32)
        clipped = np.clip(boxes, 0, limits)
        size, whole = clipped[:, 2:] - clipped[:, :2], boxes[:, 2:] - boxes[:, :2]
        stays = (size[:, 0] >= max(self.min_box_width, THINNEST)) & (size[:, 1] >= max(self.min_box_height, THINNEST))
        stays &= size.prod(axis=1) >= VISIBLE_SHARE * whole.prod(axis=1)
        places = np.flatnonzero(stays)
        return places, clipped[places]
