"""Charts of an evaluation as PNG: confusion matrix, precision over recall; these and F1 over the threshold.

Drawn by matplotlib; no window is ever opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from converters.pictures.drawing import PALETTE
from converters.pictures.figures import readable, save
from runtime.tasks.detection.evaluation.analysis import GRID, Analysis

INK, MUTED, FAINT, PAPER = "#1b1f27", "#5b6472", "#e3e7ed", "#f5f7f9"
BLUES = colors.LinearSegmentedColormap.from_list("right", ["#ffffff", "#d6e6f8", "#6aa5e0", "#1d5fa8", "#0b3566"])
REDS = colors.LinearSegmentedColormap.from_list("wrong", ["#ffffff", "#fde0d6", "#f39b7d", "#c93f2b", "#7c1410"])
NAMED = 20
"""With more classes than that, only the best and the worst are named beside their curves."""
LONGEST = 36
"""Letters of a class's name."""
BACKGROUND = "background"
"""The last row of a confusion matrix, where no object is, and its last column, where none was found."""
DPI = 120
MEASURES = ("precision", "recall", "F1")
"""The rows of ``Analysis.over_grid``."""


def confusion(
    path: Path, counts: NDArray[np.int64], classes: Sequence[str], *, about: str, normalised: bool = False,
    background: bool = True, model: str = "the detector",
) -> None:  # fmt: skip
    """``counts`` [C + 1, C + 1] as ``Analysis.confusion`` gives them, shaded by the share of their row; ``normalised``:
    the shares are written in place of the counts. Without a ``background`` they are [C, C].

    What is right is blue, what is wrong red; a class that has no object at all stays white.
    """
    names = [readable(name, LONGEST) for name in classes] + [BACKGROUND] * background
    title = "What was taken for what" + (": shares of the row" if normalised else "")
    size = len(counts)
    sums = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, sums, out=np.zeros(counts.shape), where=sums > 0)
    cell = 0.9 if size <= 6 else 0.56 if size <= NAMED else 0.32
    # In inches, by hand: matplotlib's own layouts shrink a small matrix to make room for a long title.
    label = 0.082 * max([len(BACKGROUND), *map(len, names)])
    left, bottom, square = label + 0.55, 0.66 * label + 0.75, size * cell
    width = max(left + square + 0.25, 0.2 + 0.0725 * len(about) + 0.25, 0.3 + 0.118 * len(title))
    height = bottom + square + 0.95
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    axes = figure.add_axes((left / width, bottom / height, square / width, square / height))
    right = np.eye(size, dtype=bool)
    right[-1, -1] = not background
    shade = np.where(right[..., None], BLUES(shares**0.7), REDS(shares**0.7))
    shade[counts == 0] = colors.to_rgba(PAPER)
    if background:  # what no detector could have got right or wrong: nothing was there, and nothing was found
        shade[-1, -1] = colors.to_rgba(FAINT)
    axes.imshow(shade, aspect="equal")
    _write_cells(axes, counts, shares, right, normalised=normalised)
    axes.set_xticks(range(size), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(size), names)
    axes.set_xlabel(f"what {model} says", labelpad=6, color=MUTED)
    axes.set_ylabel("what is there", labelpad=6, color=MUTED)
    axes.set_xticks(np.arange(-0.5, size), minor=True)
    axes.set_yticks(np.arange(-0.5, size), minor=True)
    axes.grid(which="minor", color="white", linewidth=1.6)
    axes.tick_params(which="both", length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    for corner in ((size - 1.5, -0.5, 1, size), (-0.5, size - 1.5, size, 1)) if background else ():
        axes.add_patch(Rectangle(corner[:2], *corner[2:], fill=False, edgecolor=MUTED, linewidth=0.8))
    figure.text(0.2 / width, 1 - 0.38 / height, title, fontsize=13.5, fontweight="bold", color=INK)
    figure.text(0.2 / width, 1 - 0.66 / height, about, fontsize=9.5, color=MUTED)
    save(figure, path)


def _write_cells(
    axes: Any, counts: NDArray[np.int64], shares: NDArray[np.float64], right: NDArray[np.bool_], *, normalised: bool
) -> None:
    """Each count, and below it its share of the row where there is room; or the share alone."""
    size = len(counts)
    for row, column in np.argwhere(counts > 0):
        share = shares[row, column]
        dark = share > (0.42 if right[row, column] else 0.5)
        text = f"{counts[row, column]:,}"
        if normalised:
            text = f"{share:.2f}" if share >= 0.005 else "0"
        elif size <= NAMED:
            text += f"\n{share:.0%}" if share >= 0.01 else "\n<1%"
        axes.text(
            column, row, text, ha="center", va="center", linespacing=1.15,
            fontsize=10 if size <= 6 else 8 if size <= NAMED else 6.5, color="white" if dark else INK,
        )  # fmt: skip


def precision_recall(path: Path, analysis: Analysis, values: Sequence[float], *, about: str) -> None:
    """A curve for each class; ``values`` are their average precisions."""
    figure = blank(8.6, 5.6)
    axes = figure.add_subplot()
    known = [k for k, curve in enumerate(analysis.curves) if curve.objects]
    curves = {k: analysis.curves[k].precision_recall for k in known}
    order = sorted(known, key=lambda k: -values[k])
    for k in order:
        precision, recall = curves[k]
        own = precision > 0
        axes.plot(
            recall[own], precision[own], color=class_colour(k), linewidth=1.6, label=_label(analysis, k, values[k])
        )
    if len(known) > 1:
        mean = np.mean([curves[k][0] for k in known], axis=0)
        about_mean = f"mean of the classes  {np.mean([values[k] for k in known]):.3f}"
        axes.plot(curves[known[0]][1], mean, color=INK, linewidth=2.8, label=about_mean)
    unit_square(axes)
    axes.set_xlabel("recall: share of the objects that are found")
    axes.set_ylabel("precision: share of the detections that are right")
    legend(axes, "average precision", len(order))
    titled(axes, "Precision and recall", about)
    save(figure, path)


def over_threshold(path: Path, analysis: Analysis, measure: str, *, about: str) -> None:
    """One of ``MEASURES`` of each class over the threshold, and their mean; the threshold of the tables is marked."""
    figure = blank(8.6, 5.6)
    axes = figure.add_subplot()
    row, at = MEASURES.index(measure), analysis.threshold
    over, mean = {k: values[row] for k, values in analysis.over_grid.items()}, analysis.mean_over_grid[row]
    best = measure == "F1"  # has a best; the two others are compared where the tables count
    shown = {k: float(values.max() if best else np.interp(at, GRID, values)) for k, values in over.items()}
    for k in sorted(over, key=lambda k: -shown[k]):
        axes.plot(GRID, over[k], color=class_colour(k), linewidth=1.3, label=_label(analysis, k, shown[k]))
    height = float(np.interp(at, GRID, mean))
    if len(over) > 1:
        label = f"mean of the classes  {mean.max() if best else height:.3f}"
        axes.plot(GRID, mean, color=INK, linewidth=2.8, label=label)
    mean_of = "mean " if len(over) > 1 else ""
    _mark(axes, at, height, f"threshold {at:.2f}: {mean_of}{measure} {height:.3f}", below=measure == "precision")
    unit_square(axes)
    axes.set_xlabel("threshold: lowest score that counts")
    axes.set_ylabel("F1: harmonic mean of precision and recall" if best else measure)
    legend(axes, "best F1" if best else f"{measure} at {at:.2f}", len(over))
    titled(axes, f"{measure[0].upper()}{measure[1:]} over the threshold", about)
    save(figure, path)


def _mark(axes: Any, at: float, height: float, text: str, *, below: bool) -> None:
    """A dashed line and a dot at the threshold; ``text`` beside it at the top, or where curves are not, ``below``."""
    axes.axvline(at, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
    axes.plot([at], [height], "o", color=INK, markersize=6, markeredgecolor="white", markeredgewidth=1.4, zorder=5)
    axes.annotate(
        text, (at, 0.0 if below else 1.0), xytext=(6 if at < 0.6 else -6, 6 if below else -4),
        textcoords="offset points", ha="left" if at < 0.6 else "right", va="bottom" if below else "top",
        fontsize=9.5, color=INK, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )  # fmt: skip


def blank(width: float, height: float) -> Figure:
    """A page to draw on, in inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.14, h_pad=0.12)
    FigureCanvasAgg(figure)
    return figure


def class_colour(k: int) -> tuple[float, float, float]:
    """The class's own colour, as on drawn pictures; a shade darker, since lines are thin and the ground is white."""
    red, green, blue = (0.9 * value / 255 for value in PALETTE[k % len(PALETTE)])
    return red, green, blue


def _label(analysis: Analysis, k: int, value: float) -> str:
    return f"{readable(analysis.findings.classes[k], LONGEST)}  {value:.3f}"


def unit_square(axes: Any) -> None:
    """Axes from 0 to 1 with a faint grid."""
    axes.set_xlim(0, 1.005)
    axes.set_ylim(0, 1.02)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.grid(color=FAINT, linewidth=0.9)
    axes.set_axisbelow(True)
    for name, side in axes.spines.items():
        side.set_visible(name in ("left", "bottom"))
        side.set_color("#b7bec9")
    axes.tick_params(length=0, labelcolor=MUTED)
    axes.xaxis.label.set_color(MUTED)
    axes.yaxis.label.set_color(MUTED)


def legend(axes: Any, title: str, curves: int) -> None:
    """Beside the curves, best first, the mean on top."""
    handles, labels = axes.get_legend_handles_labels()
    if curves > 1:  # the mean was drawn last, above the others
        handles, labels = [handles[-1], *handles[:-1]], [labels[-1], *labels[:-1]]
    if len(labels) > NAMED + 1:
        half = NAMED // 2
        handles, labels = handles[: half + 1] + handles[-half:], labels[: half + 1] + labels[-half:]
    if labels:
        drawn = axes.legend(
            handles, labels, title=title, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False,
            fontsize=9.5, title_fontsize=9.5, handlelength=1.4, labelspacing=0.55, alignment="left",
        )  # fmt: skip
        drawn.get_title().set_color(MUTED)


def titled(axes: Any, title: str, about: str) -> None:
    """Write ``title`` above the axes, and ``about`` between."""
    axes.set_title(title, loc="left", fontsize=13.5, fontweight="bold", color=INK, pad=30)
    axes.annotate(
        about, (0, 1), xytext=(0, 12), xycoords="axes fraction", textcoords="offset points",
        fontsize=9.5, color=MUTED, ha="left", va="bottom",
    )  # fmt: skip
