"""Tops and dresses: from a cut and a pose to pieces of cloth and landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from converters.sample.cuts import LONG_SLEEVED, SHORT_SLEEVED, STRAPPED, Pose, UpperCut
from converters.sample.shape import (
    MIRROR,
    Figure,
    Fold,
    Line,
    Part,
    Points,
    along,
    band,
    beside,
    join,
    mirrored,
    points,
    spline,
)

WAIST, HIPS = 0.92, 1.35
SHORT_ARM = 0.45
"""Short sleeves stand off however far the arms hang down (radians)."""
SIDES = {1: 2, 2: 2, 3: 2, 4: 2, 5: 1, 6: 1, 10: 4, 11: 4, 12: 3, 13: 3}
"""How many landmarks lie evenly between armpit and hem, by category."""


@dataclass(frozen=True)
class Sleeve:
    """A left sleeve: its landmarks from outer middle to inner middle, its piece of cloth, its cuff."""

    landmarks: Points
    outline: Points
    cuff: Points
    axis: Points
    angle: float


def width_at(cut: UpperCut, y: ArrayLike) -> NDArray[np.float64]:
    """Half the body's width at height ``y``."""
    bottom = max(cut.length, HIPS + 0.1)
    heights = (cut.armpit[1], WAIST, HIPS, bottom)
    halves = (cut.armpit[0], cut.waist, cut.hips, cut.hem)
    return np.asarray(np.interp(np.asarray(y), heights, halves), dtype=np.float64)


def side(cut: UpperCut) -> tuple[Points, Points]:
    """The left side from the armpit to the hem's end: its landmarks (armpit and hem not included) and its curve."""
    count = SIDES[cut.category]
    top, bottom = cut.armpit[1], cut.length
    heights = top + (bottom - top) * np.arange(1, count + 1) / (count + 1)
    knots = np.stack([-width_at(cut, heights), heights], axis=1)
    ends = points([(-cut.armpit[0], top), (-float(width_at(cut, bottom)), bottom)])
    return knots, spline(join(ends[:1], knots, ends[1:]))


def hem_line(cut: UpperCut) -> Points:
    """The hem from left to right, with its waves; 41 points, the middle one at x = 0."""
    half = float(width_at(cut, cut.length))
    x = np.linspace(-1, 1, 41)
    wave = cut.wave * np.cos(x * (7 + cut.character % 5)) * (1 - x**4)
    return np.stack([x * half, cut.length + cut.hem_curve * (1 - x**2) + wave], axis=1)


def sleeve(cut: UpperCut, arm: float, elbow: float) -> Sleeve:
    """A left sleeve hanging ``arm`` radians off the vertical, its lower half turned in by ``elbow``."""
    shoulder, armpit = points((-cut.shoulder[0], cut.shoulder[1]))[0], points((-cut.armpit[0], cut.armpit[1]))[0]
    long = cut.category in LONG_SLEEVED
    if not long:
        arm = max(arm, SHORT_ARM)
    fractions = np.array([0.25, 0.5, 0.75, 1.0]) if long else np.array([0.5, 1.0])
    bend = elbow if long else 0.0
    outer, inner = [], []
    for t in fractions:
        upper, lower = min(t, 0.5), max(0.0, t - 0.5)
        turn = arm - bend * (0.5 if t == 0.5 else float(t > 0.5))
        reach = cut.sleeve * (upper * down(arm) + lower * down(arm - bend))
        bulge = (0.03 + cut.puff) * np.sin(np.pi * min(t, 0.9))
        across = np.array([np.cos(turn), np.sin(turn)])
        width = np.interp(t, (0.2, 1.0), (0.30, cut.cuff)) + cut.puff * np.sin(np.pi * t)
        outer.append(shoulder + reach - across * bulge)
        inner.append(shoulder + reach + across * (width - bulge))
    del inner[0]
    last = (armpit + inner[0]) / 2
    under = np.array(inner[::-1])
    landmarks = join(np.array(outer), under, last)
    seam = armhole(cut)
    crown = points((-cut.shoulder[0] + 0.05, cut.shoulder[1] - 0.012))
    run = join(crown, shoulder, landmarks, armpit)
    cuff_at = 2 + len(outer) - 1
    outline = join(spline(run, corners=(0, cuff_at, cuff_at + 1)), seam[::-1])
    depth = 0.055 / cut.sleeve if not long else 0.08 / cut.sleeve
    edge = join(outer[-1], under[0])
    above = edge + (join(outer[-2], (under[1] if len(under) > 1 else last)) - edge) * depth * (4 if long else 2)
    middle = join(shoulder * 0.6 + armpit * 0.4, (np.array(outer[1:]) + under[::-1]) / 2 if long else edge.mean(axis=0))
    return Sleeve(landmarks, outline, join(edge, above[::-1]), spline(middle), arm)


def down(angle: float) -> Points:
    return np.array([-np.sin(angle), np.cos(angle)])


def armhole(cut: UpperCut) -> Points:
    """The left seam between body and sleeve, from the shoulder's end down to the armpit."""
    shoulder, armpit = points((-cut.shoulder[0], cut.shoulder[1])), points((-cut.armpit[0], cut.armpit[1]))
    if cut.category in STRAPPED:
        start = points((-cut.neck_width, _bust(cut)))
        return spline(join(start, (start * 0.45 + armpit * 0.55) + points((0.035, 0.02)), armpit))
    inset = min(cut.shoulder[0], cut.armpit[0]) - (0.035 if cut.category in (*SHORT_SLEEVED, *LONG_SLEEVED) else 0.075)
    height = cut.shoulder[1] * 0.4 + cut.armpit[1] * 0.6
    return spline(join(shoulder, points((-inset, height)), armpit))


def _bust(cut: UpperCut) -> float:
    """How low the neckline's left and right ends are."""
    return 0.33 if cut.category in STRAPPED else (-0.1 if cut.neck == "high" else 0.0)


def neckline(cut: UpperCut) -> tuple[Points, Points, Points]:
    """Landmarks 1 to 6, the front edge from left to right, and the back edge from left to right."""
    half, low, top = cut.neck_width, cut.neck_depth, _bust(cut)
    corners: tuple[int, ...] = ()
    match cut.neck:
        case "v" | "collar":
            third, corners = (-half * 0.52, top + (low - top) * 0.5), (2,)
        case "square":
            third, corners = (-half * 0.93, low - 0.012), (1, 3)
        case "sweetheart":
            third, corners, low = (-half * 0.55, top - 0.025), (2,), top + 0.06
        case "straight":
            third, low = (-half * 0.5, top + 0.012), top + 0.02
        case "cowl":
            third = (-half * 0.6, top + (low - top) * 0.66)
        case "high":
            third, low = (-half * 0.6, top + 0.022), top + 0.03
        case _:
            third = (-half * 0.74, top + (low - top) * 0.60)
    third_right = (-third[0], third[1])
    front = points([(-half, top), third, (0, low), third_right, (half, top)])
    back_low = min(cut.back_depth, low - 0.012) if cut.neck != "high" else top + 0.012
    back = points([(-half, top), (0, back_low), (half, top)])
    return join(back[1], front), spline(front, corners), spline(back)


def upper(cut: UpperCut, pose: Pose) -> Figure:
    """Sew a top or a dress."""
    neck, front_edge, back_edge = neckline(cut)
    side_marks, side_curve = side(cut)
    hem = hem_line(cut)
    hole = armhole(cut)
    strapped = cut.category in STRAPPED
    shoulder = points((-cut.shoulder[0], cut.shoulder[1]))
    left_edge = join(hole, side_curve[1:])
    body = join(left_edge, hem[1:-1], mirrored(left_edge), front_edge[::-1])

    flesh: list[Part] = [Part(body, full=True, lift=0.3)]
    lines: list[Line] = []
    marks_left = marks_right = join(side_curve[:1], side_marks)
    if cut.category in (*SHORT_SLEEVED, *LONG_SLEEVED):
        left, right = (sleeve(cut, arm, elbow) for arm, elbow in zip(pose.arms, pose.elbows, strict=True))
        for one, flip in ((left, points((1.0, 1.0))), (right, points(MIRROR))):
            grain = one.angle if flip[0, 0] > 0 else -one.angle
            flesh.append(Part(one.outline * flip, grain=grain, full=True, lift=0.55))
            flesh.append(Part(one.cuff * flip, "rib" if cut.ribbed else "fabric", grain=grain, tone=0.96))
            lines.append(Line(one.cuff[2:] * flip, 0.007, -0.4, 0.0 if cut.ribbed else 0.02))
        lines += [Line(hole, 0.009), Line(hole * MIRROR, 0.009)]
        marks_left, marks_right = join(left.landmarks, marks_left), join(right.landmarks, marks_right)
    landmarks = join(neck, shoulder, marks_left, hem[[0, 20, 40]], mirrored(marks_right), shoulder * MIRROR)

    behind = [Part(join(back_edge, front_edge[::-1]), "inside", tone=0.62)]
    if strapped:
        straps = _straps(cut)
        behind += [Part(strap, "inside", tone=0.75) for strap in straps[1]]
        flesh += [Part(strap, tone=0.97, lift=0.4) for strap in straps[0]]
    details = _details(cut, front_edge, back_edge, hem)
    return Figure(
        category=cut.category,
        landmarks=landmarks,
        behind=(*behind, *details.behind),
        front=(*flesh, *details.front),
        lines=(*lines, *details.lines),
        folds=upper_folds(cut, pose),
        buttons=details.buttons,
    )


def _straps(cut: UpperCut) -> tuple[list[Points], list[Points]]:
    """Front straps up from the neckline's ends, back straps down again behind."""
    width = 0.028 + 0.02 * (cut.character % 7) / 7
    corner, end = points((-cut.neck_width, _bust(cut) + 0.012)), points((-cut.shoulder[0], cut.shoulder[1]))
    middle = (corner + end) / 2
    front = band(spline(join(corner, middle + points((-0.012, 0)), end)), width)
    back = band(
        spline(join(end, middle + points((0.06, -0.02)), points((-cut.neck_width * 0.72, _bust(cut) + 0.06)))), width
    )
    return [front, front * MIRROR], [back, back * MIRROR]


@dataclass
class Details:
    """What is sewn on."""

    behind: list[Part]
    front: list[Part]
    lines: list[Line]
    buttons: tuple[tuple[float, float], ...] = ()


def _details(cut: UpperCut, front_edge: Points, back_edge: Points, hem: Points) -> Details:
    lines = [Line(hem - points((0, 0.035)), 0.006, -0.35, 0.02)]
    parts: list[Part] = []
    behind: list[Part] = []
    buttons: list[tuple[float, float]] = []
    rib = "rib" if cut.ribbed else "fabric"
    if cut.neck in ("crew", "boat", "scoop"):
        parts.append(Part(band(beside(front_edge, -0.018), 0.04), rib, tone=0.94, lift=0.1))
        behind.append(Part(band(beside(back_edge, 0.012), 0.034), rib, tone=0.72))
        lines.append(Line(beside(front_edge, -0.042)[2:-2], 0.006, -0.4))
    elif cut.neck == "high":
        below = points([(-cut.neck_width - 0.03, 0.03), (0, 0.085), (cut.neck_width + 0.03, 0.03)])
        parts.append(Part(join(front_edge, spline(below)[::-1]), rib, tone=0.97, lift=0.3, full=True))
        lines.append(Line(spline(below), 0.008, -0.4))
    elif cut.neck != "collar":
        lines.append(Line(beside(front_edge, -0.03)[2:-2], 0.006, -0.4, 0.018))
    if cut.neck == "collar":
        for flip in (points((1.0, 1.0)), points(MIRROR)):
            parts.append(Part(_collar(cut) * flip, tone=1.04, lift=0.5))
            lines.append(Line(along(_collar(cut), np.linspace(0.30, 0.72, 9)) * flip * 0.985, 0.005, -0.3, 0.014))
        behind.append(Part(band(beside(back_edge, 0.0), 0.07), "fabric", tone=0.8))
    if cut.closure == "buttons":
        bottom = min(cut.length, cut.neck_depth + 0.32) if cut.placket else cut.length
        start = cut.neck_depth + 0.01
        for x in (-0.032, 0.032):
            lines.append(Line(points([(x, start), (x, bottom)]), 0.006, -0.4))
        count = max(2, round((bottom - start) / 0.17))
        buttons += [(0.0, float(y)) for y in np.linspace(start + 0.05, bottom - 0.07, count)]
    if cut.chest_pocket:
        x, y = 0.11, 0.46
        patch = points([(x, y), (x + 0.16, y), (x + 0.16, y + 0.15), (x + 0.08, y + 0.19), (x, y + 0.15)])
        parts.append(Part(patch, tone=0.98, lift=0.12))
        lines.append(Line(join(patch, patch[:1]), 0.005, -0.4))
        lines.append(Line(points([(x, y + 0.03), (x + 0.16, y + 0.03)]), 0.005, -0.3, 0.014))
    half = float(width_at(cut, WAIST))
    if cut.waist_seam != "none":
        seam = spline(points([(-half, WAIST), (0, WAIST + 0.025), (half, WAIST)]))
        if cut.waist_seam == "belt":
            parts.append(Part(band(seam, 0.07), "trim", lift=0.35))
        else:
            lines.append(Line(seam, 0.010, -0.55))
    return Details(behind, parts, lines, tuple(buttons))


def _collar(cut: UpperCut) -> Points:
    """The left half of a shirt's collar."""
    half, low = cut.neck_width, cut.neck_depth
    return points(
        [
            (-half * 0.9, -0.035),
            (-half - 0.035, 0.0),
            (-half - 0.03, 0.13),
            (-0.115, low + 0.085),
            (0.0, low),
            (-half * 0.62, low * 0.42),
        ]
    )


def upper_folds(cut: UpperCut, pose: Pose) -> tuple[Fold, ...]:
    """Creases from the armpits, across the waist, down a flared skirt and around the elbows."""
    rng = np.random.default_rng(cut.character)
    folds: list[Fold] = []
    chest, top = cut.armpit
    for sign in (-1.0, 1.0):
        for _ in range(3):
            start = np.array([sign * chest * rng.uniform(0.8, 0.98), top + rng.uniform(0.0, 0.1)])
            end = np.array([sign * chest * rng.uniform(0.1, 0.5), top + rng.uniform(0.15, 0.55)])
            folds.append(_fold(start, end, rng, width=rng.uniform(0.03, 0.06), depth=rng.uniform(-0.9, 0.6)))
    for _ in range(4):
        y = rng.uniform(0.75, min(cut.length - 0.08, 1.1))
        sign = rng.choice([-1.0, 1.0])
        half = float(width_at(cut, y))
        start = np.array([sign * half * 0.98, y])
        end = np.array([sign * half * rng.uniform(0.0, 0.5), y + rng.uniform(-0.06, 0.12)])
        folds.append(_fold(start, end, rng, width=rng.uniform(0.03, 0.05), depth=rng.uniform(-0.8, 0.6)))
    if cut.is_dress:
        count = max(cut.pleats, 4 + int(24 * max(0.0, cut.hem - cut.hips) / 2))
        for place in np.linspace(-0.85, 0.85, count):
            jitter = place + rng.normal(0, 0.03)
            start = np.array([jitter * cut.waist, WAIST + rng.uniform(0.02, 0.2)])
            end = np.array([jitter * cut.hem, cut.length])
            folds.append(Fold(points([start, (start + end) / 2, end]), rng.uniform(0.03, 0.07), rng.uniform(-0.9, 0.9)))
    else:
        for _ in range(3):
            x = rng.uniform(-0.8, 0.8)
            start, end = np.array([x * cut.waist, cut.length * 0.68]), np.array([x * cut.hem * 1.05, cut.length])
            folds.append(_fold(start, end, rng, width=rng.uniform(0.04, 0.07), depth=rng.uniform(-0.6, 0.6)))
    if cut.category in LONG_SLEEVED:
        for sign, arm, elbow in ((1.0, pose.arms[0], pose.elbows[0]), (-1.0, pose.arms[1], pose.elbows[1])):
            folds += _elbow_folds(sleeve(cut, arm, elbow).axis * (sign, 1.0), rng)
    return tuple(folds)


def _fold(start: Points, end: Points, rng: np.random.Generator, *, width: float, depth: float) -> Fold:
    bow = (end - start)[::-1] * MIRROR * rng.uniform(-0.15, 0.15)
    return Fold(spline(join(start, (start + end) / 2 + bow, end), steps=4), width, depth)


def _elbow_folds(axis: Points, rng: np.random.Generator) -> list[Fold]:
    folds = []
    for place in rng.uniform(0.15, 0.9, 5):
        centre, ahead = along(axis, [place, min(1.0, place + 0.05)])
        across = (ahead - centre)[::-1] * MIRROR
        across *= 0.1 / max(1e-6, float(np.hypot(*across)))
        lean = (ahead - centre) * rng.uniform(-1.5, 1.5)
        folds.append(
            Fold(points([centre - across - lean, centre, centre + across + lean]), 0.04, float(rng.uniform(-0.9, 0.7)))
        )
    return folds
