"""Landmarks that files in COCO's results format hold, whoever wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from converters.formats.coco import results
from converters.formats.coco.results import Row
from converters.model.landmarks import Layout
from runtime.data.detections import Numbering
from runtime.tasks.keypoints.poses import Collector

NO_BOX = (float("nan"),) * 4
"""Of a row that does not say of which box it was made."""


def read(path: Path, ids: Numbering, layouts: Sequence[Layout], into: Collector) -> int:
    """Add the rows of ``path`` ``into``; returns how many there are of classes that the model does not have, which are
    left out. Raises DataError, with line and column, for a row that cannot be one of these data."""
    return sum(not _add(row, ids, layouts, into) for row in results.read(path))


def _add(row: Row, ids: Numbering, layouts: Sequence[Layout], into: Collector) -> bool:
    """Whether it is of a class that the model has."""
    image, label = ids.image(row), ids.label(row)
    if not label:
        return False
    layout = layouts[label - 1]
    points, score = row.points(layout.total), row.score()
    box, area = row.box("box") if "box" in row.record else NO_BOX, None
    if row.record.get("bbox"):  # COCO's programs take the area from it then
        box = row.box()
        area = (box[2] - box[0]) * (box[3] - box[1])
    into.add(image, label, score, box, points, layout, area=area)
    return True
