"""One picture: garments put in their places, painted, and what can be seen of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from converters.sample import backgrounds
from converters.sample.cuts import LOWER, OUTWEAR, draw_pose
from converters.sample.noise import Gray, cloud, planes, window
from converters.sample.outfits import Design, Outfit, sew
from converters.sample.paint import Shadow, Weave, lay
from converters.sample.props import form, hanger, mannequin
from converters.sample.shape import Figure, Part, Points

Random = np.random.Generator

QUALITY = 90
"""Of the JPEG files."""
ATTEMPTS = 12
_PROP_SHADOW = Shadow(offset=0.03, softness=0.05, strength=0.25)
_SHADOW = Shadow(offset=0.02, softness=0.035, strength=0.42)
SEEN = 0.4
"""A garment of which less than this share can be seen would be a riddle: the scene is arranged anew."""


@dataclass(frozen=True)
class Placed:
    """A garment in the picture: ``figure`` in pixels, the affine map from the body frame, the garment's design."""

    design: Design
    figure: Figure
    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    @property
    def unit(self) -> float:
        """Pixels of one unit of the body frame."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    @property
    def weave(self) -> Weave:
        return Weave.placed(self.matrix, self.offset)


@dataclass(frozen=True)
class Scene:
    """What a photographer arranged. ``owners`` (height, width) tells whose cloth each pixel shows: 0 nobody's, i + 1
    that of ``garments[i]``. ``layers`` are (garment's place or None for a prop, its parts, whether details belong)."""

    size: tuple[int, int]
    garments: tuple[Placed, ...]
    owners: NDArray[np.uint8]
    viewpoint: int
    shop: bool
    props: tuple[Figure, ...] = ()
    tucked: bool = False


def arrange(outfit: Outfit, size: tuple[int, int], rng: Random, *, shop: bool) -> Scene:
    """Find places for the outfit in a picture of this (width, height) so that enough of every garment can be seen.

    A shop shows its main garment alone more often than not, upright and whole; a customer's picture is turned, may be
    cut off at the border, and shows everything. After a few tries it is arranged as a shop would, and in the end it is
    the main garment alone.
    """
    for attempt in range(ATTEMPTS):
        scene = _try(outfit, size, rng, shop=shop, neat=shop or attempt >= ATTEMPTS // 2)
        if all(share >= SEEN for share in _seen(scene)):
            return scene
    return _try(Outfit((outfit.designs[outfit.main],), 0, True, False), size, rng, shop=shop, neat=True)


def _try(outfit: Outfit, size: tuple[int, int], rng: Random, *, shop: bool, neat: bool) -> Scene:
    """One try. ``neat`` arranges as shops do: upright, whole, often the main garment alone."""
    if neat and rng.random() < 0.5:
        outfit = Outfit((outfit.designs[outfit.main],), 0, worn=True, tucked=False)
    pose = draw_pose(rng, neat=neat)
    figures = [sew(design.cut, pose) for design in outfit.designs]
    turn = rng.normal(0, 0.03 if neat else 0.16)
    if outfit.worn:
        share = rng.uniform(0.82, 0.96) if neat else rng.uniform(0.70, 1.02)
        if not neat and rng.random() < 0.25:
            share = rng.uniform(1.05, 1.3)
        place = _fit(figures, (0, 0, *size), share=share, turn=turn, rng=rng, drift=0.02 if neat else 0.07)
        places = [place] * len(figures)
    else:
        cells = _cells(len(figures), size, rng)
        places = [
            _fit([figure], cell, share=rng.uniform(0.85, 1.0), turn=turn + rng.normal(0, 0.12), rng=rng, drift=0.04)
            for figure, cell in zip(figures, cells, strict=True)
        ]
    garments = tuple(
        _place(design, figure, matrix, offset, rng, bend=0.0 if neat else 0.03)
        for design, figure, (matrix, offset) in zip(outfit.designs, figures, places, strict=True)
    )
    kind = rng.random()
    props: tuple[Figure, ...] = ()
    viewpoint = 1
    if outfit.worn and kind < 0.35:
        props, viewpoint = (mannequin().moved(lambda run: run @ places[0][0].T + places[0][1], garments[0].unit),), 2
    elif outfit.worn and kind < 0.6 and garments[0].design.category not in (7, 8, 9):
        props = (hanger().moved(lambda run: run @ places[0][0].T + places[0][1], garments[0].unit),)
    bare = Scene(size, garments, np.zeros(size[::-1], np.uint8), viewpoint, shop, props, outfit.tucked)
    return Scene(size, garments, _owners(bare), viewpoint, shop, props, outfit.tucked)


def _cells(count: int, size: tuple[int, int], rng: Random) -> list[tuple[float, float, float, float]]:
    """Rectangles (left, top, right, bottom) side by side along the longer side, overlapping a little."""
    width, height = size
    wide = width >= height * 0.95
    steps = np.linspace(0, 1, count + 1)
    lap = rng.uniform(0.0, 0.05)
    spans = [(max(0.0, a - lap), min(1.0, b + lap)) for a, b in pairwise(steps)]
    if wide:
        return [(a * width, 0.04 * height, b * width, 0.96 * height) for a, b in spans]
    return [(0.04 * width, a * height, 0.96 * width, b * height) for a, b in spans]


def _fit(
    figures: list[Figure],
    cell: tuple[float, float, float, float],
    *,
    share: float,
    turn: float,
    rng: Random,
    drift: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The affine map that turns the figures by ``turn`` radians and makes them fill ``share`` of the cell."""
    everything = np.concatenate([outline for figure in figures for outline in figure.outlines()])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    stretch = rotation * (1 + rng.normal(0, 0.02, 2).clip(-0.05, 0.05))
    turned = everything @ stretch.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    width, height = cell[2] - cell[0], cell[3] - cell[1]
    scale = share * min(width / (high[0] - low[0]), height / (high[1] - low[1]))
    spare = np.array([width, height]) - scale * (high - low)
    middle = np.array([cell[0] + cell[2], cell[1] + cell[3]]) / 2
    wander = rng.uniform(-0.5, 0.5, 2) * np.abs(spare) * 0.8 + rng.normal(0, drift / 3, 2) * (width, height)
    matrix = stretch * scale
    return matrix, middle + wander - matrix @ np.linalg.lstsq(stretch, (low + high) / 2, rcond=None)[0]


def _place(
    design: Design,
    figure: Figure,
    matrix: NDArray[np.float64],
    offset: NDArray[np.float64],
    rng: Random,
    *,
    bend: float,
) -> Placed:
    """Map a figure into the picture; ``bend`` bows it sideways a little, as cloth thrown on a bed lies."""
    bow = float(rng.normal(0, bend)) if bend else 0.0

    def move(run: Points) -> Points:
        bowed = run + np.stack([bow * (run[:, 1] - 0.9) ** 2, np.zeros(len(run))], axis=1) if bow else run
        moved: Points = bowed @ matrix.T + offset
        return moved

    scale = float(np.sqrt(abs(np.linalg.det(matrix))))
    return Placed(design, figure.moved(move, scale), matrix, offset)


def sheets(categories: Sequence[int], *, tucked: bool) -> Iterator[tuple[int, bool]]:
    """What lies over what, lowest first: the place of a garment among these, innermost first, and whether it is its
    front rather than what is behind. ``tucked``: the top goes into what is worn below."""
    order = list(range(len(categories)))
    if tucked and len(order) > 1 and categories[0] in LOWER:
        order[0], order[1] = order[1], order[0]  # the top first, then what it is tucked into
    open_fronts = [i for i in order if categories[i] in OUTWEAR]
    yield from ((i, False) for i in open_fronts)
    for i in order:
        if i not in open_fronts:
            yield from ((i, False), (i, True))
    yield from ((i, True) for i in open_fronts)


def _sheets(scene: Scene) -> Iterator[tuple[int, tuple[Part, ...], bool]]:
    """The garment's place, some of its parts, whether seams and folds go on them."""
    for place, front in sheets([each.design.category for each in scene.garments], tucked=scene.tucked):
        figure = scene.garments[place].figure
        yield place, figure.front if front else figure.behind, front


def _owners(scene: Scene) -> NDArray[np.uint8]:
    image = Image.new("L", scene.size)
    draw = ImageDraw.Draw(image)
    for place, parts, _ in _sheets(scene):
        for part in parts:
            draw.polygon(part.outline.ravel().tolist(), fill=place + 1)
    return np.asarray(image)


def _seen(scene: Scene) -> Iterator[float]:
    """The share of each garment's own cloth that can be seen."""
    for place, garment in enumerate(scene.garments):
        outlines = garment.figure.outlines()
        everything = np.concatenate(outlines)
        low = everything.min(axis=0)
        extent = np.ceil(everything.max(axis=0) - low).astype(int) + 1
        image = Image.new("1", (int(extent[0]), int(extent[1])))
        draw = ImageDraw.Draw(image)
        for outline in outlines:
            draw.polygon((outline - low).ravel().tolist(), fill=1)
        yield float((scene.owners == place + 1).sum() / max(1, np.asarray(image).sum()))


def photograph(scene: Scene, rng: Random) -> Image.Image:
    """Paint the scene: background, props, cloth with shadows, then what a camera does to it."""
    width, height = scene.size
    ground = backgrounds.studio if scene.shop and rng.random() < 0.85 else backgrounds.surroundings
    canvas = ground(height, width, rng)
    first = scene.garments[0]
    for prop in scene.props:
        unit = first.unit
        lay(canvas, prop.front, prop, form(), first.weave, unit=unit, details=True, shadow=_PROP_SHADOW, rng=rng)
    for place, parts, details in _sheets(scene):
        garment = scene.garments[place]
        lay(
            canvas,
            parts,
            garment.figure,
            garment.design.fabric,
            garment.weave,
            unit=garment.unit,
            details=details,
            shadow=_SHADOW if details else None,
            rng=rng,
        )
    return develop(canvas, rng, shop=scene.shop)


def develop(canvas: Gray, rng: Random, *, shop: bool) -> Image.Image:
    """Exposure, white balance, grain and a trace of blur."""
    height, width = canvas.shape[1:]
    strength = 0.02 if shop else 0.07
    canvas *= planes((1 + rng.normal(0, strength / 2, 3) + rng.normal(0, strength)).clip(0.8, 1.2))
    grain = window(cloud(2, 61), height, width, rng) * np.float32(rng.uniform(0.5, 2.0 if shop else 4.5))
    canvas += grain
    pixels = np.clip(canvas, 0, 255, out=canvas).astype(np.uint8)
    image = Image.merge("RGB", [Image.fromarray(plane) for plane in pixels])
    if not shop and rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.4, 0.9))))
    return image
