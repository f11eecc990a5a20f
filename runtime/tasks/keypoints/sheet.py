"""Objects side by side, the worst or the best: where their landmarks are, and where they were predicted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runtime.imaging.decoding import WHOLE, decode
from runtime.tasks import Prediction
from runtime.tasks.detection.drawing import PREDICTION, TARGET
from runtime.tasks.detection.evaluation.sheet import MUTED, TILE, Tile, write
from runtime.tasks.keypoints.drawing import skeletons
from runtime.tasks.keypoints.poses import Poses

if TYPE_CHECKING:
    from runtime.tasks.keypoints.report import Item, KeypointReport

MARGIN = 1.3
"""Of the box, what is shown."""
LEGEND = {"annotated": TARGET, "predicted": PREDICTION}


def draw(path: Path, report: KeypointReport, items: Sequence[Item], *, title: str) -> None:
    """A sheet of ``items`` in their order."""
    tiles = [_tile(report, item) for item in items]
    write(path, tiles, title=title, about=report.about, kinds=LEGEND)


def _tile(report: KeypointReport, item: Item) -> Tile:
    measured, name = report.measured, report.class_of(item).replace("_", " ")
    left, top, right, bottom = measured.truth.box[item.truth].tolist()
    half = MARGIN * max(right - left, bottom - top, 8.0) / 2
    corner = np.array([(left + right) / 2 - half, (top + bottom) / 2 - half])
    window = tuple(round(value) for value in (*corner, *(corner + 2 * half)))
    image = decode(report.images.image(item.image), *WHOLE).crop(window).resize((TILE, TILE))
    scale = TILE / (2 * half)
    # The lower one first: what was predicted lies on top.
    skeletons(image, _shown(report, measured.truth, item.truth, corner, scale), measured.classes, TARGET)
    if item.found >= 0:
        found = _shown(report, measured.found, item.found, corner, scale)
        skeletons(image, {**found, "scores": measured.found.score[[item.found]]}, measured.classes, PREDICTION)
    told = f"{name}, OKS {item.oks:.2f}" if item.found >= 0 else f"{name}, nothing predicted"
    return Tile(image, report.images.name(item.image), [(told, MUTED)])


def _shown(report: KeypointReport, poses: Poses, at: int, corner: NDArray[np.float64], scale: float) -> Prediction:
    """Pose ``at`` on a tile whose left upper ``corner`` lies there on the stored image."""
    layout = report.measured.layouts[int(poses.label[at]) - 1]
    own = poses.own(np.array([at]), layout.count)[0]
    keypoints = np.zeros((1, layout.total, 3))
    keypoints[0, layout.offset : layout.offset + layout.count, :2] = (poses.points[own] - corner) * scale
    keypoints[0, layout.offset : layout.offset + layout.count, 2] = poses.marks[own]
    return {"labels": poses.label[[at]], "keypoints": keypoints}
