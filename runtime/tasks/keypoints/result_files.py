"""Landmarks that files in COCO's results format hold, whoever wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.files import json_document, json_file, json_records
from converters.model.landmarks import Layout
from runtime.data.detections import Numbering, OddRow, box_of
from runtime.tasks.keypoints.poses import Collector

ROWS = 'rows are as COCO has them: {"image_id", "category_id", "keypoints", "score"}'
NO_BOX = (float("nan"),) * 4
"""Of a row that does not say of which box it was made."""


def read(path: Path, ids: Numbering, layouts: Sequence[Layout], into: Collector) -> int:
    """Add the rows of ``path`` ``into``; returns how many there are of classes that the model does not have, which are
    left out. Raises DataError, with line and column, for a row that cannot be one of these data."""
    document, others = json_document.opened(path), 0
    for piece in json_records.whole(document, "results"):
        for offset, record in zip(piece.offsets.tolist(), piece.parsed(), strict=True):
            try:
                others += not _add(record, ids, layouts, into)
            except OddRow as odd:
                raise document.error(odd.what, offset, hint=odd.hint) from None
    return others


def _add(record: Mapping[str, Any], ids: Numbering, layouts: Sequence[Layout], into: Collector) -> bool:
    """Whether it is of a class that the model has."""
    image, label = ids.image(record), ids.label(record)
    if not label:
        return False
    layout = layouts[label - 1]
    points, score = points_of(record, layout.total), score_of(record)
    box, area = box_of(record, "box") if "box" in record else NO_BOX, None
    if record.get("bbox"):  # COCO's programs take the area from it then
        box = box_of(record)
        area = (box[2] - box[0]) * (box[3] - box[1])
    into.add(image, label, score, box, points, layout, area=area)
    return True


def points_of(record: Mapping[str, Any], total: int) -> NDArray[np.float64]:
    """The vector of all points [total, 3] of ``record``. Raises OddRow."""
    from converters.formats.coco.records import is_numbers

    values = record.get("keypoints")
    if not isinstance(values, list) or len(values) != 3 * total:
        held = f"of {len(values)}" if isinstance(values, list) else json_file.name(values)
        raise OddRow(f'"keypoints" must be a list of {3 * total} numbers, not {held}', ROWS)
    if not is_numbers(values):
        raise OddRow('"keypoints" holds something else than numbers of pixels', ROWS)
    return np.array(values, np.float64).reshape(-1, 3)


def score_of(record: Mapping[str, Any]) -> float:
    """Its score, in whatever range. Raises OddRow."""
    value = record.get("score")
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise OddRow(f'"score" must be a number, not {json_file.name(value)}', ROWS)
    return float(value)
