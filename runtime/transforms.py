"""Spatial, colour and blur operators on an image and its boxes, with the arithmetic of NVIDIA's data services.

Images are uint8 [height, width, 3] RGB arrays, boxes float32 [N, 4] left, top, right, bottom in pixels, matrices
float64 [3, 3] that carry a column vector (x right, y down, 1) of the source to the destination. A pixel's centre is
at +0.5. All functions are pure; the dataclasses' defaults change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, cos, radians, sin
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
Boxes: TypeAlias = NDArray[np.float32]
Matrix: TypeAlias = NDArray[np.float64]
Size: TypeAlias = tuple[int, int]
"""(width, height) in pixels."""

# RGB to YIQ and back as DALI rounds them: no exact inverses of each other, so a neutral hue must not pass through.
RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]])
YIQ_TO_RGB = np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]])


@dataclass(frozen=True)
class Spatial:
    """What moves pixels. ``angle`` in degrees, clockwise on the screen; ``translate_*`` in pixels of the source;
    ``shear_x`` = 0.3 shifts a row by 0.3 pixels for each pixel below the centre."""

    angle: float = 0.0
    shear_x: float = 0.0
    shear_y: float = 0.0
    flip_horizontal: bool = False
    flip_vertical: bool = False
    translate_x: float = 0.0
    translate_y: float = 0.0


@dataclass(frozen=True)
class Colour:
    """What changes colours, on the scale 0 to 255. ``hue`` in degrees; ``saturation`` a factor (1 unchanged, 0 grey);
    ``contrast`` is added to a gain of 1 about ``center``; ``offset`` is added to each channel before the gain."""

    hue: float = 0.0
    saturation: float = 1.0
    contrast: float = 0.0
    center: float = 127.5
    offset: float = 0.0


@dataclass(frozen=True)
class Blur:
    """A Gaussian: ``size`` the whole window in pixels, odd; ``std`` its sigma in pixels; one of them 0 is derived from
    the other, both 0 is no blur."""

    size: int = 0
    std: float = 0.0


def matrix(spatial: Spatial, *, size: Size, output: Size) -> Matrix:
    """Source (``size``) to destination (``output``): rotate, flip, shear about the centre, translate, then scale."""
    width, height = size
    angle = radians(spatial.angle)
    rotation = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    flip = np.diag([-1.0 if spatial.flip_horizontal else 1.0, -1.0 if spatial.flip_vertical else 1.0])
    shear = np.array([[1.0, spatial.shear_x], [spatial.shear_y, 1.0]])
    linear = shear @ flip @ rotation
    centre = np.array([width / 2, height / 2])
    shift = centre - linear @ centre + [spatial.translate_x, spatial.translate_y]
    moved = np.eye(3)
    moved[:2, :2], moved[:2, 2] = linear, shift
    scale: Matrix = np.diag([output[0] / width, output[1] / height, 1.0])
    return scale @ moved


def warp(image: Image, matrix: Matrix, size: Size) -> Image:
    """``image`` carried by ``matrix`` onto a canvas of ``size``: bilinear, black outside.

    As in DALI each of the four neighbours outside the source counts as black, and there is no antialiasing: shrinking
    picks from the neighbours alone. The identity returns the pixels unchanged.
    """
    height, width = image.shape[:2]
    if size == (width, height) and np.array_equal(matrix, np.eye(3)):
        return image
    inverse: Matrix = np.linalg.inv(matrix).astype(np.float64)
    if inverse[0, 1] == 0 and inverse[1, 0] == 0:
        return _warp_axes(image, inverse, size)
    return _warp_any(image, inverse, size)


def move_boxes(boxes: Boxes, matrix: Matrix, size: Size) -> Boxes:
    """The upright boxes around the four moved corners of each, clamped to the canvas ``size``.

    No box is dropped: one wholly outside becomes a line or point on the border.
    """
    carry = matrix.astype(np.float32)
    corners = boxes.astype(np.float32)[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    moved = corners @ carry[:2, :2].T + carry[:2, 2]
    upright = np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)
    limits = np.array([*size, *size], dtype=np.float32)
    clamped: Boxes = np.clip(upright, np.float32(0), limits)
    return clamped


def colour_matrix(colour: Colour) -> tuple[Matrix, Matrix]:
    """(gain [3, 3], bias [3]) with which RGB becomes gain @ RGB + bias, before rounding.

    Hue and saturation first; then brightness and contrast with C = 1 + contrast: C (x + offset) - contrast center.
    """
    gain: Matrix = np.eye(3)
    if colour.hue != 0 or colour.saturation != 1:
        angle = radians(-colour.hue)
        turn = np.array([[1, 0, 0], [0, cos(angle), sin(angle)], [0, -sin(angle), cos(angle)]])
        gain = YIQ_TO_RGB @ turn @ np.diag([1.0, colour.saturation, colour.saturation]) @ RGB_TO_YIQ
    contrast = 1 + colour.contrast
    bias = np.full(3, contrast * colour.offset - colour.contrast * colour.center)
    return contrast * gain, bias


def recolour(image: Image, colour: Colour) -> Image:
    """``image`` in other colours, rounded to the nearest level and kept within 0 to 255; neutral: the same pixels."""
    gain, bias = colour_matrix(colour)
    if np.array_equal(gain, np.eye(3)) and not bias.any():
        return image
    return _levels(image.astype(np.float32) @ gain.T.astype(np.float32) + bias.astype(np.float32))


def kernel(blur: Blur) -> NDArray[np.float32]:
    """The Gaussian weights over the window, of sum 1; one weight alone when there is no blur.

    Raises ValueError for an even or negative window or a negative sigma.
    """
    size, std = blur.size, blur.std
    if size < 0 or std < 0 or (size and size % 2 == 0):
        raise ValueError(f"a blur window must be odd and sigma not negative, not size {size} and std {std}")
    if not size:
        size = 2 * ceil(3 * std) + 1
    if not std:
        std = ((size - 1) / 2 - 1) * 0.3 + 0.8
    distance = np.arange(size) - size // 2
    weights = np.exp(-(distance**2) / (2 * std**2))
    normalised: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return normalised


def smooth(image: Image, blur: Blur) -> Image:
    """``image`` through a Gaussian; beyond the border it is mirrored, without repeating the border pixel."""
    weights = kernel(blur)
    if len(weights) == 1:
        return image
    reach = len(weights) // 2
    blurred = image.astype(np.float32)
    for axis in (0, 1):
        margin = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(blurred, margin, mode="reflect")
        length = image.shape[axis]
        blurred = np.zeros_like(blurred)
        for start, weight in enumerate(weights):
            blurred += weight * padded.take(range(start, start + length), axis=axis)
    return _levels(blurred)


def _levels(values: NDArray[np.float32]) -> Image:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _neighbours(position: Matrix, length: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For positions on one axis: the two neighbours' indices [2, ...] and weights [2, ...], 0 outside 0..length-1."""
    # Far outside is as good as just outside; the bound keeps the conversion to integers safe.
    position = np.clip(position, -2, length + 1)
    low = np.floor(position)
    share = position - low
    index = np.stack([low, low + 1]).astype(np.intp)
    weight = np.stack([1 - share, share])
    weight[(index < 0) | (index >= length)] = 0
    return index.clip(0, length - 1), weight.astype(np.float32)


def _warp_axes(image: Image, inverse: Matrix, size: Size) -> Image:
    """Rows and columns apart, as scaling, flips and shifts allow: far less work than the general way."""
    across = (np.arange(size[0]) + 0.5) * inverse[0, 0] + inverse[0, 2] - 0.5
    down = (np.arange(size[1]) + 0.5) * inverse[1, 1] + inverse[1, 2] - 0.5
    columns, column_weight = _neighbours(across, image.shape[1])
    rows, row_weight = _neighbours(down, image.shape[0])
    # The neighbours are picked as bytes, before anything becomes four times as large.
    picked = [[image[row].take(column, axis=1) for column in columns] for row in rows]
    mixed = [
        column_weight[0][:, None] * left + column_weight[1][:, None] * right
        for left, right in picked
    ]  # fmt: skip
    return _levels(row_weight[0][:, None, None] * mixed[0] + row_weight[1][:, None, None] * mixed[1])


def _warp_any(image: Image, inverse: Matrix, size: Size) -> Image:
    height, width = image.shape[:2]
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    columns, column_weight = _neighbours(inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2] - 0.5, width)
    rows, row_weight = _neighbours(inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2] - 0.5, height)
    pixels = image.reshape(height * width, 3)
    total = np.zeros((size[1], size[0], 3), dtype=np.float32)
    for row, down in zip(rows, row_weight, strict=True):
        for column, across in zip(columns, column_weight, strict=True):
            total += (down * across)[..., None] * pixels.take(row * width + column, axis=0)
    return _levels(total)
