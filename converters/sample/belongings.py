"""What a wearer has on and carries besides garments: shoes, legwear, bags, accessories, other things."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from converters.sample.body import SIDES, Limbs, at_wrist, figure, leg_outline, sole
from converters.sample.fabrics import PALETTE, Fabric, draw_fabric, smooth, vary
from converters.sample.shape import MIRROR, Figure, Line, Part, Points, band, circle, join, points, spline

Random = np.random.Generator

BEHIND, LEGS, WORN, HEAD, HELD = range(5)
"""When a thing is painted: before the wearer, with the legs, over the garments, on the head, last of all."""


@dataclass(frozen=True)
class Thing:
    """Something of the class ``label``, in the body frame."""

    label: str
    when: int
    figure: Figure
    fabric: Fabric


def draw_shoes(limbs: Limbs, rng: Random) -> Thing:
    """A pair of shoes."""
    make = _SHOES[rng.integers(len(_SHOES))]
    parts, lines = [], []
    for leg in limbs.legs:
        more, seams = make(leg)
        parts += more
        lines += seams
    return Thing("shoes", LEGS, figure(*parts, lines=tuple(lines)), _leather(rng))


def _leather(rng: Random) -> Fabric:
    colour, other = (vary(PALETTE[rng.integers(len(PALETTE))], rng) for _ in range(2))
    return smooth(colour, trim=(238, 236, 230) if rng.random() < 0.5 else other)


_Shoe = tuple[list[Part], list[Line]]


def _sneaker(leg: Points) -> _Shoe:
    upper = sole(leg, [(-0.078, -0.1), (-0.085, 0.05), (-0.122, 0.16), (-0.1, 0.235), (0.0, 0.25), (0.095, 0.23),
                       (0.1, 0.15), (0.08, 0.04), (0.078, -0.1)])  # fmt: skip
    edge = sole(leg, [(-0.125, 0.175), (-0.1, 0.25), (0.0, 0.265), (0.098, 0.245), (0.105, 0.165), (0.08, 0.2),
                      (0.0, 0.222), (-0.09, 0.205)])  # fmt: skip
    side = -1.0 if leg[-1, 0] > 0 else 1.0
    laces = [
        Line(points([(-0.05, y), (0.04, y + 0.01)]) * (side, 1.0) + leg[-1, :2], 0.014, 0.6) for y in (0.0, 0.045, 0.09)
    ]
    return [Part(upper, full=True, lift=0.3), Part(edge, "trim")], laces


def _pump(leg: Points) -> _Shoe:
    toe = sole(leg, [(-0.1, 0.1), (-0.11, 0.17), (-0.07, 0.25), (0.0, 0.28), (0.065, 0.24), (0.09, 0.15), (0.07, 0.08),
                     (0.0, 0.15)])  # fmt: skip
    return [Part(toe, full=True, lift=0.3)], []


def _sandal(leg: Points) -> _Shoe:
    straps = [sole(leg, [(-0.11, y), (-0.1, y + 0.045), (0.085, y + 0.04), (0.09, y - 0.01), (0.0, y - 0.02)])
              for y in (0.0, 0.13)]  # fmt: skip
    edge = sole(leg, [(-0.12, 0.17), (-0.09, 0.25), (0.0, 0.26), (0.09, 0.24), (0.098, 0.17), (0.07, 0.21),
                      (0.0, 0.228), (-0.085, 0.212)])  # fmt: skip
    return [Part(edge, tone=0.8), *(Part(strap, full=True, lift=0.3) for strap in straps)], []


def _boot(leg: Points) -> _Shoe:
    upper, lines = _sneaker(leg)
    heights = np.linspace(2.5, leg[-1, 1], 6)
    shaft = np.column_stack(
        [np.interp(heights, leg[:, 1], leg[:, 0]), heights, np.interp(heights, leg[:, 1], leg[:, 2])]
    )
    return [upper[0], Part(leg_outline(shaft, wider=0.022), full=True, lift=0.2), upper[1]], lines[:1]


_SHOES: tuple[Callable[[Points], _Shoe], ...] = (_sneaker, _sneaker, _pump, _sandal, _boot)


def draw_legwear(limbs: Limbs, rng: Random) -> Thing:
    """Tights or leggings: cloth as close as skin."""
    parts = [Part(leg_outline(leg[leg[:, 1] < 3.02], wider=0.006), full=True) for leg in limbs.legs]
    return Thing("inner bottom", LEGS, figure(*parts), draw_fabric(rng, "plain" if rng.random() < 0.7 else None))


def draw_bag(limbs: Limbs, rng: Random) -> Iterator[Thing]:
    """A bag of one of four kinds: across the body, in the hand, under the arm or on the back."""
    fabric = draw_fabric(rng, "plain") if rng.random() < 0.75 else draw_fabric(rng)
    kind, side = int(rng.integers(4)), SIDES[rng.integers(2)]
    if kind == 3:
        yield Thing("bag", BEHIND, figure(Part(_box(points((0.0, 0.05)), 1.0, 1.0), full=True, tone=0.9)), fabric)
        strap = spline([(-0.27, 0.04), (-0.29, 0.3), (-0.33, 0.62)])
        yield Thing("bag", WORN, figure(*(Part(band(strap, 0.075) * flip, lift=0.35) for flip in SIDES)), fabric)
        return
    hold = at_wrist(limbs.arms[0] if side[0, 0] > 0 else limbs.arms[1] * MIRROR, points((0.15, 0.0)))
    parts = (_across, _under_arm, lambda rng: _in_hand(hold, rng))[kind](rng)
    turned = (replace(part, outline=part.outline * side) for part in parts)
    yield Thing("bag", HELD if kind == 2 else WORN, figure(*turned), fabric)


def _across(rng: Random) -> tuple[Part, ...]:
    hip = points((-0.47, 1.22 + rng.uniform(0, 0.2)))
    strap = spline(join((0.27, 0.05), (0.02, 0.55), np.add(hip, (0.1, -0.02))))
    body = _box(hip, rng.uniform(0.36, 0.5), rng.uniform(0.26, 0.36))
    return Part(band(strap, 0.035), "trim", lift=0.3), *_flapped(body)


def _under_arm(rng: Random) -> tuple[Part, ...]:
    strap = spline([(-0.3, 0.06), (-0.37, 0.3), (-0.4, 0.75)])
    body = _box(points((-0.43, 0.72)), 0.34, rng.uniform(0.3, 0.5))
    return Part(band(strap, 0.05), "trim", lift=0.3), *_flapped(body)


def _in_hand(hold: Points, rng: Random) -> tuple[Part, ...]:
    width, height = rng.uniform(0.36, 0.6), rng.uniform(0.32, 0.6)
    loop = spline(points([(-width * 0.3, 0.22), (-0.05, 0.01), (0.05, 0.01), (width * 0.3, 0.22)]) + hold)
    body = _box(np.add(hold, (0.0, 0.2)), width, height)
    return Part(body, full=True, lift=0.4), Part(band(loop, 0.028), "trim", lift=0.2)


def _box(top: Points, width: float, height: float) -> Points:
    """A bag's body that hangs from the middle of its upper edge, wider at its bottom."""
    half = points([(-0.43, 0), (0.43, 0), (0.5, 0.85), (0.4, 1), (-0.4, 1), (-0.5, 0.85)]) * (width, height)
    return spline(half + top, corners=(0, 1), closed=True)


def _flapped(body: Points) -> tuple[Part, Part]:
    top = body[:, 1].min()
    flap = points(np.column_stack([body[:, 0], top + (body[:, 1] - top) * 0.5]))
    return Part(body, full=True, lift=0.5), Part(flap, tone=1.05, lift=0.4)


def draw_accessories(limbs: Limbs, rng: Random, *, hat: bool) -> Iterator[Thing]:
    """Any of glasses, a scarf or a necklace, a watch, and a ``hat``."""
    if rng.random() < 0.3:
        yield Thing("accessories", HEAD, _glasses(dark=bool(rng.random() < 0.6)), _leather(rng))
    neck = rng.random()
    if neck < 0.16:
        yield Thing("accessories", WORN, _scarf(float(rng.uniform(0.5, 1.0))), draw_fabric(rng))
    elif neck < 0.36:
        yield Thing("accessories", WORN, _necklace(float(rng.uniform(0.16, 0.5))), _metal(rng))
    if rng.random() < 0.2:
        arm = limbs.arms[rng.integers(2)]
        strip = band(arm[-4:-1], 0.135)
        yield Thing(
            "accessories", WORN, figure(Part(strip, full=True), Part(circle(arm[-3], 0.055), "trim")), _metal(rng)
        )
    if hat:
        fabric = draw_fabric(rng, "plain" if rng.random() < 0.6 else None)
        yield Thing("accessories", HEAD, _HATS[rng.integers(len(_HATS))](), fabric)


def _metal(rng: Random) -> Fabric:
    colour = ((206, 170, 84), (186, 190, 196), (60, 58, 60), (224, 222, 214))[rng.integers(4)]
    return smooth(colour, trim=(236, 234, 228))


def _glasses(*, dark: bool) -> Figure:
    lens = spline([(-0.15, -0.46), (-0.085, -0.47), (-0.025, -0.455), (-0.03, -0.39), (-0.085, -0.365),
                   (-0.145, -0.395)], closed=True)  # fmt: skip
    rims = [Part(lens * side if dark else band(join(lens, lens[:2]) * side, 0.022)) for side in SIDES]
    bridge = band(points([(-0.04, -0.44), (0.04, -0.44)]), 0.022)
    bows = [Part(band(points([(-0.14, -0.445), (-0.2, -0.43)]) * side, 0.022)) for side in SIDES]
    return figure(*rims, Part(bridge), *bows)


def _scarf(length: float) -> Figure:
    ring = spline([(-0.17, -0.1), (0.0, -0.06), (0.17, -0.1), (0.24, 0.04), (0.0, 0.2), (-0.24, 0.04)], closed=True)
    end = spline([(0.03, 0.1), (0.2, 0.1), (0.23, length), (0.05, length)], corners=(0, 1, 2, 3), closed=True)
    wraps = [Line(spline([(-0.2, 0.0), (0.0, 0.07), (0.2, 0.0)]), 0.02, -0.35)]
    return figure(Part(end, full=True, lift=0.5), Part(ring, full=True, lift=0.5), lines=tuple(wraps))


def _necklace(depth: float) -> Figure:
    chain = spline([(-0.14, -0.02), (-0.1, depth * 0.6), (0.0, depth), (0.1, depth * 0.6), (0.14, -0.02)])
    return figure(Part(band(chain, 0.022), lift=0.2), Part(circle((0.0, depth + 0.03), 0.042), full=True, lift=0.3))


def _cap() -> Figure:
    dome = spline([(-0.235, -0.54), (-0.2, -0.74), (0.0, -0.82), (0.2, -0.74), (0.235, -0.54), (0.0, -0.57)],
                  corners=(0, 4), closed=True)  # fmt: skip
    visor = spline(
        [(-0.2, -0.56), (0.0, -0.6), (0.2, -0.56), (0.17, -0.485), (0.0, -0.46), (-0.17, -0.485)], closed=True
    )
    return figure(Part(dome, full=True, lift=0.3), Part(visor, "trim", full=True, lift=0.6))


def _beanie() -> Figure:
    dome = spline([(-0.235, -0.53), (-0.225, -0.72), (0.0, -0.88), (0.225, -0.72), (0.235, -0.53)])
    brim = join(
        spline([(-0.245, -0.62), (0.0, -0.65), (0.245, -0.62)]), spline([(0.24, -0.5), (0, -0.53), (-0.24, -0.5)])
    )
    return figure(Part(join(dome, (0.0, -0.55)), full=True, lift=0.3), Part(brim, "rib", full=True, lift=0.3))


def _brimmed() -> Figure:
    crown = spline([(-0.21, -0.56), (-0.19, -0.8), (-0.08, -0.87), (0.08, -0.87), (0.19, -0.8), (0.21, -0.56)])
    brim = spline([(-0.46, -0.55), (-0.2, -0.62), (0.0, -0.63), (0.2, -0.62), (0.46, -0.55), (0.2, -0.5), (0.0, -0.49),
                   (-0.2, -0.5)], closed=True)  # fmt: skip
    ribbon = band(spline([(-0.208, -0.63), (0.0, -0.66), (0.208, -0.63)]), 0.05)
    return figure(Part(brim, full=True, lift=0.6), Part(crown, full=True, lift=0.3), Part(ribbon, "trim"))


_HATS: tuple[Callable[[], Figure], ...] = (_cap, _beanie, _brimmed)


def draw_other(limbs: Limbs, rng: Random) -> Thing:
    """A cup, a telephone, an umbrella or a balloon in the viewer's right hand."""
    hold = at_wrist(limbs.arms[1] * MIRROR, points((0.14, 0.03)))[0] * MIRROR
    held = _OTHERS[rng.integers(len(_OTHERS))](hold)
    return Thing("other", HELD, held, _leather(rng))


def _cup(hold: Points) -> Figure:
    body = points([(-0.08, -0.17), (0.08, -0.17), (0.06, 0.12), (-0.06, 0.12)]) + hold
    lid = points([(-0.09, -0.2), (0.09, -0.2), (0.09, -0.16), (-0.09, -0.16)]) + hold
    return figure(Part(body, full=True, lift=0.3), Part(lid, "trim", lift=0.2))


def _telephone(hold: Points) -> Figure:
    case = points([(-0.075, -0.17), (0.075, -0.17), (0.075, 0.15), (-0.075, 0.15)]) + hold
    return figure(Part(case, lift=0.3), Part((case - hold) * 0.82 + hold, "trim", tone=0.8))


def _umbrella(hold: Points) -> Figure:
    cloth = points([(-0.075, 0.14), (0.075, 0.14), (0.1, 0.3), (0.02, 1.3), (-0.02, 1.3), (-0.1, 0.3)]) + hold
    stick = band(points([(0.0, -0.12), (0.0, 0.16)]) + hold, 0.04)
    folds = (Line(points([(0.02, 0.2), (0.0, 1.25)]) + hold, 0.02, -0.4),)
    return figure(Part(stick, "trim"), Part(cloth, full=True, lift=0.3), lines=folds)


def _balloon(hold: Points) -> Figure:
    string = spline(points([(0.0, 0.0), (0.08, -0.4), (0.25, -0.85)]) + hold)
    ball = circle((0.0, 0.0), 0.27, 28) * (0.88, 1.1) + np.add(hold, (0.25, -1.15))
    return figure(Part(band(string, 0.02), "trim"), Part(ball, full=True, lift=0.2))


_OTHERS: tuple[Callable[[Points], Figure], ...] = (_cup, _telephone, _umbrella, _balloon)
