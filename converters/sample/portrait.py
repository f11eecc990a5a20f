"""A picture of people, and what each of its pixels shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converters.sample import backgrounds
from converters.sample.paint import Shadow, Weave, lay
from converters.sample.people import LABELS, Person, Piece, pieces
from converters.sample.scene import develop
from converters.sample.shape import Points

Random = np.random.Generator

COVERED = 0.5
"""A pixel belongs to the topmost piece that covers at least so much of it."""

_SHADOW = Shadow(offset=0.02, softness=0.035, strength=0.35)


@dataclass(frozen=True)
class Portrait:
    """The picture, and two maps of it, uint8 (height, width): the place of a pixel's class in ``people.LABELS``, and
    whose it is: 0 nobody's, i + 1 that of the i-th person. ``seen`` is the share of each that nobody covers."""

    image: Image.Image
    labels: NDArray[np.uint8]
    persons: NDArray[np.uint8]
    seen: tuple[float, ...]


@dataclass(frozen=True)
class Standing:
    """Where a person is in the picture: ``matrix`` and ``offset`` map the body frame to pixels."""

    person: Person
    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    @property
    def unit(self) -> float:
        """Pixels of one unit of the body frame."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    def place(self, run: Points) -> Points:
        placed: Points = run @ self.matrix.T + self.offset
        return placed


def stand(
    person: Person, cell: tuple[float, float, float, float], rng: Random, *, top: float = -0.9, bottom: float = 3.45
) -> Standing:
    """Put a person into a cell (left, top, right, bottom) of a picture, so that it shows these heights of the body.

    The person is turned and drawn out a little, smaller where the cell is too narrow, and stands in any place of it.
    """
    outlines = np.concatenate([part.outline for piece in pieces(person) for part in piece.parts])
    seen = outlines[(outlines[:, 1] >= top) & (outlines[:, 1] <= bottom)]
    low, high = seen[:, 0].min(), seen[:, 0].max()
    width, height = cell[2] - cell[0], cell[3] - cell[1]
    scale = min(height / (bottom - top), width / (high - low) * rng.uniform(0.9, 1.06))
    turn = float(rng.normal(0, 0.035))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = rotation * (1 + rng.normal(0, 0.02, 2).clip(-0.05, 0.05)) * scale
    spare = max(0.0, width - scale * (high - low)), height - scale * (bottom - top)
    middle = (cell[0] + cell[2]) / 2 + rng.uniform(-0.5, 0.5) * spare[0], cell[3] - rng.uniform(0, 1) * spare[1]
    return Standing(person, matrix, np.array(middle) - matrix @ np.array([(low + high) / 2, bottom]))


def photograph(people: Sequence[Standing], size: tuple[int, int], rng: Random, *, shop: bool) -> Portrait:
    """Paint people into a picture of this (width, height), those in front last; ``shop`` before a pale wall."""
    canvas = (backgrounds.studio if shop else backgrounds.surroundings)(size[1], size[0], rng)
    labels, persons = (np.zeros((size[1], size[0]), dtype=np.uint8) for _ in range(2))
    alone: list[int] = []
    for number, standing in enumerate(people, start=1):
        weave = Weave.placed(standing.matrix, standing.offset)
        for piece in pieces(standing.person):
            shown = _paint(canvas, piece, standing, weave, rng)
            if shown is not None:
                (rows, columns), cover = shown
                labels[rows, columns][cover] = LABELS.index(piece.label)
                persons[rows, columns][cover] = number
        alone.append(int((persons == number).sum()))
    seen = tuple(float((persons == number).sum() / max(1, count)) for number, count in enumerate(alone, start=1))
    return Portrait(develop(canvas, rng, shop=shop), labels, persons, seen)


def _paint(
    canvas: NDArray[np.float32], piece: Piece, standing: Standing, weave: Weave, rng: Random
) -> tuple[tuple[slice, slice], NDArray[np.bool_]] | None:
    """Paint one piece; returns the rectangle it lies in and which of its pixels it covers."""
    unit, shadow = standing.unit, _SHADOW if piece.front else None
    figure = piece.figure.moved(standing.place, unit)
    parts = figure.front if piece.front else figure.behind
    layer = lay(canvas, parts, figure, piece.fabric, weave, unit=unit, details=piece.front, shadow=shadow, rng=rng)
    return (layer.window.slices(), layer.cover >= COVERED) if layer is not None else None
