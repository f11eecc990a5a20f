"""Seamless noise: made once a process, cut and turned for every use."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

SIDE = 512
"""Width and height of every tile."""

Gray = NDArray[np.float32]


@cache
def cloud(octave: int, seed: int = 0, stretch: int = 1) -> Gray:
    """Smooth noise that repeats every 512 pixels: values about -1 to 1, blobs about ``octave`` pixels across.

    ``stretch`` above 1 draws the blobs out along x. Filtered in the frequency domain, hence without seams.
    """
    rng = np.random.default_rng((seed, octave, stretch))
    white = rng.standard_normal((SIDE, SIDE))
    frequency_y = np.fft.fftfreq(SIDE)[:, None] * octave
    frequency_x = np.fft.rfftfreq(SIDE)[None, :] * octave * stretch
    smooth = np.fft.irfft2(np.fft.rfft2(white) * np.exp(-4 * (frequency_x**2 + frequency_y**2)), s=(SIDE, SIDE))
    smooth /= 2 * smooth.std()
    return np.clip(smooth, -1.5, 1.5).astype(np.float32)


@cache
def fractal(seed: int = 0, stretch: int = 1) -> Gray:
    """Several octaves together: stone, plaster, old wood. Values about -1 to 1."""
    total = sum(cloud(octave, seed + step, stretch) * weight for step, (octave, weight) in enumerate(_OCTAVES))
    return np.asarray(total, dtype=np.float32)


_OCTAVES = ((160, 0.45), (64, 0.25), (24, 0.16), (8, 0.10), (3, 0.08))


def window(tile: Gray, height: int, width: int, rng: np.random.Generator, *, zoom: float = 1.0) -> Gray:
    """A random piece of a tile, repeated where it ends; ``zoom`` above 1 enlarges it. Shape (height, width)."""
    rows = (np.arange(height) / zoom + rng.integers(SIDE)).astype(np.intp) % SIDE
    columns = (np.arange(width) / zoom + rng.integers(SIDE)).astype(np.intp) % SIDE
    return tile.take(rows, axis=0).take(columns, axis=1)


def planes(colour: ArrayLike) -> Gray:
    """One colour as shape (3, 1, 1), ready to be multiplied with a picture's light, shape (h, w).

    Pictures are kept as three planes while they are painted: an innermost axis of three is slow going for NumPy.
    """
    return np.asarray(colour, dtype=np.float32).reshape(3, 1, 1)


def resized(values: Gray, height: int, width: int) -> Gray:
    """Bilinear resize of a float array."""
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
