"""COCO's results format: files that are lists of predictions, whoever wrote them, read row by row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from converters.files import json_document, json_file, json_records
from converters.files.json_document import Document
from converters.files.numerals import FAR
from converters.formats.coco.records import Record, is_numbers
from tltpipe.errors import DataError

Floats = NDArray[np.float64]


class Row(NamedTuple):
    """A prediction: its ``record`` lies at ``offset`` in ``document``. Raises DataError for what is odd in it."""

    document: Document
    offset: int
    record: Record

    def error(self, what: str, hint: str | None = None) -> DataError:
        return self.document.error(what, self.offset, hint=hint)

    def whole(self, key: str) -> int:
        """The whole number that ``key`` is."""
        value = self.record.get(key)
        if type(value) is not int:
            raise self.error(f'"{key}" must be a whole number, not {json_file.name(value)}', _rows_with("bbox"))
        return value

    def score(self) -> float:
        """Of whatever range."""
        value = self.record.get("score")
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise self.error(f'"score" must be a number, not {json_file.name(value)}', _rows_with("bbox"))
        return float(value)

    def box(self, key: str = "bbox") -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the box that ``key`` has as left, top, width, height."""
        value = self.record.get(key)
        if not (type(value) is list and len(value) == 4 and all(type(each) in (int, float) for each in value)):
            raise self.error(f'"{key}" must be four numbers: left, top, width, height', _rows_with(key))
        left, top, width, height = value
        if max(map(abs, value)) >= FAR:
            raise self.error(f'"{key}" holds {max(value, key=abs):g}, which cannot be a pixel', _rows_with(key))
        if min(width, height) < 0:
            what = f'"{key}" has a negative width or height'
            raise self.error(what, "COCO's boxes are left, top, width, height")
        return left, top, left + width, top + height

    def points(self, total: int | None = None) -> Floats:
        """The landmarks [K, 3], of which there must be ``total``; None: any number but 0."""
        values = self.record.get("keypoints")
        count = len(values) if isinstance(values, list) else 0
        if not count or count % 3 or total not in (None, count // 3):
            needed = "a list of numbers, three a point" if total is None else f"a list of {3 * total} numbers"
            held = f"of {count}" if isinstance(values, list) else json_file.name(values)
            raise self.error(f'"keypoints" must be {needed}, not {held}', _rows_with("keypoints"))
        if not is_numbers(values):
            raise self.error('"keypoints" holds something else than numbers of pixels', _rows_with("keypoints"))
        return np.array(values, np.float64).reshape(-1, 3)


def read(path: Path) -> Iterator[Row]:
    """The rows of ``path`` in their order. Raises DataError for a file that is no list of objects."""
    document = json_document.opened(path)
    for piece in json_records.whole(document, "results"):
        for offset, record in zip(piece.offsets.tolist(), piece.parsed(), strict=True):
            yield Row(document, offset, record)


def _rows_with(key: str) -> str:
    return f'rows are as COCO has them: {{"image_id", "category_id", "{key}", "score"}}'
