"""The curves of a training as a picture, ``curves.png``: losses and, where they are measured, figures."""

from __future__ import annotations

import csv
import importlib.util
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from converters.pictures.figures import finish, save
from runtime.tasks import Scores

NAME = "curves.png"
SHARE = 0.02
"""Of the time of a training that drawing may take; the last picture is drawn whatever it takes."""
NAMED = 12
"""With more classes than that, only the mean is named."""
TERM = "loss_"
"""How the columns of the terms of the loss begin."""
WIDE = 30.0
"""Losses that differ by more than that factor are drawn on a logarithmic scale."""

Series = tuple[list[int], list[float]]
"""Epochs, and what was measured in each."""


class Curves:
    """Draws the log ``log`` to ``curves.png`` beside it, as often as is cheap. ``blank`` says what is measured."""

    def __init__(self, log: Path, blank: Scores) -> None:
        self.log, self.path, self.blank = log, log.with_name(NAME), blank
        self.wanted = importlib.util.find_spec("matplotlib") is not None
        self.due = 0.0

    def update(self) -> None:
        """Draw, unless that was done a short while ago."""
        if time.monotonic() >= self.due:
            self.finish()

    def finish(self) -> None:
        """Draw, if matplotlib is installed and there is anything to show. Raises OSError where it cannot be written."""
        if not self.wanted:
            return
        begun = time.monotonic()
        draw(read(self.log), self.path, self.blank)
        ended = time.monotonic()
        self.due = ended + (ended - begun) / SHARE


def read(log: Path) -> dict[str, Series]:
    """The columns of a training log that have a number anywhere."""
    found: dict[str, Series] = {}
    with log.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            for name, text in row.items():
                value = _number(text)
                if name != "epoch" and value is not None:
                    epochs, values = found.setdefault(name, ([], []))
                    epochs.append(int(row["epoch"]))
                    values.append(value)
    return found


def draw(series: Mapping[str, Series], path: Path, blank: Scores) -> None:
    """Write the picture; none where nothing was measured yet."""
    if "loss" not in series:
        return
    from matplotlib.figure import Figure

    parts = _parts(series, blank)
    columns, rows = min(2, len(parts)), -(-len(parts) // 2)
    figure = Figure(figsize=(5.6 * columns, 3.9 * rows), dpi=110, facecolor="white", layout="constrained")
    for axes, part in zip(figure.subplots(rows, columns, squeeze=False).flat, parts, strict=False):
        part(axes)
    for axes in figure.axes[len(parts) :]:
        axes.set_axis_off()
    save(figure, path)


def _parts(series: Mapping[str, Series], blank: Scores) -> list[Callable[[Any], None]]:
    """What there is to draw, each on axes of its own: the primary figure beside the loss, below them what they are
    made of and what else is measured."""
    terms = {name.removeprefix(TERM): each for name, each in series.items() if name.startswith(TERM)}
    others = {name: series[name] for name in blank.plain if name != blank.primary and name in series}
    parts: list[Callable[[Any], None]] = [partial(_losses, series=series)]
    if blank.primary in series:
        parts.append(partial(_figures, series=series, blank=blank))
    if len(terms) > 1:
        parts.append(partial(_several, series=terms, title="terms of the training loss"))
    if others:
        parts.append(partial(_several, series=others, title="other figures"))
    return parts


def _losses(axes: Any, series: Mapping[str, Series]) -> None:
    known = {name: series[name] for name in ("loss", "validation_loss") if name in series}
    _scale(axes, known)
    _line(axes, known["loss"], "training", colour="#1d5fa8")
    if "validation_loss" in known:
        _line(axes, known["validation_loss"], "validation", colour="#c93f2b")
    _finish(axes, "loss")


def _several(axes: Any, series: Mapping[str, Series], title: str) -> None:
    from converters.pictures.drawing import colour_of

    _scale(axes, series)
    for number, (name, each) in enumerate(series.items(), start=1):
        red, green, blue = (value / 255 for value in colour_of(number))
        _line(axes, each, name, colour=(red, green, blue))
    _finish(axes, title)


def _scale(axes: Any, series: Mapping[str, Series]) -> None:
    """A logarithmic one for values that differ much."""
    values = [value for _, each in series.values() for value in each]
    if min(values) > 0 and max(values) > WIDE * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        if max(values) < 100 * WIDE * min(values):  # of more decades all between would not be read
            axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")


def _figures(axes: Any, series: Mapping[str, Series], blank: Scores) -> None:
    """The primary figure and, behind it, where it is the mean of these, the first that each class has."""
    from converters.pictures.drawing import colour_of

    column, values = next(iter(blank.per_class.items()), ("", {}))
    if blank.primary != next(iter(blank.plain)):
        values = {}
    for number, name in enumerate(values, start=1):
        if (one := series.get(f"{column}_{name}")) is None:
            continue
        colour = tuple(value / 255 for value in colour_of(number))
        label = name if len(values) <= NAMED else None
        axes.plot(*one, color=colour, linewidth=1, alpha=0.75, label=label, marker=_marker(one), markersize=4)
    _line(axes, series[blank.primary], blank.primary, colour="#1b1f27")
    epochs, means = series[blank.primary]
    best = max(range(len(means)), key=means.__getitem__)
    axes.set_ylim(0, 1.04)
    title = blank.titles.get(blank.primary, blank.primary)
    _finish(axes, f"{title}: best {means[best]:.3f}, epoch {epochs[best]}")


def _line(axes: Any, series: Series, label: str, *, colour: str | tuple[float, float, float]) -> None:
    axes.plot(*series, color=colour, linewidth=2, label=label, marker=_marker(series), markersize=4)


def _marker(series: Series) -> str | None:
    """A line through few points would hide where they are."""
    return "o" if len(series[0]) <= 10 else None


def _finish(axes: Any, title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    finish(axes, title)
    axes.set_xlabel("epoch", fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.legend(fontsize=7, frameon=False)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
