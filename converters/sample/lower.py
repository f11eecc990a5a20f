"""Trousers, shorts and skirts."""

from __future__ import annotations

import numpy as np

from converters.sample.cuts import LowerCut, Pose
from converters.sample.shape import MIRROR, Figure, Fold, Line, Part, Points, band, beside, join, points, spline

TOP = 0.92
_SIDES = (points((1.0, 1.0)), points(MIRROR))


def lower(cut: LowerCut, pose: Pose) -> Figure:
    """Sew trousers (8), shorts (7) or a skirt (9)."""
    return _skirt(cut) if cut.category == 9 else _legs(cut, pose)


def _waist(cut: LowerCut) -> Points:
    """Landmarks 1, 2, 3."""
    return points([(-cut.waist, TOP), (0, TOP + 0.025), (cut.waist, TOP)])


def _legs(cut: LowerCut, pose: Pose) -> Figure:
    waist = _waist(cut)
    crotch = points((0.0, cut.rise))
    left, right = (_leg(cut, spread) for spread in pose.legs)
    left_marks, left_knots = left
    right_marks, right_knots = right
    landmarks = join(waist, left_marks, crotch, (right_marks * MIRROR)[::-1])
    parts: list[Part] = []
    lines: list[Line] = []
    for knots, flip, spread in ((left_knots, _SIDES[0], pose.legs[0]), (right_knots, _SIDES[1], pose.legs[1])):
        corner = len(knots) // 2 - 1
        run = spline(join(waist[:1], knots, crotch), corners=(0, corner + 1, corner + 2))
        outline = join(run, spline(waist)[7::-1])
        parts.append(Part(outline * flip, grain=spread * float(flip[0, 0]), full=True, lift=0.3))
        hem = knots[corner : corner + 2]
        above = hem + (knots[[corner - 1, corner + 2]] - hem) * (0.16 if cut.category == 7 else 0.10)
        if cut.turn_up:
            cuff = join(hem + (hem - hem.mean(axis=0)) * 0.02, above[::-1])
            parts.append(Part(cuff * flip, tone=1.04, lift=0.35))
        lines.append(Line(above * flip, 0.008, -0.4, 0.0 if cut.turn_up else 0.02))
        if cut.pockets:
            pocket = points(
                [(-cut.waist * 0.62, TOP + cut.band_height), (-cut.waist * 0.72, TOP + 0.19), (-cut.hips, TOP + 0.25)]
            )
            lines += [
                Line(spline(pocket) * flip, 0.009, -0.55),
                Line(beside(spline(pocket), 0.02) * flip, 0.005, -0.3, 0.014),
            ]
    fly = points([(0.0, TOP + cut.band_height), (0.005, cut.rise - 0.12), (0.0, cut.rise)])
    lines += [Line(fly, 0.009, -0.5)]
    if cut.band != "elastic":
        lines.append(
            Line(
                spline(points([(0.055, TOP + cut.band_height), (0.05, TOP + 0.3), (0.005, TOP + 0.40)])),
                0.005,
                -0.4,
                0.014,
            )
        )
    band_parts, band_lines, buttons = _band(cut)
    return Figure(
        category=cut.category,
        landmarks=landmarks,
        behind=(Part(_back(cut), "inside", tone=0.6),),
        front=(*parts, *band_parts),
        lines=(*lines, *band_lines),
        folds=_leg_folds(cut, left_knots, right_knots),
        buttons=buttons,
        button_radius=0.02,
    )


def _leg(cut: LowerCut, spread: float) -> tuple[Points, Points]:
    """The left leg's landmarks (crotch not included) and its outline's inner points, outer hip to inner knee."""
    length = cut.length
    slant = np.tan(spread)
    centre = cut.hips * 0.52

    def at(y: float, half: float, sign: float) -> tuple[float, float]:
        return (-centre - slant * (y - cut.rise) + sign * half, y + slant * half * sign)

    if cut.category == 7:
        outer_hip = (-cut.hips, TOP + 0.36)
        hem_outer, hem_inner = at(length, cut.hem, -1), at(length, min(cut.hem, centre + 0.03), 1)
        marks = points([outer_hip, hem_outer, hem_inner])
        inner = (points(hem_inner) * 0.5 + points((-0.025, cut.rise)) * 0.5)[0]
        return marks, join(outer_hip, hem_outer, hem_inner, inner)
    knee_y = cut.rise + (length - cut.rise) * 0.47
    outer_thigh = (-cut.hips - slant * 0.1, cut.rise - 0.08)
    outer_knee, inner_knee = at(knee_y, cut.knee, -1), at(knee_y, cut.knee, 1)
    hem_outer, hem_inner = at(length, cut.hem, -1), at(length, cut.hem, 1)
    marks = points([outer_thigh, outer_knee, hem_outer, hem_inner, inner_knee])
    return marks, join(
        outer_thigh, outer_knee, hem_outer, hem_inner, inner_knee, (-0.055 - slant * 0.2, cut.rise + 0.2)
    )


def _back(cut: LowerCut) -> Points:
    """The inside of the waistband's back, seen above its front."""
    return spline(
        points([(-cut.waist, TOP), (0, TOP - 0.03), (cut.waist, TOP), (0, TOP + 0.03)]), corners=(0, 2), closed=True
    )


def _band(cut: LowerCut) -> tuple[list[Part], list[Line], tuple[tuple[float, float], ...]]:
    top = spline(_waist(cut))
    wide = 1 + 0.10 * cut.band_height / 0.08
    low = spline(_waist(cut) * points((wide, 1.0)) + points((0, cut.band_height)))
    strip = join(top, low[::-1])
    if cut.band == "elastic":
        gathers = [
            Line(join(top[place], low[place]), 0.010, -0.45 if place % 2 else 0.25) for place in range(1, len(top) - 1)
        ]
        return [Part(strip, "rib", tone=0.97, full=True)], [Line(low, 0.008, -0.5), *gathers], ()
    lines = [Line(low, 0.009, -0.5), Line(low - points((0, 0.014)), 0.005, -0.3, 0.014)]
    parts = [Part(strip, grain=np.pi / 2, tone=1.0)]
    if cut.band == "belt":
        parts.append(Part(join(top + points((0, 0.012)), (low - points((0, 0.012)))[::-1]), "trim", tone=0.9, lift=0.3))
        buckle = points(
            [
                (-0.05, TOP + 0.03),
                (0.05, TOP + 0.03),
                (0.05, TOP + cut.band_height + 0.02),
                (-0.05, TOP + cut.band_height + 0.02),
            ]
        )
        lines.append(Line(join(buckle, buckle[:1]), 0.014, 0.9))
    loops = [
        Part(band(points([(x, TOP + 0.005), (x * 1.05, TOP + cut.band_height + 0.02)]), 0.03), tone=1.05, lift=0.3)
        for x in (-0.2, 0.2)
    ]
    return [*parts, *loops], lines, ((0.0, TOP + 0.025 + cut.band_height / 2),) if cut.band != "belt" else ()


def _skirt(cut: LowerCut) -> Figure:
    waist = _waist(cut)
    hip_y = TOP + (cut.length - TOP) * 0.45
    at_hip = float(np.interp(hip_y, (TOP, TOP + 0.42, cut.length), (cut.waist, cut.hips, cut.hem)))
    left_side = points((-at_hip, hip_y))
    x = np.linspace(-1, 1, 41)
    phase = 6 + cut.character % 6
    wave = cut.wave * np.cos(x * phase) * (1 - x**4)
    hem = np.stack([x * cut.hem, cut.length + cut.hem_curve * (1 - x**2) + wave], axis=1)
    edge = spline(
        join(
            waist[:1],
            points((-np.interp(TOP + 0.22, (TOP, TOP + 0.42), (cut.waist, cut.hips)) - 0.01, TOP + 0.22)),
            left_side,
            hem[:1],
        )
    )
    outline = join(edge, hem[1:-1], edge[::-1] * MIRROR, spline(waist)[::-1][1:-1])
    landmarks = join(waist, left_side, hem[[0, 20, 40]], left_side * MIRROR)
    band_parts, band_lines, buttons = _band(cut)
    lines = [Line(hem - points((0, 0.04)), 0.006, -0.35, 0.02)]
    if cut.pockets and not cut.pleated:
        lines.append(Line(points([(0, TOP + cut.band_height), (0, cut.length + cut.hem_curve)]), 0.006, -0.35))
    if cut.turn_up and not cut.pleated:
        tier = cut.length * 0.6 + TOP * 0.4
        half = float(np.interp(tier, (TOP, TOP + 0.42, cut.length), (cut.waist, cut.hips, cut.hem)))
        lines.append(Line(spline(points([(-half, tier), (0, tier + cut.hem_curve * 0.7), (half, tier)])), 0.012, -0.5))
    return Figure(
        category=9,
        landmarks=landmarks,
        behind=(Part(_back(cut), "inside", tone=0.6),),
        front=(Part(outline, full=True, lift=0.3), *band_parts),
        lines=(*lines, *band_lines),
        folds=_skirt_folds(cut),
        buttons=() if cut.pleats > 3 else buttons,
        button_radius=0.02,
    )


def _skirt_folds(cut: LowerCut) -> tuple[Fold, ...]:
    rng = np.random.default_rng(cut.character)
    sharp = cut.pleated
    count = cut.pleats * 2 if sharp else 5 + int(16 * max(0.0, cut.hem - cut.hips))
    folds = []
    for place in np.linspace(-0.9, 0.9, count):
        jitter = place + (0.0 if sharp else float(rng.normal(0, 0.04)))
        start = np.array([jitter * cut.waist, TOP + (cut.band_height if sharp else rng.uniform(0.1, 0.4))])
        end = np.array([jitter * cut.hem, cut.length + cut.hem_curve * 0.5])
        middle = start * 0.45 + end * 0.55 + np.array([(cut.hips - cut.waist) * 0.4 * jitter, 0])
        depth = -0.8 if sharp else float(rng.uniform(-0.9, 0.9))
        folds.append(Fold(points([start, middle, end]), 0.03 if sharp else float(rng.uniform(0.04, 0.08)), depth))
    return tuple(folds)


def _leg_folds(cut: LowerCut, left: Points, right: Points) -> tuple[Fold, ...]:
    """Whiskers from the crotch, a crease down each leg, gathers at knee and hem."""
    rng = np.random.default_rng(cut.character)
    folds = []
    for flip, knots in ((_SIDES[0][0], left), (_SIDES[1][0], right)):
        for _ in range(3):
            start = np.array([-0.03, cut.rise - rng.uniform(0.0, 0.08)])
            end = np.array([-cut.hips * rng.uniform(0.5, 0.95), cut.rise - rng.uniform(-0.05, 0.3)])
            folds.append(
                Fold(points([start, (start + end) / 2 + (0, 0.02), end]) * flip, 0.035, float(rng.uniform(-0.9, 0.6)))
            )
        corner = len(knots) // 2 - 1
        hem = knots[corner : corner + 2].mean(axis=0)
        top = np.array([-cut.hips * 0.5, TOP + 0.3])
        folds.append(Fold(points([top, (top + hem) / 2, hem]) * flip, 0.05, float(rng.uniform(0.2, 0.8))))
        for _ in range(4 if cut.category == 8 else 2):
            t = rng.uniform(0.35, 1.0)
            centre = top + (hem - top) * t
            half = (0.15 if cut.category == 8 else 0.2) * rng.uniform(0.6, 1.0)
            tilt = rng.uniform(-0.08, 0.08)
            run = points([np.subtract(centre, (half, tilt)), centre, np.add(centre, (half, -tilt))]) * flip
            folds.append(Fold(run, 0.035, float(rng.uniform(-0.8, 0.6))))
    return tuple(folds)
