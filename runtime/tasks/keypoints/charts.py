"""The chart of an evaluation of landmarks: PCK over its threshold, as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converters.pictures.figures import readable, save
from runtime.tasks.detection.evaluation.charts import INK, LONGEST, blank, class_colour, legend, titled, unit_square
from runtime.tasks.keypoints.distances import GRID, PCK

if TYPE_CHECKING:
    from runtime.tasks.keypoints.measuring import MeasuredKeypoints


def pck(path: Path, measured: MeasuredKeypoints, *, about: str) -> None:
    """A curve for each class that has labelled points, and their mean."""
    figure = blank(8.6, 5.6)
    axes = figure.add_subplot()
    curves = {k: each.curve for k, each in enumerate(measured.distances) if len(each)}
    at = int(np.searchsorted(GRID, PCK - 1e-9))
    for k in sorted(curves, key=lambda k: -curves[k][at]):
        label = f"{readable(measured.classes[k], LONGEST)}  {curves[k][at]:.3f}"
        axes.plot(GRID, curves[k], color=class_colour(k), linewidth=1.6, label=label)
    if len(curves) > 1:
        mean = np.mean([*curves.values()], axis=0)
        axes.plot(GRID, mean, color=INK, linewidth=2.8, label=f"mean of the classes  {mean[at]:.3f}")
    unit_square(axes)
    axes.set_xlim(0, GRID[-1])
    axes.set_xticks(np.linspace(0, GRID[-1], 6))
    axes.set_xlabel("threshold: distance as a share of the longer side of the box")
    axes.set_ylabel("share of the points that are nearer")
    legend(axes, f"PCK@{PCK:g}", len(curves))
    titled(axes, "Correct key points", about)
    save(figure, path)
