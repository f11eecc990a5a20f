"""Jackets, blazers, cardigans and coats: worn open, two panels apart, with lapels or a collar."""

from __future__ import annotations

import numpy as np

from converters.sample.cuts import OutwearCut, Pose
from converters.sample.shape import MIRROR, Figure, Fold, Line, Part, Points, along, band, beside, join, points, spline
from converters.sample.upper import armhole, side, sleeve, upper_folds, width_at

_SIDES = (points((1.0, 1.0)), points(MIRROR))


def outwear(cut: OutwearCut, pose: Pose) -> Figure:
    """Sew outwear. The lining is behind, so that another garment may be painted between it and the panels."""
    body = cut.body
    side_marks, side_curve = side(body)
    hole = armhole(body)
    edge_marks, edge = opening(cut)
    hem = _hem(cut)
    neck = edge_marks[:1]
    shoulder = points((-body.shoulder[0], body.shoulder[1]))
    panel = join(hole, side_curve[1:], hem[1:], edge[::-1], neck)

    left, right = (sleeve(body, arm, elbow) for arm, elbow in zip(pose.arms, pose.elbows, strict=True))
    parts: list[Part] = []
    lines: list[Line] = []
    for one, flip in ((left, _SIDES[0]), (right, _SIDES[1])):
        grain = one.angle * float(flip[0, 0])
        parts.append(Part(panel * flip, full=True, lift=0.6))
        lines += [Line(hole * flip, 0.010), Line(hem * flip - points((0, 0.035)), 0.006, -0.35, 0.02)]
        lines += [Line(edge * flip, 0.010, -0.6), Line(beside(edge, 0.03)[6:] * flip, 0.006, -0.35, 0.02)]
        parts.append(Part(one.outline * flip, grain=grain, full=True, lift=0.6))
        parts.append(Part(one.cuff * flip, "rib" if body.ribbed else "fabric", grain=grain, tone=0.95))
        lines.append(Line(one.cuff[2:] * flip, 0.008, -0.45))
    collar, collar_lines = _collar(cut, edge, hem)
    back = points((0.0, body.back_depth))

    # 2 collar, 3 lapel, 4 top of the opening, then the opening's two points and the inner end of the hem.
    collar_mark, lapel, top, upper_edge, lower_edge, inner_hem = edge_marks
    left_marks = join(left.landmarks, side_curve[:1], side_marks, hem[:1], inner_hem)
    right_marks = join(right.landmarks, side_curve[:1], side_marks, hem[:1])
    other = [mark * MIRROR for mark in (top, upper_edge, lower_edge, inner_hem)]
    landmarks = join(
        *(back, collar_mark, lapel, top, lapel * MIRROR, collar_mark * MIRROR),
        *(shoulder, left_marks, right_marks[::-1] * MIRROR, shoulder * MIRROR),
        *(*other, upper_edge, lower_edge),
    )
    details, more_lines, buttons = _details(cut, edge)
    return Figure(
        category=body.category,
        landmarks=landmarks,
        behind=_lining(cut, edge, hem),
        front=(*parts, *details, *collar),
        lines=(*lines, *collar_lines, *more_lines),
        folds=(*upper_folds(body, pose), *_drape(cut)),
        buttons=buttons,
        button_radius=0.024,
    )


def opening(cut: OutwearCut) -> tuple[Points, Points]:
    """The left panel's inner edge: six landmarks from the collar to the hem, and the curve through them."""
    top, bottom = cut.gap
    start, end = cut.opening, cut.body.length
    third = (end - start) / 3
    lean = (bottom - top) / 3
    half = cut.body.neck_width
    knots = points(
        [
            (-half, 0.0),
            (-(half * 0.55 + top * 0.45) - 0.01, start * 0.5),
            (-top, start),
            (-top - lean * 0.8, start + third),
            (-top - lean * 1.8, start + 2 * third),
            (-bottom, end),
        ]
    )
    return knots, spline(knots)


def _hem(cut: OutwearCut) -> Points:
    """The left panel's hem from its outer to its inner end."""
    half, y = float(width_at(cut.body, cut.body.length)), cut.body.length
    return spline(points([(-half, y), (-(half + cut.gap[1]) / 2, y + 0.02), (-cut.gap[1], y)]))


def _lining(cut: OutwearCut, edge: Points, hem: Points) -> tuple[Part, ...]:
    """The inside of the back, seen through the opening, and the back of the collar."""
    low = hem[-1:] * (1.0, 0.985)
    back = points([(-cut.body.neck_width, 0.0), (0.0, cut.body.back_depth), (cut.body.neck_width, 0.0)])
    inside = join(spline(back), edge[1:-1] * MIRROR, low * MIRROR, low, edge[1:-1][::-1])
    label = points([(-0.045, 0.10), (0.045, 0.10), (0.045, 0.15), (-0.045, 0.15)])
    stand = band(spline(back - points((0, 0.005))), 0.06)
    return (Part(inside, "lining", tone=0.62), Part(stand, "inside", tone=0.85), Part(label, "trim", tone=1.1))


def _collar(cut: OutwearCut, edge: Points, hem: Points) -> tuple[list[Part], list[Line]]:
    parts: list[Part] = []
    lines: list[Line] = []
    half, start = cut.body.neck_width, cut.opening
    knots, _ = opening(cut)
    for flip in _SIDES:
        if cut.kind == "blazer":
            wide = cut.lapel
            notch = knots[1] + points((-wide * 0.72, -start * 0.14))[0]
            tip = knots[1] + points((-wide, -start * 0.02))[0]
            lapel = join(
                edge[4:15],
                points(knots[2] + (-0.012, 0.0)),
                points(tip * 0.75 + knots[2] * 0.25 + (-0.015, 0)),
                tip,
                notch,
            )
            flap = join(
                points([(-half * 0.92, -0.035), (-half - 0.05, 0.0), (-half - 0.06, 0.1)]),
                np.add(notch, (0.0, -0.03)),
                notch,
                edge[4],
            )
            parts += [Part(lapel * flip, grain=0.35 * float(flip[0, 0]), tone=1.05, lift=0.5)]
            parts += [Part(flap * flip, grain=-0.5 * float(flip[0, 0]), tone=1.0, lift=0.5)]
            lines += [Line(lapel[10:] * flip, 0.007, -0.5), Line(flap[1:] * flip, 0.007, -0.5)]
        elif cut.kind == "shirt":
            flap = points(
                [
                    (-half * 0.85, -0.04),
                    (-half - 0.06, 0.0),
                    (-half - 0.10, 0.17),
                    (-half * 0.75 - 0.04, start + 0.02),
                    (-half * 0.8, 0.12),
                ]
            )
            parts.append(Part(flap * flip, grain=-0.4 * float(flip[0, 0]), tone=1.04, lift=0.55))
            lines.append(Line(flap[1:4] * flip * (0.985, 0.97), 0.006, -0.35, 0.018))
        else:
            parts.append(Part(band(beside(edge, 0.02), 0.05) * flip, "rib", tone=0.93, lift=0.25))
            lines.append(Line(beside(edge, 0.046) * flip, 0.006, -0.4))
    if cut.body.ribbed:
        for flip in _SIDES:
            low = hem * flip
            parts.append(Part(join(low, (low - points((0, 0.075)))[::-1]), "rib", tone=0.93))
            lines.append(Line(low - points((0, 0.075)), 0.008, -0.45))
    return parts, lines


def _details(cut: OutwearCut, edge: Points) -> tuple[list[Part], list[Line], tuple[tuple[float, float], ...]]:
    """Pockets, buttons, a zip."""
    parts: list[Part] = []
    lines: list[Line] = []
    buttons: list[tuple[float, float]] = []
    y = min(cut.body.length - 0.33, 1.05)
    x = (float(width_at(cut.body, y)) + cut.gap[1]) / 2
    for sign, flip in ((-1.0, _SIDES[1]), (1.0, _SIDES[0])):
        if cut.kind == "shirt":
            chest = (
                points([(x - 0.11, 0.52), (x + 0.07, 0.52), (x + 0.07, 0.60), (x - 0.02, 0.63), (x - 0.11, 0.60)])
                * flip
            )
            below = points([(x - 0.10, 0.60), (x - 0.10, 0.78), (x + 0.06, 0.78), (x + 0.06, 0.60)]) * flip
            parts.append(Part(chest, tone=1.02, lift=0.3))
            lines += [Line(below, 0.006, -0.4), Line(join(chest, chest[:1]), 0.006, -0.4)]
            buttons.append((sign * (x - 0.02), 0.60))
        else:
            slot = points([(x - 0.11, y), (x + 0.09, y - 0.02), (x + 0.09, y + 0.035), (x - 0.11, y + 0.055)]) * flip
            parts.append(Part(slot, tone=1.03, lift=0.3))
            lines.append(Line(join(slot, slot[:1]), 0.005, -0.4))
        if cut.kind == "zip":
            lines += [Line(edge * flip, 0.018, 0.8, 0.012), Line(edge * flip, 0.006, -0.8)]
    if cut.kind in ("blazer", "cardigan", "shirt"):
        start = along(edge, np.linspace(0.45, 0.93, 3 if cut.kind == "blazer" else 5))
        buttons += [(float(px) * -1 + 0.04, float(py)) for px, py in start]
    return parts, lines, tuple(buttons)


def _drape(cut: OutwearCut) -> list[Fold]:
    """Long soft folds down each panel."""
    rng = np.random.default_rng(cut.body.character + 1)
    folds = []
    for sign in (-1.0, 1.0):
        for _ in range(2):
            x = rng.uniform(cut.gap[1] + 0.05, cut.body.hem)
            run = points([(sign * x * 0.9, 0.6), (sign * x, cut.body.length * 0.8), (sign * x * 1.02, cut.body.length)])
            folds.append(Fold(run, rng.uniform(0.04, 0.08), float(rng.uniform(-0.7, 0.7))))
    return folds
