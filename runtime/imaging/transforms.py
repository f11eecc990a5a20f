"""Spatial, colour and blur operators on an image and what is on it, with the arithmetic of NVIDIA's data services.

Images are [height, width, 3] RGB arrays, uint8 or float32 on the same scale of 0 to 255; boxes float32 [N, 4] left,
top, right, bottom and points float64 [N, 2] x, y in pixels; matrices float64 [3, 3] that carry a column vector (x
right, y down, 1) of the source to the destination. A pixel's centre is at +0.5. All functions are pure; the
dataclasses' defaults change nothing.

Bytes go through OpenCV, whose warp knows 32 positions between two pixels: on photographs it is within 4 levels of the
exact figures that float32 images get, 0.2 in the mean. Everything else is within 1 level.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from math import ceil, cos, hypot, radians, sin
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[Any]
Boxes: TypeAlias = NDArray[np.float32]
Corners: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom of a box in pixels."""
Points: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float64]
Size: TypeAlias = tuple[int, int]
"""(width, height) in pixels."""

# Workers are processes, one for each core: threads below them would only be in each other's way.
cv2.setNumThreads(1)

# RGB to YIQ and back as DALI rounds them: no exact inverses of each other, so a neutral hue must not pass through.
RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]])
YIQ_TO_RGB = np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]])

_HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
_LARGEST = 32_766
"""Pixels on a side that OpenCV's warp can do."""


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
    return _scale(size, output) @ moved


def _scale(size: Size, output: Size) -> Matrix:
    return np.diag([output[0] / size[0], output[1] / size[1], 1.0])


def warp(image: Image, matrix: Matrix, size: Size, *, antialias: bool = False, nearest: bool = False) -> Image:
    """``image`` carried by ``matrix`` onto a canvas of ``size``: bilinear, once, black outside.

    As in DALI each of the four neighbours outside the source counts as black, and shrinking picks from the neighbours
    alone; with ``antialias`` every pixel of the source counts where the canvas has fewer: the mean over a pixel's area
    for a plain resize, else a Gaussian before. The identity returns the pixels unchanged. ``nearest`` takes the
    nearest pixel instead (for masks); such an image may have a single channel, [height, width].
    """
    height, width = image.shape[:2]
    return Warp(matrix, (width, height), size).applied(image, antialias=antialias, nearest=nearest)


@dataclass(frozen=True, eq=False)
class Warp:
    """``warp`` for all images of ``size``, with what it needs worked out once."""

    matrix: Matrix
    size: Size
    output: Size

    def applied(self, image: Image, *, antialias: bool = False, nearest: bool = False, fill: int = 0) -> Image:
        """As ``warp``; ``fill`` is what ``nearest`` has outside."""
        if self._is_identity:
            return image
        if antialias and not nearest:
            if self._shrinks:
                return cv2.resize(image, self.output, interpolation=cv2.INTER_AREA)
            image = _softened(image, self.matrix)
        if image.dtype != np.uint8 or max(*self.size, *self.output) > _LARGEST:
            return _warp_exactly(image, _inverse(self.matrix), self.output, nearest=nearest, fill=fill)
        if self._shrinks and not nearest:
            # Enlarging is not for resize(), which repeats the border where it should grow dark.
            return cv2.resize(image, self.output, interpolation=cv2.INTER_LINEAR)
        flags = (cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
        border = cv2.BORDER_CONSTANT
        return cv2.warpAffine(image, self._back, self.output, flags=flags, borderMode=border, borderValue=fill)

    @cached_property
    def _is_identity(self) -> bool:
        return self.output == self.size and np.array_equal(self.matrix, np.eye(3))

    @cached_property
    def _shrinks(self) -> bool:
        """Whether it is a plain resize, and to no more pixels either way."""
        smaller = self.output[0] <= self.size[0] and self.output[1] <= self.size[1]
        return smaller and np.array_equal(self.matrix, _scale(self.size, self.output))

    @cached_property
    def _back(self) -> Matrix:
        """Destination to source as OpenCV counts, which has a pixel's centre at 0."""
        back: Matrix = _inverse(_HALF) @ _inverse(self.matrix) @ _HALF
        return back[:2]


def move_boxes(boxes: Iterable[Sequence[float]], matrix: Matrix, size: Size) -> list[Corners]:
    """The upright boxes around the four moved corners of each, clamped to the canvas ``size``, in single precision.

    No box is dropped: one wholly outside becomes a line or point on the border.
    """
    singles = array("f", chain.from_iterable(boxes))
    if not sum(map(abs, singles)) < _ORDINARY:
        moved = upright(np.array(singles).reshape(-1, 4), matrix.astype(np.float32))
        return [*map(tuple, moved.clip(np.float32(0), np.array(size * 2, np.float32)).tolist())]
    ends = [_ends(singles, *axis) for axis in matrix[:2].astype(np.float32).tolist()]
    limits = map(float, size)
    across, down = ([min(max(end, 0.0), limit) for end in each] for each, limit in zip(ends, limits, strict=True))
    return [(across[n], down[n], across[n + 1], down[n + 1]) for n in range(0, len(across), 2)]


def _ends(boxes: array[float], across: float, down: float, shift: float) -> array[float]:
    """Of each box, four numbers of ``boxes``, the least and the greatest of its corners on the axis that has x times
    ``across``, y times ``down``, and ``shift``.

    As NumPy calculates it in single precision, at a fifth of its price for the few boxes of a picture: a sum or product
    of singles, calculated in double precision and rounded, is the single nearest to it.
    """
    x, y = array("f", [across * value for value in boxes[::2]]), array("f", [down * value for value in boxes[1::2]])
    pairs = [choose(x[n : n + 2]) + choose(y[n : n + 2]) for n in range(0, len(x), 2) for choose in (min, max)]
    return array("f", [value + shift for value in array("f", pairs)])


_ORDINARY = 1e30
"""Pixels at which no number comes near to what single precision can hold."""


def upright(boxes: Boxes, matrix: NDArray[Any]) -> NDArray[Any]:
    """The upright boxes [N, 4] around the four moved corners of each, in the precision of ``matrix``."""
    x, y = boxes[:, [0, 2, 2, 0]], boxes[:, [1, 1, 3, 3]]
    moved = np.empty((len(boxes), 4), matrix.dtype)
    for axis in (0, 1):
        corners = matrix[axis, 0] * x + matrix[axis, 1] * y + matrix[axis, 2]
        corners.min(axis=1, out=moved[:, axis])
        corners.max(axis=1, out=moved[:, axis + 2])
    return moved


def move_points(points: Points, matrix: Matrix) -> Points:
    """``points`` [..., 2] where ``matrix`` carries them, also beyond the canvas."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]


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
    """``image`` in other colours, bytes rounded to a level and kept within 0 to 255; neutral: the same pixels."""
    return mix(image, *colour_matrix(colour))


def mix(image: Image, gain: Matrix, bias: Matrix) -> Image:
    """``image`` as gain @ RGB + bias, bytes rounded to a level and kept within 0 to 255."""
    matrix = mixing(gain, bias)
    return image if matrix is None else cv2.transform(image, matrix)


def mixing(gain: Matrix, bias: Matrix) -> NDArray[np.float32] | None:
    """What OpenCV's ``transform`` takes for gain and bias [3, 4]; None when they change nothing."""
    if np.array_equal(gain, np.eye(3)) and not bias.any():
        return None
    return np.column_stack([gain, bias]).astype(np.float32)


@lru_cache(maxsize=256)
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
        std = derived_std(size)
    return gaussian(size // 2, std)


def gaussian(radius: int, std: float) -> NDArray[np.float32]:
    """The normal density at -``radius`` to ``radius`` pixels, scaled to the sum 1; ``std`` in pixels, above 0."""
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * std**2))
    normalised: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return normalised


def derived_std(width: float) -> float:
    """The standard deviation that NVIDIA derives from the width of a window where none is given, in pixels."""
    return ((width - 1) / 2 - 1) * 0.3 + 0.8


def smooth(image: Image, blur: Blur) -> Image:
    """``image`` through a Gaussian; beyond the border it is mirrored, without repeating the border pixel."""
    return convolve(image, kernel(blur))


BORDER = cv2.BORDER_REFLECT_101
"""What lies beyond the border of a picture that is blurred: its mirror image, without the border pixel repeated."""


def convolve(image: Image, weights: NDArray[np.float32], *, border: int = BORDER) -> Image:
    """``image`` through a filter of ``weights`` (an odd number of them) along rows and columns.

    ``border`` is one of OpenCV's: mirrored without repeating the border pixel, or zeros (``BORDER_CONSTANT``).
    """
    if weights.max() == 1:
        return image
    reach = len(weights) // 2
    if border == cv2.BORDER_CONSTANT or reach < min(image.shape[:2]):
        return cv2.sepFilter2D(image, -1, weights, weights, borderType=border)
    # A window wider than the image sees it mirrored several times, which OpenCV does not do.
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    return cv2.sepFilter2D(padded, -1, weights, weights)[reach:-reach, reach:-reach]


def _inverse(matrix: Matrix) -> Matrix:
    return np.linalg.inv(matrix).astype(np.float64)


def _softened(image: Image, matrix: Matrix) -> Image:
    """``image`` without what is too fine for the canvas, along each of its axes."""
    shares = [min(1.0, hypot(*matrix[:2, axis])) for axis in (0, 1)]
    across, down = (kernel(Blur(std=0.5 * (share**-2 - 1) ** 0.5)) if share < 0.99 else _ALONE for share in shares)
    return cv2.sepFilter2D(image, -1, across, down, borderType=cv2.BORDER_REFLECT_101)


def _warp_exactly(image: Image, inverse: Matrix, size: Size, *, nearest: bool, fill: int = 0) -> Image:
    """With positions and weights in full precision, as the figures of NVIDIA's own code are."""
    height, width = image.shape[:2]
    canvas = np.full((size[1], size[0], *image.shape[2:]), fill, image.dtype)
    across = np.arange(size[0]) + 0.5
    for line in range(size[1]):  # by lines, for images that are too large for OpenCV
        x = inverse[0, 0] * across + inverse[0, 1] * (line + 0.5) + inverse[0, 2]
        y = inverse[1, 0] * across + inverse[1, 1] * (line + 0.5) + inverse[1, 2]
        if nearest:
            column, row = np.floor(x), np.floor(y)
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            canvas[line, inside] = image[row[inside].astype(np.intp), column[inside].astype(np.intp)]
            continue
        columns, column_weights = _neighbours(x - 0.5, width)
        rows, row_weights = _neighbours(y - 0.5, height)
        mixed = np.zeros((size[0], *image.shape[2:]), np.float64)
        for row, down in zip(rows, row_weights, strict=True):
            for column, weight in zip(columns, column_weights, strict=True):
                share = (down * weight).reshape(-1, *(1,) * (image.ndim - 2))
                mixed += share * image[row, column]
        canvas[line] = mixed if image.dtype != np.uint8 else np.rint(mixed).clip(0, 255)
    return canvas


def _neighbours(position: Matrix, length: int) -> tuple[NDArray[np.intp], Matrix]:
    """For positions on one axis: the two neighbours' indices [2, n] and weights [2, n], 0 outside 0..length-1."""
    # Far outside is as good as just outside; the bound keeps the conversion to integers safe.
    position = np.clip(position, -2, length + 1)
    low = np.floor(position)
    share = position - low
    index = np.stack([low, low + 1]).astype(np.intp)
    weight = np.stack([1 - share, share])
    weight[(index < 0) | (index >= length)] = 0
    return index.clip(0, length - 1), weight


_ALONE = np.ones(1, np.float32)
