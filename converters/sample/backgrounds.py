"""What garments lie on or hang before: floors, cloth, walls and rooms out of focus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from converters.sample.fabrics import PALETTE, Colour, vary
from converters.sample.noise import Gray, cloud, fractal, planes, resized, window

Random = np.random.Generator


def studio(height: int, width: int, rng: Random) -> Gray:
    """A shop's backdrop: a pale wall that grows darker towards the floor's edge. Shape (3, height, width), 0 to 255."""
    base = planes(_STUDIO[rng.integers(len(_STUDIO))]) + np.float32(rng.uniform(-6, 6))
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    light = 1.02 - 0.10 * y - 0.07 * (x + rng.uniform(-0.4, 0.4)) ** 2 - 0.05 * np.maximum(0, y - 0.78) / 0.22
    return np.asarray(base * (light + 0.006 * window(cloud(8, 3), height, width, rng)), dtype=np.float32)


def surroundings(height: int, width: int, rng: Random) -> Gray:
    """A customer's room: one of all surfaces at random, unevenly lit. Shape (3, height, width), 0 to 255."""
    surface = _SURFACES[rng.integers(len(_SURFACES))](height, width, rng)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    across, down = (np.float32(slope) for slope in rng.uniform(-0.14, 0.14, 2))
    light = 1 + across * x + down * y - rng.uniform(0.02, 0.14) * (x * x + y * y)
    return np.asarray(np.clip(surface * light, 0, 255), dtype=np.float32)


def _wood(height: int, width: int, rng: Random) -> Gray:
    """Planks along x, each of its own tone, with grain."""
    base = planes(_WOODS[rng.integers(len(_WOODS))])
    plank = int(rng.integers(44, 96))
    rows = np.arange(height) + int(rng.integers(plank))
    tones = 1 + 0.10 * rng.standard_normal(rows.max() // plank + 1, dtype=np.float32)
    shifts = rng.integers(0, 512, rows.max() // plank + 1)
    grain = fractal(5, 10)
    fine = cloud(3, 9, 24)
    columns = (np.arange(width)[None, :] + shifts[rows // plank][:, None]) % 512
    lines = (rows * 3 // 2 % 512)[:, None]
    tone = tones[rows // plank][:, None] * (
        1 + 0.13 * grain[lines, columns] + 0.05 * fine[rows[:, None] % 512, columns]
    )
    edge = np.minimum(rows % plank, plank - rows % plank)[:, None]
    tone = tone * (0.55 + 0.45 * np.clip(edge / 2.0, 0, 1))
    return np.asarray(base * tone, dtype=np.float32)


def _tiles(height: int, width: int, rng: Random) -> Gray:
    base, joint = _pale(rng), np.float32(rng.uniform(0.55, 0.85))
    side = int(rng.integers(52, 120))
    rows = (np.arange(height) + int(rng.integers(side)))[:, None]
    columns = (np.arange(width) + int(rng.integers(side)))[None, :]
    tones = 1 + 0.05 * rng.standard_normal((rows.max() // side + 1, columns.max() // side + 1), dtype=np.float32)
    tone = tones[rows // side, columns // side] * (1 + 0.035 * window(fractal(11), height, width, rng))
    gap = np.minimum(np.minimum(rows % side, side - rows % side), np.minimum(columns % side, side - columns % side))
    return np.asarray(base * (tone * (joint + (1 - joint) * np.clip(gap / 2.2, 0, 1))), dtype=np.float32)


def _cloth(height: int, width: int, rng: Random) -> Gray:
    """A bed sheet or a throw, wrinkled."""
    base = _pale(rng)
    soft = window(cloud(96, 31), height, width, rng, zoom=1.4) + 0.5 * window(cloud(40, 32), height, width, rng)
    down, across = np.gradient(soft)
    light = 1 + np.clip((across * 0.55 + down * 0.83) * 5.5, -0.3, 0.25)
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    weave = 0.018 * (np.sin(x * 2.1) + np.sin(y * 2.1))
    return np.asarray(base * (light + weave), dtype=np.float32)


def _carpet(height: int, width: int, rng: Random) -> Gray:
    base = planes(vary(PALETTE[rng.integers(len(PALETTE))], rng)) * 0.55 + 70
    pile = window(cloud(3, 41), height, width, rng) * 0.14 + window(cloud(24, 42), height, width, rng) * 0.05
    return np.asarray(base * (1 + pile), dtype=np.float32)


def _concrete(height: int, width: int, rng: Random) -> Gray:
    base = planes((1.0, 0.985, 0.96)) * np.float32(rng.uniform(130, 205))
    tone = 1 + 0.10 * window(fractal(51), height, width, rng, zoom=1.5) + 0.03 * window(cloud(3, 7), height, width, rng)
    return np.asarray(base * tone, dtype=np.float32)


def _room(height: int, width: int, rng: Random) -> Gray:
    """A room far out of focus: big soft blots of colour, and lights."""
    grid = np.empty((3, 7, 5), dtype=np.float32)
    base = _pale(rng)[:, 0, 0] * 0.85
    for cell in np.ndindex(7, 5):
        grid[:, *cell] = base * 0.6 + np.array(PALETTE[rng.integers(len(PALETTE))]) * 0.4
    picture = np.stack([resized(plane, height, width) for plane in grid])
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(int(rng.integers(2, 7))):
        radius = rng.uniform(10, 34)
        distance = np.hypot(x - rng.uniform(0, width), y - rng.uniform(0, height * 0.6))
        disc = np.clip((radius - distance) / 4, 0, 1)
        picture = picture + disc * np.float32(rng.uniform(8, 34))
    return np.asarray(picture, dtype=np.float32)


def _pale(rng: Random) -> Gray:
    colour: Colour = vary(PALETTE[rng.integers(len(PALETTE))], rng)
    return planes(colour) * 0.4 + np.float32(rng.uniform(105, 150))


_STUDIO: tuple[Colour, ...] = ((246, 245, 243), (236, 234, 231), (226, 222, 216), (232, 225, 219), (222, 228, 231))
_WOODS: tuple[Colour, ...] = ((186, 146, 104), (142, 100, 66), (210, 184, 148), (108, 78, 58), (168, 156, 142))
_SURFACES: tuple[Callable[[int, int, Random], Gray], ...] = (_wood, _tiles, _cloth, _carpet, _concrete, _room)
