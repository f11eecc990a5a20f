"""How hair is worn: what hangs behind the head, what lies on it, what falls over the shoulders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converters.sample.fabrics import PALETTE, Colour, Fabric, smooth, vary
from converters.sample.noise import cloud
from converters.sample.shape import MIRROR, Part, Points, band, circle, join, points, spline

Random = np.random.Generator

STYLES = ("short", "fringe", "bob", "long", "strands", "ponytail", "bun", "curls", "none")
_WEIGHTS = (0.18, 0.12, 0.14, 0.17, 0.15, 0.08, 0.07, 0.06, 0.03)
_COLOURS: tuple[Colour, ...] = (
    (24, 20, 20), (44, 32, 28), (74, 50, 36), (104, 72, 46), (146, 104, 62), (198, 160, 104), (222, 196, 146),
    (128, 54, 30), (150, 148, 146), (214, 212, 208),
)  # fmt: skip


BEHIND, CAP, OVER = range(3)


@dataclass(frozen=True)
class Hair:
    """``parts`` lie BEHIND the wearer, on the head (CAP), and OVER the garments."""

    parts: tuple[tuple[Part, ...], tuple[Part, ...], tuple[Part, ...]]
    fabric: Fabric


def draw_hair(rng: Random) -> Hair | None:
    """Random hair; None for a bald head. One in ten is dyed in any colour."""
    style = str(rng.choice(STYLES, p=_WEIGHTS))
    natural = vary(_COLOURS[rng.integers(len(_COLOURS))], rng)
    colour = vary(PALETTE[rng.integers(len(PALETTE))], rng) if rng.random() < 0.1 else natural
    length, parting = float(rng.uniform(0.25, 0.8)), float(rng.uniform(-0.1, 0.1))
    if style == "none":
        return None
    strands = 1 + 0.3 * cloud(4, 9, 16).T + 0.12 * cloud(24, 71)
    fabric = smooth(colour, trim=colour, uneven=strands)
    return Hair((_behind(style, length), _cap(style, parting), _over(style, length)), fabric)


def _behind(style: str, length: float) -> tuple[Part, ...]:
    match style:
        case "bob":
            return (Part(_curtain(-0.02 + 0.1 * length, 0.29), tone=0.75, full=True),)
        case "long" | "strands":
            return (Part(_curtain(length, 0.3 + 0.08 * length), tone=0.7, full=True),)
        case "ponytail":
            tail = spline([(0.12, -0.66), (0.33, -0.55), (0.37, -0.2), (0.3, 0.05 + 0.4 * length)])
            return (
                Part(band(tail, np.interp(np.linspace(0, 1, len(tail)), (0, 0.4, 1), (0.08, 0.15, 0.03))), full=True),
            )
        case "bun":
            return (Part(circle((0.0, -0.84), 0.125, 20), tone=0.9, full=True),)
        case "curls":
            return (Part(_curls(0.26 + 0.12 * length), tone=0.85, full=True),)
        case _:
            return ()


def _curtain(bottom: float, half: float) -> Points:
    """Hair that hangs evenly around the head down to ``bottom``."""
    left = spline([(0.0, -0.75), (-0.2, -0.68), (-0.255, -0.4), (-half, bottom - 0.12), (-half * 0.85, bottom)])
    return join(left, spline([(-half * 0.4, bottom + 0.04), (half * 0.4, bottom + 0.04)]), (left * MIRROR)[::-1])


def _curls(radius: float) -> Points:
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    reach = radius * (1 + 0.05 * np.sin(angle * 17))
    return points(np.stack([reach * np.cos(angle), -0.5 + reach * np.sin(angle)], axis=1))


def _cap(style: str, parting: float) -> tuple[Part, ...]:
    """What lies on the head, down to the hairline."""
    low = {"short": -0.44, "curls": -0.46}.get(style, -0.34)
    outer = spline([(-0.212, low), (-0.225, -0.56), (-0.165, -0.715), (0.0, -0.765), (0.165, -0.715), (0.225, -0.56),
                    (0.212, low)])  # fmt: skip
    if style in ("fringe", "bob"):
        line = spline([(0.178, low), (0.17, -0.5), (0.0, -0.535), (-0.17, -0.5), (-0.178, low)], corners=(1, 3))
    else:
        line = spline([(0.182, low), (0.165, -0.54), (parting, -0.625), (-0.165, -0.54), (-0.182, low)], corners=(2,))
    return (Part(join(outer, line), full=True, lift=0.3),)


def _over(style: str, length: float) -> tuple[Part, ...]:
    if style != "strands":
        return ()
    run = spline([(-0.205, -0.5), (-0.225, -0.2), (-0.2, 0.08), (-0.21, length)])
    widths = np.interp(np.linspace(0, 1, len(run)), (0, 0.35, 0.7, 1), (0.03, 0.08, 0.12, 0.03))
    return tuple(Part(band(run, widths) * side, full=True, lift=0.35) for side in (points((1.0, 1.0)), points(MIRROR)))
