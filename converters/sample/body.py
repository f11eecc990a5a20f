"""The wearer: skin, hair and face, in the body frame of ``shape``; the crown at y = -0.7, the soles at 3.35."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converters.sample.cuts import LONG_SLEEVED, SHORT_SLEEVED, Cut, LowerCut, OutwearCut, Pose, UpperCut
from converters.sample.shape import (
    MIRROR,
    Figure,
    Line,
    Part,
    Points,
    band,
    circle,
    join,
    mirrored,
    points,
    spline,
)
from converters.sample.upper import down, width_at

Random = np.random.Generator

SIDES = (points((1.0, 1.0)), points(MIRROR))
"""What turns a left limb into a left and a right one."""
ANKLE = 3.1
_CROTCH, _HIPS = 1.5, 0.37
_LEG = ((1.3, 1.6, 1.9, 2.25, 2.5, 2.85, ANKLE), (0.17, 0.165, 0.135, 0.1, 0.11, 0.078, 0.062))
"""Heights, and half of a leg's width there."""


@dataclass(frozen=True)
class Limbs:
    """Where arms and legs are, each (left, right). An arm runs from the shoulder to the wrist, a leg from where the
    clothes leave it bare to the ankle; ``legs`` has half its width as a third column."""

    arms: tuple[Points, Points]
    legs: tuple[Points, Points]


def limbs(cuts: tuple[Cut, ...], pose: Pose) -> Limbs:
    """The limbs that fill these garments, innermost first, worn in this pose."""
    uppers = [cut.body if isinstance(cut, OutwearCut) else cut for cut in cuts if not isinstance(cut, LowerCut)]
    sleeved = [cut for cut in uppers if cut.category in (*SHORT_SLEEVED, *LONG_SLEEVED)]
    shoulder = points(sleeved[-1].shoulder)[0] if sleeved else np.array([0.42, 0.11])
    reach = max((cut.sleeve for cut in sleeved if cut.category in LONG_SLEEVED), default=1.26)
    left, right = (
        _arm(shoulder * MIRROR, reach, arm, elbow) for arm, elbow in zip(pose.arms, pose.elbows, strict=True)
    )
    one, other = (_leg(cuts[0], spread) for spread in pose.legs)
    return Limbs((left, right * MIRROR), (one, np.column_stack([other[:, :2] * MIRROR, other[:, 2]])))


def _arm(shoulder: Points, reach: float, arm: float, elbow: float) -> Points:
    """The middle line of a left arm, as ``upper.sleeve`` hangs a sleeve: shoulder, elbow, wrist on a curve."""
    run = []
    for t in (0.0, 0.25, 0.5, 0.75, 1.0):
        turn = arm - elbow * (0.5 if t == 0.5 else float(t > 0.5))
        along = reach * (min(t, 0.5) * down(arm) + max(0.0, t - 0.5) * down(arm - elbow))
        inwards = np.interp(t, (0.25, 1.0), (0.115, 0.08)) * np.array([np.cos(turn), np.sin(turn)])
        run.append(shoulder + along + inwards)
    return spline(run)


def _leg(cut: Cut, spread: float) -> Points:
    """A left leg from a little above the hem of ``cut``, what is worn below or a dress, down to the ankle."""
    body = cut.body if isinstance(cut, OutwearCut) else cut
    heights = np.linspace(body.length - 0.14, ANKLE, 9) if body.length < ANKLE - 0.1 else np.linspace(2.8, ANKLE, 4)
    halves = np.interp(heights, *_LEG)
    hips, rise = (cut.hips, cut.rise) if isinstance(cut, LowerCut) else (_HIPS, _CROTCH)
    middle = hips * 0.52 + np.tan(spread) * (heights - rise)
    if isinstance(body, UpperCut) or body.category == 9:
        half = float(width_at(body, body.length)) if isinstance(body, UpperCut) else body.hem
        outer = float(np.interp(body.length, heights, middle + halves))
        middle = np.maximum(middle - max(0.0, outer - half + 0.02), halves * 0.9)
    return np.column_stack([-middle, heights, halves])


def figure(*parts: Part, lines: tuple[Line, ...] = ()) -> Figure:
    """Something that is no garment: it has no category and no landmarks."""
    return Figure(category=0, landmarks=points([(0.0, 0.0)]), behind=(), front=parts, lines=lines)


def leg_outline(leg: Points, *, wider: float = 0.0) -> Points:
    """The closed outline of a leg, ``wider`` on each side."""
    half = points(np.column_stack([leg[:, 2] + wider, np.zeros(len(leg))]))
    return join(spline(leg[:, :2] - half), spline(leg[:, :2] + half)[::-1])


def bare(limbs: Limbs) -> Figure:
    """Legs, feet, neck, shoulders, arms and hands."""
    parts = [Part(leg_outline(leg), full=True) for leg in limbs.legs]
    parts += [Part(foot(leg), full=True) for leg in limbs.legs]
    parts.append(Part(_torso(), full=True))
    for arm in limbs.arms:
        widths = np.interp(np.linspace(0, 1, len(arm)), (0.0, 0.2, 0.5, 0.65, 1.0), (0.2, 0.18, 0.14, 0.145, 0.095))
        parts.append(Part(band(arm, widths), full=True, lift=0.15))
    parts += [Part(hand(arm, side), full=True) for arm, side in zip(limbs.arms, (1.0, -1.0), strict=True)]
    collar_bones = spline([(-0.26, 0.1), (-0.15, 0.125), (-0.04, 0.14)])
    lines = [Line(collar_bones * side, 0.012, -0.16) for side in SIDES]
    return figure(*parts, lines=tuple(lines))


def _torso() -> Points:
    left = spline(
        [(-0.085, -0.3), (-0.092, -0.12), (-0.14, -0.035), (-0.34, 0.085), (-0.4, 0.2), (-0.33, 0.48), (-0.22, 0.96)]
    )
    return join(left, mirrored(left))


def foot(leg: Points) -> Points:
    """A foot seen from the front, its toes turned out a little, in the place of ``sole``."""
    return sole(leg, [(-0.06, -0.06), (-0.065, 0.05), (-0.1, 0.16), (-0.075, 0.215), (0.0, 0.225), (0.07, 0.205),
                      (0.075, 0.14), (0.06, 0.04), (0.06, -0.06)])  # fmt: skip


def sole(leg: Points, run: list[tuple[float, float]]) -> Points:
    """A closed outline given around the ankle of ``leg``, as if it were a left one; it leans outwards."""
    side = -1.0 if leg[-1, 0] > 0 else 1.0
    outline = spline(run, closed=True)
    outline[:, 0] -= 0.12 * np.maximum(outline[:, 1], 0.0)
    moved: Points = outline * (side, 1.0) + leg[-1, :2]
    return moved


def hand(arm: Points, side: float) -> Points:
    """A hand that hangs from the wrist; ``side`` is 1 for the left one, -1 for the right one."""
    run = [(-0.03, -0.045), (0.06, -0.062), (0.14, -0.058), (0.21, -0.035), (0.235, 0.0), (0.2, 0.034), (0.14, 0.05),
           (0.13, 0.095), (0.09, 0.085), (0.03, 0.055), (-0.03, 0.045)]  # fmt: skip
    return at_wrist(arm, spline(run, closed=True) * (1.0, side))


def at_wrist(arm: Points, run: Points) -> Points:
    """Points given as (along the arm, towards the body) from the wrist of ``arm`` of the left side."""
    ahead = arm[-1] - arm[-3]
    ahead = ahead / np.hypot(*ahead)
    placed: Points = arm[-1] + run[:, :1] * ahead + run[:, 1:] * np.array([ahead[1], -ahead[0]])
    return placed


def head() -> Figure:
    """Ears, face, eyes, nose and mouth. The lips are the fabric's "trim", the white of the eyes is its "lining"."""
    half = [(0.0, -0.7), (-0.13, -0.67), (-0.195, -0.52), (-0.185, -0.33), (-0.115, -0.17), (0.0, -0.115)]
    face = spline([*half, *((-x, y) for x, y in half[-2:0:-1])], closed=True)
    ears = [Part(circle((-0.197, -0.4), 0.038, 12) * side, tone=0.92, full=True) for side in SIDES]
    mouth = spline([(-0.06, -0.228), (-0.02, -0.243), (0.02, -0.243), (0.06, -0.228), (0.0, -0.2)], closed=True)
    white = spline([(-0.13, -0.42), (-0.087, -0.445), (-0.045, -0.42), (-0.087, -0.4)], corners=(0, 2), closed=True)
    lines = [Line(points([(0.005, -0.4), (0.025, -0.32), (-0.015, -0.315)]), 0.012, -0.22)]
    for side in SIDES:
        lines += [
            Line(spline([(-0.135, -0.485), (-0.085, -0.508), (-0.04, -0.49)]) * side, 0.022, -0.6),
            Line(points([(-0.107, -0.422), (-0.067, -0.422)]) * side, 0.042, -0.9),
            Line(spline([(-0.135, -0.42), (-0.087, -0.448), (-0.04, -0.42)]) * side, 0.014, -0.7),
        ]
    eyes = [Part(white * side, "lining") for side in SIDES]
    return figure(*ears, Part(face, full=True, lift=0.5), *eyes, Part(mouth, "trim"), lines=tuple(lines))
