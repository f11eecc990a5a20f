"""From pieces of cloth in picture coordinates to pixels: coverage, pattern, shading, seams, shadow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from converters.sample.fabrics import TILE, Colour, Fabric
from converters.sample.noise import Gray, cloud, planes, resized, window
from converters.sample.shape import Figure, Fold, Line, Part, Points, along, points

_FINE = 2  # supersampling of edges

LIGHT = (0.55, 0.83)
"""Where shadows fall: the light comes from the upper left."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the picture in whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @classmethod
    def around(cls, outlines: Iterable[Points], size: tuple[int, int], *, margin: int = 3) -> Window | None:
        """The smallest window of a picture of this (width, height) that holds the outlines; None where none is in."""
        everything = np.concatenate(list(outlines))
        low = np.floor(everything.min(axis=0)).astype(int) - margin
        high = np.ceil(everything.max(axis=0)).astype(int) + margin
        left, top = max(0, int(low[0])), max(0, int(low[1]))
        right, bottom = min(size[0], int(high[0])), min(size[1], int(high[1]))
        return cls(left, top, right, bottom) if right - left > 1 and bottom - top > 1 else None


@dataclass(frozen=True)
class Layer:
    """Painted cloth: colour 0 to 255, shape (3, h, w), and coverage 0 to 1, shape (h, w), in ``window``."""

    window: Window
    colour: Gray
    cover: Gray


@dataclass(frozen=True)
class Weave:
    """Where the pattern lies: picture pixels to tile pixels, ``(u, v) = matrix @ (x, y) + offset``."""

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def placed(cls, matrix: NDArray[np.float64], offset: NDArray[np.float64]) -> Weave:
        """That of something which ``matrix`` and ``offset`` map from the body frame into the picture."""
        inverse = np.asarray(np.linalg.inv(matrix) * TILE, dtype=np.float64)
        return cls(inverse, -inverse @ offset)


@dataclass(frozen=True)
class Shadow:
    """What falls on the canvas below a layer; lengths in units of the body frame."""

    offset: float
    softness: float
    strength: float


def coverage(outline: Points, window: Window) -> Gray:
    """How much of each pixel of ``window`` the outline covers: 0 to 1, shape (h, w)."""
    return _gray(_mask([outline], window))


def _mask(outlines: Iterable[Points], window: Window) -> Image.Image:
    image = Image.new("L", (window.width * _FINE, window.height * _FINE))
    draw = ImageDraw.Draw(image)
    for outline in outlines:
        draw.polygon(_fine(outline, window), fill=255)
    return image.reduce(_FINE)


def _fine(run: Points, window: Window) -> list[float]:
    scaled = (run - (window.left, window.top)) * _FINE - 0.5
    flat: list[float] = scaled.ravel().tolist()
    return flat


def _gray(image: Image.Image) -> Gray:
    return np.asarray(image, dtype=np.float32) * np.float32(1 / 255)


def blurred(image: Image.Image, radius: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius))


def paint(
    parts: tuple[Part, ...],
    figure: Figure,
    fabric: Fabric,
    weave: Weave,
    *,
    size: tuple[int, int],
    unit: float,
    details: bool,
    rng: np.random.Generator,
) -> Layer | None:
    """Paint these parts of ``figure`` (already in picture coordinates); None where nothing of them is in the picture.

    ``unit`` is the length of the body frame's unit in pixels; ``details`` adds the figure's folds, seams and buttons.
    """  # fmt: skip
    if not parts:
        return None
    window = Window.around((part.outline for part in parts), size)
    if window is None:
        return None
    colour = np.zeros((3, window.height, window.width), dtype=np.float32)
    cover = np.zeros((window.height, window.width), dtype=np.float32)
    small = (max(2, window.width // 2), max(2, window.height // 2))  # light falls on a slope: of two points at least
    height = np.zeros((small[1], small[0]), dtype=np.float32)
    soft = window_noise(*small[::-1], unit, rng)
    wrinkles = resized(soft, window.height, window.width)
    bend = _fold_relief(figure.folds, window, small, unit) if details else None
    for part in parts:
        inner = Window.around([part.outline], size)
        if inner is None:
            continue
        rows, columns = _within(inner, window)
        mask = _mask([part.outline], inner)
        share = _gray(mask)
        if part.lift:
            shade = _cast(mask, unit * 0.016 * (1 + part.lift))
            colour[:, rows, columns] *= 1 - (0.42 * part.lift) * shade
        cloth = _cloth(part, fabric, weave, inner, wrinkles[rows, columns])
        colour[:, rows, columns] += (cloth - colour[:, rows, columns]) * share
        cover[rows, columns] = np.maximum(cover[rows, columns], share)
        if part.full:
            _round(height, part.outline, window, unit)
    if details:
        light = _light(height, bend, soft, unit)
        colour *= resized(light, window.height, window.width)
        _sew(colour, figure, fabric, window)
    return Layer(window, np.clip(colour, 0, 255), cover)


def _within(inner: Window, outer: Window) -> tuple[slice, slice]:
    return (
        slice(inner.top - outer.top, inner.bottom - outer.top),
        slice(inner.left - outer.left, inner.right - outer.left),
    )


def window_noise(height: int, width: int, unit: float, rng: np.random.Generator) -> Gray:
    """Soft unevenness of cloth at half size, about -1 to 1."""
    zoom = max(0.4, unit / 200) / 2
    broad, fine = (window(cloud(*kind), height, width, rng, zoom=zoom) for kind in ((40, 21), (16, 22)))
    return broad + np.float32(0.5) * fine


def _cloth(part: Part, fabric: Fabric, weave: Weave, window: Window, wrinkles: Gray) -> Gray:
    """The part's colour before light, shape (3, h, w) or (3, 1, 1)."""
    plain: Colour | None = {"trim": fabric.trim, "lining": fabric.lining, "rib": fabric.rib}.get(part.cloth)
    if plain is not None and part.cloth != "rib":
        return planes(plain) * np.float32(part.tone)
    turn, lean = np.cos(part.grain), np.sin(part.grain)
    matrix = np.array([[turn, lean], [-lean, turn]]) @ weave.matrix
    offset = np.array([[turn, lean], [-lean, turn]]) @ weave.offset
    x = np.arange(window.left, window.right, dtype=np.float32) + 0.5
    y = np.arange(window.top, window.bottom, dtype=np.float32)[:, None] + 0.5
    u = np.float32(matrix[0, 0]) * x + (np.float32(matrix[0, 1]) * y + np.float32(offset[0] + 64 * TILE))
    v = np.float32(matrix[1, 0]) * x + (np.float32(matrix[1, 1]) * y + np.float32(offset[1] + 64 * TILE))
    if plain is not None:
        ribs = 1 + 0.10 * np.sin(u * np.float32(2 * np.pi * 26 / TILE))
        return planes(plain) * np.asarray(ribs * np.float32(part.tone), dtype=np.float32)
    shift = wrinkles * np.float32(0.012 * TILE)
    u += shift
    v += shift
    index = (v.astype(np.intp) % TILE) * TILE + u.astype(np.intp) % TILE
    packed = fabric.tile.ravel().take(index)
    rgb = packed.view(np.uint8).reshape(*index.shape, 4)[..., :3]
    return np.multiply(np.moveaxis(rgb, -1, 0), np.float32(part.tone), dtype=np.float32, order="C")


def _cast(mask: Image.Image, reach: float) -> Gray:
    """The shadow a part throws on what lies right under it."""
    shifted = Image.new("L", mask.size)
    shifted.paste(mask, (round(LIGHT[0] * reach * 0.7), round(LIGHT[1] * reach * 0.7)))
    return _gray(shifted.filter(ImageFilter.BoxBlur(max(1.0, reach * 0.6))))


def _round(height: Gray, outline: Points, window: Window, unit: float) -> None:
    """Add a filled shape's soft height, 1.5 inside and falling towards the edge, to ``height`` (half size)."""
    scale = np.array([height.shape[1] / window.width, height.shape[0] / window.height])
    run = (outline - (window.left, window.top)) * scale
    inner = Window.around([run], (height.shape[1], height.shape[0]), margin=int(unit * 0.09) + 2)
    if inner is None:
        return
    image = Image.new("L", (inner.width, inner.height))
    ImageDraw.Draw(image).polygon((run - (inner.left, inner.top)).ravel().tolist(), fill=255)
    broad = blurred(image.reduce(2), unit * 0.035 / 2).resize(image.size, Image.Resampling.BILINEAR)
    height[inner.slices()] += _gray(broad) + np.float32(0.5) * _gray(blurred(image, unit * 0.012))


def _fold_relief(folds: tuple[Fold, ...], window: Window, small: tuple[int, int], unit: float) -> Gray:
    """Ridges and furrows at half size, about -1 to 1."""
    image = Image.new("L", small, 128)
    draw = ImageDraw.Draw(image)
    scale = np.array([small[0] / window.width, small[1] / window.height])
    for fold in folds:
        run = along((fold.points - (window.left, window.top)) * scale, np.linspace(0, 1, 7))
        direction = np.gradient(run, axis=0)
        across = direction[:, ::-1] * (-1, 1)
        across /= np.maximum(np.hypot(across[:, 0], across[:, 1]), 1e-6)[:, None]
        half = fold.width * 0.5 * float(scale.mean()) * np.sin(np.linspace(0.15, np.pi * 0.92, 7))[:, None]
        lens = np.concatenate([run + across * half, (run - across * half)[::-1]])
        draw.polygon(lens.ravel().tolist(), fill=int(128 + 110 * np.clip(fold.depth, -1, 1)))
    soft = blurred(image, max(0.8, unit * 0.0085))
    return (np.asarray(soft, dtype=np.float32) - np.float32(128)) / np.float32(110)


def _light(height: Gray, bend: Gray | None, wrinkles: Gray, unit: float) -> Gray:
    """How brightly each pixel is lit, at half size, about 0.6 to 1.2: the slope against the light, darker at edges."""
    relief = height * np.float32(unit * 0.05)
    if bend is not None:
        relief = relief + bend * np.float32(unit * 0.024)
    relief = relief + wrinkles * np.float32(unit * 0.016)
    down, across = np.gradient(relief)
    facing = across * LIGHT[0] + down * LIGHT[1]  # what rises away from the light turns its face to it
    lit = 1.0 + 0.55 * np.tanh(facing * 0.55)
    lit *= 0.86 + 0.11 * np.clip(height, 0, 1.6)
    return np.asarray(lit, dtype=np.float32)


def _sew(colour: Gray, figure: Figure, fabric: Fabric, window: Window) -> None:
    """Draw seams, stitches and buttons over painted cloth."""
    for sign, target in ((-1, 0.0), (1, 255.0)):
        chosen = [line for line in figure.lines if line.tone * sign > 0]
        if chosen:
            ink = _ink(chosen, window)
            colour += (np.float32(target) - colour) * (ink if sign > 0 else ink * 0.9)
    if not figure.buttons:
        return
    radius = max(1.2, figure.button_radius)
    size = (window.width, window.height)
    inner = Window.around([points(figure.buttons) - (window.left, window.top)], size, margin=int(radius * 2) + 2)
    if inner is None:
        return
    colour = colour[:, *inner.slices()]
    shadow = Image.new("L", (inner.width * _FINE, inner.height * _FINE))
    disc = Image.new("L", shadow.size)
    for x, y in figure.buttons:
        centre = np.array([x - window.left - inner.left, y - window.top - inner.top]) * _FINE
        _dot(shadow, centre + np.multiply(LIGHT, radius * 0.6), radius * 1.25, 150)
        _dot(disc, centre, radius, 255)
        if radius > 2.2:
            _dot(disc, np.add(centre, (-radius * 0.5, 0)), radius * 0.22, 120)
            _dot(disc, np.add(centre, (radius * 0.5, 0)), radius * 0.22, 120)
    colour *= 1 - 0.7 * _gray(shadow.reduce(_FINE))
    share = _gray(disc.reduce(_FINE))
    colour += (planes(fabric.trim) * 1.1 - colour) * share


def _dot(image: Image.Image, centre: NDArray[np.float64], radius: float, fill: int) -> None:
    reach = radius * _FINE
    ImageDraw.Draw(image).ellipse(
        (centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach), fill=fill
    )


def _ink(lines: list[Line], window: Window) -> Gray:
    image = Image.new("L", (window.width * _FINE, window.height * _FINE))
    draw = ImageDraw.Draw(image)
    for line in lines:
        width = max(1, round(line.width * _FINE))
        fill = int(255 * min(1.0, abs(line.tone)) * min(1.0, line.width * _FINE / width))
        if line.dash:
            length = float(np.hypot(*np.diff(line.points, axis=0).T).sum())
            stitches = max(2, int(length / max(line.dash, 1.5)))
            run = along(line.points, np.linspace(0, 1, 2 * stitches))
            coordinates = _fine(run, window)
            for place in range(0, 4 * stitches, 4):
                draw.line(coordinates[place : place + 4], fill=fill, width=width)
        else:
            draw.line(_fine(line.points, window), fill=fill, width=width, joint="curve")
    return _gray(image.reduce(_FINE))


def lay(
    canvas: Gray,
    parts: tuple[Part, ...],
    figure: Figure,
    fabric: Fabric,
    weave: Weave,
    *,
    unit: float,
    details: bool,
    shadow: Shadow | None,
    rng: np.random.Generator,
) -> Layer | None:
    """Paint these parts of ``figure`` on ``canvas``; see ``paint``. Returns what was laid on it, if anything."""
    size = (canvas.shape[2], canvas.shape[1])
    layer = paint(parts, figure, fabric, weave, size=size, unit=unit, details=details, rng=rng)
    if layer is None:
        return None
    if shadow is not None:
        reach = {"offset": unit * shadow.offset, "softness": unit * shadow.softness}
        drop_shadow(canvas, layer, **reach, strength=shadow.strength)
    compose(canvas, layer)
    return layer


def drop_shadow(canvas: Gray, layer: Layer, *, offset: float, softness: float, strength: float) -> None:
    """Darken ``canvas`` where ``layer`` would throw its shadow; lengths in pixels."""
    margin = int(softness * 2.5 + offset) + 2
    area, size = layer.window, (canvas.shape[2], canvas.shape[1])
    left, top = max(0, area.left - margin), max(0, area.top - margin)
    right, bottom = min(size[0], area.right + margin), min(size[1], area.bottom + margin)
    quarter = Image.fromarray((layer.cover[::4, ::4] * 255).astype(np.uint8))
    sheet = Image.new("L", ((right - left) // 4 + 1, (bottom - top) // 4 + 1))
    moved = (np.array([area.left - left, area.top - top]) + np.multiply(LIGHT, offset)) / 4
    sheet.paste(quarter, (round(moved[0]), round(moved[1])))
    soft = resized(_gray(blurred(sheet, max(0.5, softness / 4))), bottom - top, right - left)
    canvas[:, top:bottom, left:right] *= 1 - strength * soft


def compose(canvas: Gray, layer: Layer) -> None:
    """Lay ``layer`` on ``canvas``, in place."""
    rows, columns = layer.window.slices()
    canvas[:, rows, columns] += (layer.colour - canvas[:, rows, columns]) * layer.cover
