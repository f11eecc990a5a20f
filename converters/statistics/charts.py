"""Plots as inline SVG: colours and fonts come from the page's style sheet, so that light, dark and paper look alike.

Every function returns markup in which all text is escaped. Plots are about as wide as a phone and stand side by side
where there is room, so their letters keep their size. Marks have a ``<title>`` that tells their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

WIDTH, HEIGHT = 360.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 38.0, 8.0, 12.0, 34.0
_INNER = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)

Array = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``, both above 0 where it is logarithmic; ``ticks`` are values with their text."""

    low: float
    high: float
    title: str
    ticks: Sequence[tuple[float, str]]
    log: bool = False

    def share(self, value: float) -> float:
        """Where ``value`` lies, 0 to 1."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        place = math.log(max(value, 1e-9)) if self.log else value
        return min(1.0, max(0.0, (place - low) / (high - low)))


def histogram(parts: Mapping[str, Array], axis: Axis, *, bins: int = 36, unit: str = "boxes") -> Markup:
    """How the values of each part (a split) spread, in shares: the first filled, the others as outlines."""
    scale = np.geomspace if axis.log else np.linspace
    edges = scale(axis.low, axis.high, bins + 1)
    shares = {}
    for name, values in parts.items():
        values = values[~np.isnan(values)]
        counts = np.histogram(np.clip(values, axis.low, axis.high), edges)[0]
        shares[name] = counts / max(1, len(values))
    top = max((float(each.max()) for each in shares.values()), default=0) or 1
    marks = [_grid(top), _ticks(axis)]
    places = [LEFT + axis.share(float(edge)) * _INNER[0] for edge in edges]
    for number, (name, own) in enumerate(shares.items()):
        if number:
            marks.append(_steps(places, own / top, name, number))
            continue
        for k, share in enumerate(own):
            about = f"{_short(edges[k])} to {_short(edges[k + 1])}: {share:.1%} of {unit}"
            marks.append(_rect(places[k] + 0.4, share / top, places[k + 1] - places[k] - 0.8, about))
    return _svg(marks, f"Histogram of {axis.title}")


def columns(parts: Mapping[str, Mapping[str, float]], title: str, *, unit: str = "pictures") -> Markup:
    """Shares of a few values in order, of each part: the first as columns, the others as marks on them."""
    names = list(dict.fromkeys(value for shares in parts.values() for value in shares))
    top = max((share for shares in parts.values() for share in shares.values()), default=0) or 1
    step = _INNER[0] / max(1, len(names))
    wide = min(step * 0.72, 54)
    marks = [_grid(top)]
    every = -(-len(names) // 12) or 1
    for k, name in enumerate(names):
        middle = LEFT + (k + 0.5) * step
        if k % every == 0:
            marks.append(_text(middle, HEIGHT - BOTTOM + 14, name, "tick", "middle"))
        for number, (part, shares) in enumerate(parts.items()):
            share = shares.get(name, 0.0)
            about = f"{part}: {share:.1%} of {unit} have {name}"
            if number == 0:
                marks.append(_rect(middle - wide / 2, share / top, wide, about))
            else:
                marks.append(_dash(middle - wide / 2 - 2, share / top, wide + 4, about, number))
    marks.append(_text(LEFT + _INNER[0] / 2, HEIGHT - 3, title, "axis", "middle"))
    return _svg(marks, title)


def density(
    x: Array, y: Array, points: Sequence[tuple[str, Sequence[tuple[float, float, str]]]], *, titles: tuple[str, str]
) -> Markup:
    """A square of hexagons, darker where there are more of the points (x, y), both in shares; with ``points`` on top:
    for each kind its style and x, y and what it is."""
    side, left, top = 290.0, 54.0, TOP
    cells = 22
    radius = side / (cells * math.sqrt(3))
    marks = [Markup('<clipPath id="square"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath>')]
    marks = [marks[0].format(left, top, side, side)]
    counts = _hexagons(x, y, cells)
    most, total = max(counts.values(), default=1), max(1, len(x))
    corner = "".join(
        f"{'L' if k else 'M'}{radius * math.sin(k * math.pi / 3):.2f} {radius * math.cos(k * math.pi / 3):.2f}"
        for k in range(6)
    )
    hexagons = [Markup('<g class="density" clip-path="url(#square)">')]
    for (across, down), count in sorted(counts.items()):
        # The square root shows the rare as well; a fifth is where the eye begins to see it.
        shade = 0.08 + 0.92 * math.sqrt(count / most)
        place = f"translate({left + across * side:.1f} {top + side - down * side:.1f})"
        about = f"{across:.0%} wide, {down:.0%} high: {count:,} boxes ({count / total:.1%})"
        hexagons.append(
            Markup('<path d="{}" transform="{}" fill-opacity="{}"><title>{}</title></path>').format(
                f"{corner}Z", place, f"{shade:.2f}", about
            )
        )
    marks += [*hexagons, Markup("</g>")]
    for k in range(5):
        share = k / 4
        marks.append(_line(left + share * side, top + side, left + share * side, top + side + 4, "line"))
        marks.append(_text(left + share * side, top + side + 15, f"{share:.0%}", "tick", "middle"))
        marks.append(_text(left - 6, top + side - share * side + 4, f"{share:.0%}", "tick", "end"))
    marks.append(Markup('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>').format(left, top, side, side))
    for style, those in points:
        for across, down, about in those:
            if across <= 1.02 and down <= 1.02:
                middle = (left + min(across, 1) * side, top + side - min(down, 1) * side)
                circle = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3.4"><title>{}</title></circle>')
                marks.append(circle.format(style, *middle, about))
    marks.append(_text(left + side / 2, top + side + 31, titles[0], "axis", "middle"))
    upright = Markup('<text class="axis" text-anchor="middle" transform="translate({} {}) rotate(-90)">{}</text>')
    marks.append(upright.format(11, top + side / 2, titles[1]))
    return _svg(marks, f"{titles[1]} against {titles[0]}", size=(WIDTH, top + side + 38))


def heat(grid: Sequence[Sequence[float]], *, shape: tuple[float, float], title: str) -> Markup:
    """A grid over the picture, darker where more boxes lie; ``shape`` is the width and height of a usual picture."""
    rows, cells = len(grid), len(grid[0]) if grid else 0
    width = min(WIDTH - 16, 400.0 * shape[0] / shape[1])
    height = width * shape[1] / shape[0]
    step = (width / max(1, cells), height / max(1, rows))
    marks = [Markup('<g class="density" shape-rendering="crispEdges">')]
    for row, shares in enumerate(grid):
        for cell, share in enumerate(shares):
            marks.append(
                Markup('<rect x="{}" y="{}" width="{}" height="{}" fill-opacity="{}"><title>{}</title></rect>').format(
                    f"{8 + cell * step[0]:.2f}",
                    f"{8 + row * step[1]:.2f}",
                    f"{step[0]:.2f}",
                    f"{step[1]:.2f}",
                    f"{0.04 + 0.92 * share:.2f}",
                    f"{share:.0%} of the boxes' maximum",
                )
            )
    marks.append(Markup("</g>"))
    marks.append(Markup('<rect class="frame" x="8" y="8" width="{}" height="{}"/>').format(width, height))
    thirds = [_line(8 + width * k / 3, 8, 8 + width * k / 3, 8 + height, "third") for k in (1, 2)] + [
        _line(8, 8 + height * k / 3, 8 + width, 8 + height * k / 3, "third") for k in (1, 2)
    ]
    return _svg([*marks, *thirds], title, size=(width + 16, height + 16))


def matrix(names: Sequence[str], rows: Sequence[Sequence[int]], styles: Sequence[str]) -> Markup:
    """Of the pictures that show the class of the row, how many also show that of the column."""
    step, left, top = 30.0, 150.0, 116.0
    marks = []
    shares = [[both / each[row] if each[row] else 0.0 for both in each] for row, each in enumerate(rows)]
    most = max((share for k, each in enumerate(shares) for n, share in enumerate(each) if n != k), default=0) or 1
    for row, name in enumerate(names):
        y = top + row * step
        marks.append(Markup('<circle class="dot {}" cx="{}" cy="{}" r="4"/>').format(styles[row], left - 10, y + 15))
        marks.append(_text(left - 20, y + 19, _cut(name, 21), "tick", "end"))
        turned = Markup('<text class="tick" transform="translate({} {}) rotate(-45)">{}</text>')
        marks.append(turned.format(left + row * step + 17, top - 8, _cut(name, 21)))
        own = rows[row][row]
        for column, other in enumerate(names):
            x, both, share = left + column * step, rows[row][column], shares[row][column]
            if row == column:
                marks.append(Markup('<rect class="self" x="{}" y="{}" width="28" height="28" rx="3"/>').format(x, y))
                continue
            about = f"{both:,} of {own:,} pictures with {name} also show {other} ({share:.1%})"
            shade = f"{0.05 + 0.8 * share / most:.2f}"
            cell = Markup(
                '<rect class="cell" x="{}" y="{}" width="28" height="28" rx="3" fill-opacity="{}">'
                "<title>{}</title></rect>"
            )
            marks.append(cell.format(x, y, shade, about))
            if share >= 0.005:
                light = "tick light" if share > 0.55 * most else "tick"
                marks.append(_text(x + 14, y + 18, f"{share * 100:.0f}", light, "middle"))
    side = len(names) * step
    return _svg(marks, "Classes that share pictures", size=(left + side + 70, top + side + 6), style="wide")


def bubbles(sizes: Sequence[tuple[int, int, int]], *, title: str) -> Markup:
    """Width, height and count as circles whose area is the count."""
    if not sizes:
        return Markup("")
    across, high = (_round_up(max(each[k] for each in sizes) * 1.12) for k in (0, 1))
    most = max(count for *_, count in sizes)
    left, wide, deep = 54.0, WIDTH - 54 - 14, _INNER[1]
    marks = []
    for k in range(5):
        share = k / 4
        marks.append(_line(left + wide * share, TOP, left + wide * share, TOP + deep, "grid"))
        marks.append(_text(left + wide * share, TOP + deep + 15, f"{across * share:.0f}", "tick", "middle"))
        if k % 2 == 0:
            marks.append(_line(left, TOP + deep * (1 - share), left + wide, TOP + deep * (1 - share), "grid"))
            marks.append(_text(left - 5, TOP + deep * (1 - share) + 4, f"{high * share:.0f}", "tick", "end"))
    for width, height, count in sorted(sizes, key=lambda each: -each[2]):
        radius = max(2.0, 17 * math.sqrt(count / most))
        middle = (left + wide * width / across, TOP + deep * (1 - height / high))
        about = f"{width} x {height}: {count:,} pictures"
        circle = Markup('<circle class="bubble" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"><title>{}</title></circle>')
        marks.append(circle.format(*middle, radius, about))
    marks.append(_text(left + wide / 2, HEIGHT - 3, "width in pixels", "axis", "middle"))
    upright = Markup('<text class="axis" text-anchor="middle" transform="translate({} {}) rotate(-90)">{}</text>')
    marks.append(upright.format(11, TOP + deep / 2, "height in pixels"))
    return _svg(marks, title)


def bar(share: float, *, style: str, about: str) -> Markup:
    """One bar that fills its cell by ``share``."""
    text = (
        '<svg class="bar" role="img" aria-label="{0}"><title>{0}</title><rect class="{1}" width="{2}%" rx="2"/></svg>'
    )
    return Markup(text).format(about, style, f"{100 * min(1.0, max(0.0, share)):.2f}")


def stack(shares: Mapping[str, float], *, styles: Sequence[str]) -> Markup:
    """Shares of a whole, side by side in one bar."""
    about = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    marks, start = [], 0.0
    for (name, share), style in zip(shares.items(), styles, strict=False):
        if share > 0:
            text = '<rect class="{}" x="{}%" width="{}%"><title>{}</title></rect>'
            marks.append(Markup(text).format(style, f"{100 * start:.2f}", f"{100 * share:.2f}", f"{name}: {share:.1%}"))
        start += share
    return Markup('<svg class="bar stack" role="img" aria-label="{}">{}</svg>').format(about, Markup("").join(marks))


def dumbbell(before: float, after: float, *, about: str) -> Markup:
    """Two values from 0 to 1 on one line: the first hollow, the second filled."""
    text = (
        '<svg class="bar bell" role="img" aria-label="{0}"><title>{0}</title>'
        '<line class="grid" x1="1%" x2="99%" y1="50%" y2="50%"/>'
        '<line class="{1}" x1="{2}%" x2="{3}%" y1="50%" y2="50%"/>'
        '<circle class="before" cx="{2}%" cy="50%" r="4"/><circle class="after" cx="{3}%" cy="50%" r="4.5"/></svg>'
    )
    places = (f"{2 + 96 * value:.2f}" for value in (before, after))
    return Markup(text).format(about, "gain" if after >= before else "loss", *places)


def _hexagons(x: Array, y: Array, cells: int) -> dict[tuple[float, float], int]:
    """How many points lie in each hexagon, by its middle."""
    wide, high = 1 / cells, math.sqrt(3) / cells / 2
    row = np.round(y / high)
    shift = (row % 2) / 2
    column = np.round(x / wide - shift)
    best = (x - (column + shift) * wide) ** 2 + (y - row * high) ** 2
    for up in (-1, 1):
        other = row + up
        moved = (other % 2) / 2
        near = np.round(x / wide - moved)
        away = (x - (near + moved) * wide) ** 2 + (y - other * high) ** 2
        closer = away < best
        row, column, shift = (np.where(closer, new, old) for new, old in ((other, row), (near, column), (moved, shift)))
        best = np.minimum(best, away)
    middles, counts = np.unique(np.stack([(column + shift) * wide, row * high]).round(6), axis=1, return_counts=True)
    return {(float(a), float(b)): int(count) for a, b, count in zip(*middles, counts, strict=True)}


def _grid(top: float) -> Markup:
    """Lines at a third and two thirds of a round value, with their percentages."""
    step = _round_down(top / 2.2)
    marks = [_line(LEFT, TOP + _INNER[1], WIDTH - RIGHT, TOP + _INNER[1], "line")]
    value = step
    while value <= top * 1.001:
        y = TOP + _INNER[1] * (1 - value / top)
        marks.append(_line(LEFT, y, WIDTH - RIGHT, y, "grid"))
        marks.append(_text(LEFT - 5, y + 4, f"{value * 100:.3g}%", "tick", "end"))
        value += step
    return Markup("").join(marks)


def _ticks(axis: Axis) -> Markup:
    marks = []
    for value, text in axis.ticks:
        x = LEFT + axis.share(value) * _INNER[0]
        marks.append(_line(x, TOP + _INNER[1], x, TOP + _INNER[1] + 4, "line"))
        marks.append(_text(x, TOP + _INNER[1] + 15, text, "tick", "middle"))
    marks.append(_text(LEFT + _INNER[0] / 2, HEIGHT - 3, axis.title, "axis", "middle"))
    return Markup("").join(marks)


def _rect(x: float, share: float, width: float, about: str) -> Markup:
    high = share * _INNER[1]
    text = '<rect class="main" x="{}" y="{}" width="{}" height="{}" rx="1"><title>{}</title></rect>'
    shape = (f"{number:.2f}" for number in (x, TOP + _INNER[1] - high, max(0.4, width), high))
    return Markup(text).format(*shape, about)


def _dash(x: float, share: float, width: float, about: str, number: int) -> Markup:
    y = TOP + _INNER[1] * (1 - share)
    text = '<line class="other s{}" x1="{}" y1="{}" x2="{}" y2="{}"><title>{}</title></line>'
    return Markup(text).format(number, f"{x:.2f}", f"{y:.2f}", f"{x + width:.2f}", f"{y:.2f}", about)


def _steps(places: Sequence[float], shares: Array, name: str, number: int) -> Markup:
    path = [f"M{places[0]:.1f} {TOP + _INNER[1]:.1f}"]
    for k, share in enumerate(shares):
        path.append(f"V{TOP + _INNER[1] * (1 - float(share)):.1f}H{places[k + 1]:.1f}")
    path.append(f"V{TOP + _INNER[1]:.1f}")
    return Markup('<path class="other s{}" d="{}"><title>{}</title></path>').format(number, "".join(path), name)


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    text = '<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>'
    return Markup(text).format(style, x1, y1, x2, y2)


def _text(x: float, y: float, text: str, style: str, anchor: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(style, x, y, anchor, text)


def _svg(
    marks: Iterable[Markup], about: str, *, size: tuple[float, float] = (WIDTH, HEIGHT), style: str = "plot"
) -> Markup:
    text = '<svg class="{}" viewBox="0 0 {:.0f} {:.0f}" style="max-width:{:.0f}px" role="img" aria-label="{}">{}</svg>'
    return Markup(text).format(style, *size, size[0] * 1.25, about, Markup("").join(marks))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _round_down(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not larger."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= value * (1 + 1e-9))


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(max(value, 1)))
    return next(factor * power for factor in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10) if factor * power >= value)
