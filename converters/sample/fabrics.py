"""Cloth: colours, patterns and weaves, one palette and one set of patterns for all garments alike."""

from __future__ import annotations

import colorsys
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from converters.sample.noise import SIDE, Gray, cloud, planes

Colour = tuple[int, int, int]

Print = tuple[Gray, str]
"""A tile, shape (3, 512, 512), and what its pattern is called."""

TILE = SIDE
"""Pixels of a tile's side; a tile covers one unit of the body frame."""

PALETTE: tuple[Colour, ...] = (
    (244, 241, 234), (232, 222, 203), (206, 190, 165), (176, 140, 104), (128, 92, 66), (72, 52, 42),
    (38, 38, 42), (74, 76, 82), (128, 132, 138), (186, 190, 194), (30, 42, 74), (48, 76, 128),
    (96, 136, 184), (168, 200, 224), (36, 96, 100), (104, 172, 164), (176, 214, 190), (52, 84, 60),
    (110, 120, 72), (152, 168, 96), (236, 206, 96), (216, 160, 56), (228, 124, 68), (240, 160, 132),
    (200, 52, 48), (128, 32, 46), (224, 104, 124), (244, 190, 196), (168, 96, 140), (196, 176, 216),
    (108, 84, 144),
)  # fmt: skip


COLOURS = (
    "white", "beige", "beige", "brown", "brown", "brown",
    "black", "gray", "gray", "gray", "navy", "blue",
    "blue", "blue", "teal", "teal", "green", "green",
    "green", "green", "yellow", "yellow", "orange", "orange",
    "red", "red", "pink", "pink", "purple", "purple",
    "purple",
)  # fmt: skip
"""The name of each colour of the palette."""


@dataclass(frozen=True)
class Fabric:
    """A cloth and what goes with it. ``tile`` is packed RGBA, shape (512, 512), uint32, and repeats without a seam.

    ``pattern`` is what is to be seen on it: "solid", "mottled", "horizontal stripe", "vertical stripe", "gingham",
    "plaid", "polka dot", "floral print", "denim", "knit" or "cable knit".
    """

    tile: NDArray[np.uint32]
    base: Colour
    rib: Colour
    trim: Colour
    lining: Colour
    pattern: str = "solid"

    def colours(self, share: float = 0.2) -> frozenset[str]:
        """Names of the colours that at least ``share`` of the cloth has."""
        pixels = self.tile.view(np.uint8).reshape(TILE, TILE, 4)[::16, ::16, :3].reshape(-1, 1, 3).astype(np.float32)
        nearest = np.square(pixels - np.array(PALETTE, dtype=np.float32)).sum(axis=2).argmin(axis=1)
        counts = Counter(COLOURS[place] for place in nearest.tolist())
        return frozenset(name for name, count in counts.items() if count >= share * len(nearest))


def draw_weave(rng: np.random.Generator) -> str:
    """How a random cloth is made: "plain", "stripes", "check", "dots", "floral", "denim" or "knit"."""
    return str(rng.choice(list(_PATTERNS), p=_WEIGHTS))


def draw_fabric(rng: np.random.Generator, weave: str | None = None) -> Fabric:
    """A random cloth: base colour, pattern, weave (default: a random one, too)."""
    base = vary(PALETTE[rng.integers(len(PALETTE))], rng)
    name = weave or draw_weave(rng)
    other = contrast(base, rng)
    tile, pattern = _PATTERNS[name](base, other, rng)
    if name not in ("denim", "knit"):
        tile = tile * _texture("twill" if rng.random() < 0.4 else "plain")
    else:
        tile = tile * _texture("none")
    packed = np.empty((TILE, TILE, 4), dtype=np.uint8)
    packed[..., :3] = np.moveaxis(np.clip(tile, 0, 255), 0, -1)
    packed[..., 3] = 255
    mean = tuple(int(value) for value in packed[::16, ::16, :3].reshape(-1, 3).mean(axis=0))
    rib = other if rng.random() < 0.2 else mean
    lining = vary(PALETTE[rng.integers(len(PALETTE))], rng) if rng.random() < 0.5 else mean
    leather = ((40, 34, 32), (92, 60, 40), (150, 104, 66), (200, 176, 140))[rng.integers(4)]
    trim = leather if rng.random() < 0.6 else other
    return Fabric(
        packed.view(np.uint32)[..., 0], base, (rib[0], rib[1], rib[2]), trim, (lining[0], lining[1], lining[2]), pattern
    )


def smooth(base: Colour, *, trim: Colour, lining: Colour | None = None, uneven: Gray | None = None) -> Fabric:
    """Something that is not woven: skin, hair, leather, metal. ``uneven`` are factors of its brightness, near 1."""
    factors = 1 + 0.03 * cloud(24, 71) if uneven is None else uneven
    packed = np.full((TILE, TILE, 4), 255, dtype=np.uint8)
    packed[..., :3] = np.moveaxis(np.clip(planes(base) * factors, 0, 255), 0, -1)
    return Fabric(packed.view(np.uint32)[..., 0], base, base, trim, lining or base)


@cache
def _texture(weave: str) -> Gray:
    """What a weave and uneven dye do to brightness: factors near 1, shape (512, 512)."""
    threads = {"twill": _twill, "plain": _plain_weave}
    factor = 1 + 0.025 * cloud(48, 3)
    if weave in threads:
        factor = factor * (1 + 0.05 * threads[weave]())
    return np.asarray(factor, dtype=np.float32)


def luminance(colour: Colour) -> float:
    """0 (black) to 255 (white)."""
    return 0.30 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def vary(colour: Colour, rng: np.random.Generator, amount: float = 1.0) -> Colour:
    """A neighbour of ``colour`` in hue, saturation and brightness."""
    hue, light, saturation = colorsys.rgb_to_hls(*(value / 255 for value in colour))
    hue += rng.normal(0, 0.012 * amount)
    light = float(np.clip(light + rng.normal(0, 0.03 * amount), 0.06, 0.97))
    saturation = float(np.clip(saturation * rng.uniform(1 - 0.2 * amount, 1 + 0.1 * amount), 0, 1))
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, light, saturation)
    return int(red * 255), int(green * 255), int(blue * 255)


def contrast(colour: Colour, rng: np.random.Generator) -> Colour:
    """A colour of the palette that can be told from ``colour`` by its brightness."""
    own = luminance(colour)
    for _ in range(12):
        other = PALETTE[rng.integers(len(PALETTE))]
        if abs(luminance(other) - own) > 55:
            return vary(other, rng)
    return (240, 236, 228) if own < 128 else (40, 40, 48)


def _flat(base: Colour) -> Gray:
    return np.broadcast_to(planes(base), (3, TILE, TILE))


def _mix(base: Colour, other: Colour, share: Gray) -> Gray:
    """``other`` over ``base`` where ``share`` (0 to 1, broadcast to the tile) says so."""
    share = np.broadcast_to(np.asarray(share, dtype=np.float32), (TILE, TILE))
    return planes(base) + (planes(other) - planes(base)) * share


def _bars(count: int, share: float) -> Gray:
    """A soft-edged square wave with ``count`` periods a tile: 1 for ``share`` of each."""
    phase = (np.arange(TILE, dtype=np.float32) + 0.5) / TILE * count % 1.0
    edge = 3.0 * count / TILE
    return np.clip((share / 2 - np.abs(phase - 0.5)) / edge + 0.5, 0, 1).astype(np.float32)


def _plain(base: Colour, other: Colour, rng: np.random.Generator) -> Print:
    del other
    if rng.random() < 0.25:
        return _flat(base) * (1 + 0.16 * cloud(4, 5, 4)), "mottled"
    return _flat(base), "solid"


def _stripes(base: Colour, other: Colour, rng: np.random.Generator) -> Print:
    bars = _bars(int(rng.choice([5, 6, 8, 10, 14])), float(rng.choice([0.25, 0.4, 0.5])))
    if rng.random() < 0.65:
        return _mix(base, other, bars[:, None]), "horizontal stripe"
    return _mix(base, other, bars[None, :]), "vertical stripe"


def _check(base: Colour, other: Colour, rng: np.random.Generator) -> Print:
    count = int(rng.choice([4, 6, 9, 12]))
    bars = _bars(count, 0.5)
    tile = _mix(base, other, (bars[:, None] + bars[None, :]) * np.float32(0.45))
    if count <= 6:
        thin = _bars(count, 0.08)
        third = planes(PALETTE[rng.integers(len(PALETTE))])
        share = np.maximum(np.roll(thin, 20)[:, None], np.roll(thin, 20)[None, :]) * 0.7
        return np.asarray(tile * (1 - share) + third * share, dtype=np.float32), "plaid"
    return tile, "gingham"


def _stamped(base: Colour, radius: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    del radius
    image = Image.new("RGB", (TILE, TILE), base)
    return image, ImageDraw.Draw(image)


def _disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: Colour) -> None:
    """A disc that leaves the tile on one side and enters it on the other."""
    for shift_x in (0, -TILE, TILE):
        for shift_y in (0, -TILE, TILE):
            left, top = x + shift_x - radius, y + shift_y - radius
            if -2 * radius < left < TILE and -2 * radius < top < TILE:
                draw.ellipse((left, top, left + 2 * radius, top + 2 * radius), fill=colour)


def _soft(image: Image.Image) -> Gray:
    return np.moveaxis(np.asarray(image.filter(ImageFilter.BoxBlur(1)), dtype=np.float32), -1, 0)


def _dots(base: Colour, other: Colour, rng: np.random.Generator) -> Print:
    count = int(rng.choice([4, 6, 8]))
    pitch = TILE / count
    radius = pitch * rng.uniform(0.13, 0.26)
    image, draw = _stamped(base, radius)
    for row in range(count):
        for column in range(count):
            for half in (0.0, 0.5):
                _disc(draw, (column + half) * pitch, (row + half) * pitch, radius, other)
    return _soft(image), "polka dot"


def _floral(base: Colour, other: Colour, rng: np.random.Generator) -> Print:
    image, draw = _stamped(base, 0)
    leaf = vary(((96, 128, 84), (60, 96, 72), (140, 156, 110))[rng.integers(3)], rng)
    centre = (236, 206, 110) if luminance(other) < 190 else (200, 130, 70)
    size = float(rng.uniform(13, 24))
    cells = int(TILE / (size * 4.4))
    for place in range(cells * cells):
        x = (place % cells + rng.uniform(0.15, 0.85)) * TILE / cells
        y = (place // cells + rng.uniform(0.15, 0.85)) * TILE / cells
        turn, radius = rng.uniform(0, 2 * np.pi), size * rng.uniform(0.7, 1.15)
        for step in range(2):
            angle = turn + 2.2 + step * 1.6
            for far, wide in ((1.5, 0.34), (1.85, 0.28), (2.15, 0.18)):
                _disc(draw, x + far * radius * np.cos(angle), y + far * radius * np.sin(angle), radius * wide, leaf)
        petals = vary(other, rng, 1.5)
        for step in range(5):
            angle = turn + step * 2 * np.pi / 5
            _disc(draw, x + 0.72 * radius * np.cos(angle), y + 0.72 * radius * np.sin(angle), radius * 0.52, petals)
        _disc(draw, x, y, radius * 0.34, centre)
    return _soft(image), "floral print"


def _denim(base: Colour, other: Colour, rng: np.random.Generator) -> Print:
    """Twill whose threads show, worn pale in soft patches; any colour can be woven so."""
    del other
    pale = 0.5 * (1 + cloud(96, 7)) * rng.uniform(0.1, 0.35)
    white = tuple(int(value + (255 - value) * 0.55) for value in base)
    share = np.clip(pale + 0.16 * _twill() + 0.07 * cloud(2, 9), 0, 1)
    return _mix(base, (white[0], white[1], white[2]), share), "denim"


def _knit(base: Colour, other: Colour, rng: np.random.Generator) -> Print:
    """Columns of V stitches, sometimes with cables."""
    del other
    tile = _flat(base) * (1 + 0.16 * _stitches(int(rng.choice([24, 32]))))
    if rng.random() < 0.4:
        return np.asarray(tile * (1 + 0.14 * _cables()), dtype=np.float32), "cable knit"
    return tile, "knit"


@cache
def _plain_weave() -> Gray:
    return cloud(2, 11) * 0.6 + cloud(2, 12, 6) * 0.5


@cache
def _twill() -> Gray:
    y, x = np.mgrid[:TILE, :TILE].astype(np.float32)
    return np.asarray(np.sin(2 * np.pi * (x + y) / 8) * 0.7 + cloud(2, 13) * 0.6, dtype=np.float32)


@cache
def _stitches(columns: int) -> Gray:
    y, x = np.mgrid[:TILE, :TILE].astype(np.float32)
    pitch = TILE / columns
    across = x / pitch % 1.0
    slant = np.abs(across - 0.5) * pitch * 1.3
    rows = np.sin(2 * np.pi * (y - slant) / (pitch * 0.75))
    bulge = np.sin(np.pi * across)
    return np.asarray(0.6 * rows * bulge + 0.6 * bulge - 0.5, dtype=np.float32)


@cache
def _cables() -> Gray:
    y, x = np.mgrid[:TILE, :TILE].astype(np.float32)
    across = x / TILE * 4 % 1.0 - 0.5
    turn = 0.16 * np.sin(2 * np.pi * y / TILE * 5)
    strands = np.exp(-(((across - turn) / 0.06) ** 2)) + np.exp(-(((across + turn) / 0.06) ** 2))
    return np.asarray(strands - 0.4, dtype=np.float32)


_PATTERNS = {
    "plain": _plain, "stripes": _stripes, "check": _check, "dots": _dots, "floral": _floral, "denim": _denim,
    "knit": _knit,
}  # fmt: skip
_WEIGHTS = (0.34, 0.15, 0.11, 0.09, 0.11, 0.11, 0.09)
