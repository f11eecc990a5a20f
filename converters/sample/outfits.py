"""Who wears what: garments designed once, seen in a shop's picture and again in a customer's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converters.sample.cuts import DRESSES, LOWER, OUTWEAR, TOPS, Cut, LowerCut, OutwearCut, Pose, draw_cut
from converters.sample.fabrics import Fabric, draw_fabric
from converters.sample.lower import lower
from converters.sample.outwear import outwear
from converters.sample.shape import Figure
from converters.sample.upper import upper

Random = np.random.Generator

STYLELESS = 0.2
"""Share of garments that take part in no pair (style 0)."""


@dataclass(frozen=True)
class Design:
    """A garment as a shop would sell it. ``style`` above 0 marks it as the same one in both pictures of a pair."""

    cut: Cut
    fabric: Fabric
    style: int

    @property
    def category(self) -> int:
        return self.cut.body.category if isinstance(self.cut, OutwearCut) else self.cut.category


@dataclass(frozen=True)
class Outfit:
    """One to three designs. ``worn`` together, innermost first, or else laid out side by side; the first of
    ``designs`` in the shop's window is ``main``. ``tucked``: the top goes into what is worn below."""

    designs: tuple[Design, ...]
    main: int
    worn: bool
    tucked: bool


def sew(cut: Cut, pose: Pose) -> Figure:
    """The garment cut so, in this pose, in the body frame."""
    match cut:
        case OutwearCut():
            return outwear(cut, pose)
        case LowerCut():
            return lower(cut, pose)
        case _:
            return upper(cut, pose)


def draw_outfit(category: int, rng: Random) -> Outfit:
    """An outfit around a garment of ``category``; what goes with it is drawn evenly from what can."""
    categories, worn = _companions(category, rng)
    order = sorted(range(len(categories)), key=lambda i: _depth(categories[i])) if worn else range(len(categories))
    style = iter(range(1, 4))
    designs = tuple(
        Design(draw_cut(categories[i], rng), draw_fabric(rng), 0 if rng.random() < STYLELESS else next(style))
        for i in order
    )
    return Outfit(designs, main=list(order).index(0), worn=worn, tucked=bool(rng.random() < 0.35))


def _depth(category: int) -> int:
    """How far out a garment is worn."""
    return 2 if category in OUTWEAR else 0 if category in LOWER else 1


def _companions(category: int, rng: Random) -> tuple[tuple[int, ...], bool]:
    """The categories of an outfit, ``category`` first, and whether they are worn together."""
    draw = rng.random()
    if draw < 0.10:
        return (category, int(rng.integers(1, 14))), False
    if draw < 0.62:
        return (category,), True
    if category in LOWER:
        return (category, int(rng.choice((*TOPS, *OUTWEAR)))), True
    if category in TOPS:
        return (category, int(rng.choice(LOWER))), True
    if category in DRESSES:
        return ((category, int(rng.choice(OUTWEAR))), True) if draw < 0.72 else ((category,), True)
    inner = (category, int(rng.choice((1, 5, 6, 12, 13))))
    if inner[1] in DRESSES or draw < 0.8:
        return inner, True
    return (*inner, int(rng.choice(LOWER))), True
