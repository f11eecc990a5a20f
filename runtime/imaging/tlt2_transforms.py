"""The older arithmetic of NVIDIA's augmentation, which TLT 2.0 may have used: that of its networks' own processors.

Where ``transforms`` follows the data services, this carries the other way round: an angle, a shear or a shift of the
same sign moves the picture in the opposite direction. Contrast comes before brightness, and the size of a blur is a
radius. Spatial matrices are theirs, float64 [3, 3] for a row vector (x, y, 1) of the *destination*, colour matrices
[4, 4] for a row vector (r, g, b, 1); ``matrix``, ``colour_matrix`` and ``kernel`` say the same as ``transforms`` does.

Source of all figures: TAO TensorFlow 1 backend, core/processors/augment.
"""

from __future__ import annotations

from math import cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.imaging import transforms
from runtime.imaging.transforms import Blur, Colour, Matrix, Size, Spatial

BORDER = cv2.BORDER_CONSTANT
"""Beyond the border of a picture that is blurred there are zeros: edges get darker."""

_LUMA = np.array([[0.299] * 3, [0.587] * 3, [0.114] * 3])
_COSINE = np.array([[0.701, -0.299, -0.299], [-0.587, 0.413, -0.587], [-0.114, -0.114, 0.886]])
_SINE = np.array([[0.168, -0.328, 1.25], [0.330, 0.035, -1.05], [-0.497, 0.292, -0.203]])


def rotation(angle: float, size: Size | None = None) -> Matrix:
    """Turn by ``angle`` radians about the middle of ``size``, or the origin."""
    turn = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
    return _about_middle(turn, size)


def zoom(ratio: float, size: Size | None = None) -> Matrix:
    """Show 1 / ``ratio`` of the picture: a ratio above 1 makes what is on it smaller."""
    return _about_middle(np.diag([ratio, ratio]), size)


def flip(horizontal: bool, vertical: bool, size: Size) -> Matrix:
    """Mirror left and right, top and bottom."""
    return _affine(np.diag([1.0 - 2 * horizontal, 1.0 - 2 * vertical]), (size[0] * horizontal, size[1] * vertical))


def translation(x: float, y: float) -> Matrix:
    """Shift what the destination looks at by pixels."""
    return _affine(np.eye(2), (x, y))


def shear(ratio_x: float, ratio_y: float, size: Size | None = None) -> Matrix:
    """Shear both ways at once."""
    width, height = size or (0, 0)
    return _affine(np.array([[1, ratio_y], [ratio_x, 1]]), (-height * ratio_x / 2, -width * ratio_y / 2))


def spatial_matrix(spatial: Spatial, size: Size, *, zoom_ratio: float = 1.0) -> Matrix:
    """Destination to source for a picture of ``size``: flip, rotate, zoom, translate, shear, the first one first."""
    return (
        flip(spatial.flip_horizontal, spatial.flip_vertical, size)
        @ rotation(radians(spatial.angle), size)
        @ zoom(zoom_ratio, size)
        @ translation(spatial.translate_x, spatial.translate_y)
        @ shear(spatial.shear_x, spatial.shear_y, size)
    )


def hue_saturation(hue: float, saturation: float) -> Matrix:
    """Turn the hue by ``hue`` degrees and multiply the saturation."""
    angle = radians(hue)
    return _affine_colour(_LUMA + saturation * (cos(angle) * _COSINE + sin(angle) * _SINE), 0)


def contrast(value: float, center: float) -> Matrix:
    """Multiply by 1 + ``value`` about the level ``center``."""
    return _affine_colour((1 + value) * np.eye(3), -value * center)


def brightness(offset: float | tuple[float, float, float]) -> Matrix:
    """Add ``offset``, the same or one for each channel."""
    return _affine_colour(np.eye(3), offset)


def blur_kernel(size: int, std: float) -> NDArray[np.float32]:
    """The window [2 size + 1, 2 size + 1] of sum 1, ``std`` in pixels; 0 is derived from the size."""
    weights = kernel(Blur(size, std)).astype(np.float64)
    return np.outer(weights, weights).astype(np.float32)


def matrix(spatial: Spatial, *, size: Size, output: Size) -> Matrix:
    """Source (``size``) to destination (``output``), for column vectors, as ``transforms.matrix``."""
    plain = transforms.matrix(Spatial(), size=size, output=output)
    moved = spatial_matrix(spatial, size).T
    return plain if np.array_equal(moved, np.eye(3)) else plain @ np.linalg.inv(moved)


def colour_matrix(colour: Colour) -> tuple[Matrix, Matrix]:
    """(gain [3, 3], bias [3]) as ``transforms.colour_matrix``: hue and saturation, then contrast, then brightness."""
    together = contrast(colour.contrast, colour.center) @ brightness(colour.offset)
    if colour.hue != 0 or colour.saturation != 1:
        together = hue_saturation(colour.hue, colour.saturation) @ together
    return together[:3, :3].T, together[3, :3]


def kernel(blur: Blur) -> NDArray[np.float32]:
    """The weights along one axis of sum 1, as ``transforms.kernel``.

    ``size`` is the radius: 0 is no blur, and a sigma that is 0 is derived from it as if it were the window's width.
    """
    return transforms.gaussian(blur.size, blur.std or transforms.derived_std(blur.size))


def _about_middle(linear: Matrix, size: Size | None) -> Matrix:
    middle = np.array(size or (0, 0)) / 2
    return _affine(linear, middle - middle @ linear)


def _affine(linear: Matrix, shift: tuple[float, float] | NDArray[np.float64]) -> Matrix:
    full = np.eye(3)
    full[:2, :2], full[2, :2] = linear, shift
    return full


def _affine_colour(linear: Matrix, shift: float | tuple[float, float, float]) -> Matrix:
    full = np.eye(4)
    full[:3, :3], full[3, :3] = linear, shift
    return full
