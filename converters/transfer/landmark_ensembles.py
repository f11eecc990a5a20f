"""Several models on the same detections: the mean of the landmarks and scores in their COCO results files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.formats.coco import results
from converters.formats.coco.records import is_numbers
from converters.formats.coco.results import Floats
from tltpipe.errors import DataError, UsageError
from tltpipe.files import atomic

NEAR = 1.0
"""Pixels by which places of one detection may differ between files, whose numbers are rounded in their own ways."""
PLACES = 'rows of one image and category are told apart by "box", "bbox" or "center"'

Key = tuple[Any, Any]
"""Image and category."""


@dataclass
class Landmarks:
    """Those of a ``row``, whose record has them no more: ``points`` [K, 3] and ``score``, of which means are made.
    ``count`` is how many files it has been met in."""

    row: results.Row
    points: Floats
    score: float
    count: int = 1

    @property
    def key(self) -> Key:
        return self.record.get("image_id"), self.record.get("category_id")

    @property
    def record(self) -> dict[str, Any]:
        return self.row.record

    @property
    def told(self) -> str:
        return f"image {self.key[0]}, category {self.key[1]}"

    def error(self, what: str, hint: str | None = None) -> DataError:
        return self.row.error(what, hint)


def ensemble(files: Sequence[Path], target: Path, *, replace: bool = False) -> int:
    """Write the mean of the results in ``files`` to ``target``, with all else as the first has it; returns how many
    there are.

    Rows are of the same detection where image, category and box, or the centre of it, are the same. Raises DataError
    for a row that is in one file alone, UsageError for fewer than two files or a ``target`` that is there.
    """
    if len(files) < 2:
        raise UsageError("an ensemble is made of two files of results or more", hint="name the others, too")
    if target.exists() and (not replace or any(target.samefile(path) for path in files if path.exists())):
        raise UsageError("this file is there already", where=target, hint="choose another name, or give --force")
    first = [*_read(files[0])]
    if not first:
        raise DataError("there are no results in it", where=files[0], hint="see what wrote it")
    groups: dict[Key, list[Landmarks]] = defaultdict(list)
    for row in first:
        groups[row.key].append(row)
    for turn, path in enumerate(files[1:], start=1):
        for row in _read(path):
            _add(row, _counterpart(row, groups, turn, files[0]))
        if missing := [row for row in first if row.count == turn]:
            what = f"{len(missing)} rows have no counterpart in {path}, such as this of {missing[0].told}"
            raise missing[0].error(what, "an ensemble is made of results for the same detections")
    with atomic(target) as stream:
        stream.write("[\n" + ",\n".join(map(_text, first)) + "\n]\n")
    return len(first)


def _read(path: Path) -> Iterator[Landmarks]:
    """Raises DataError for a row that is no result with landmarks."""
    for row in results.read(path):
        points, score = row.points(), row.score()
        del row.record["keypoints"]
        yield Landmarks(row, points, score)


def _counterpart(row: Landmarks, groups: Mapping[Key, list[Landmarks]], turn: int, first: Path) -> Landmarks:
    """The row of the ``first`` file that ``row`` is of, of those that none of its file has taken in this ``turn``."""
    own = groups.get(row.key, [])
    free = [each for each in own if each.count == turn]
    if len(own) == 1 and free and (_place(row.record) is None or _place(own[0].record) is None):
        return own[0]
    if len(own) > 1 and any(_place(each.record) is None for each in (row, *own)):
        raise row.error(f"which detection of {row.told} is this?", PLACES)
    apart = {id(each): _apart(row.record, each.record) for each in free}
    best = min(free, key=lambda each: apart[id(each)], default=None)
    if best is None or apart[id(best)] > NEAR:
        what = f"this row of {row.told} has no counterpart in {first}"
        raise row.error(what, "an ensemble is made of results for the same detections")
    return best


def _add(row: Landmarks, into: Landmarks) -> None:
    if row.points.shape != into.points.shape:
        raise row.error(f'"keypoints" are {len(row.points)} points, in {into.row.document.path} {len(into.points)}')
    into.points[:, :2] += row.points[:, :2]
    into.score += row.score
    into.count += 1


def _place(record: Mapping[str, Any]) -> Floats | None:
    """Centre and, of a box, width and height; None where none is told."""
    for key in ("box", "bbox"):
        box = record.get(key)
        if isinstance(box, list) and len(box) == 4 and is_numbers(box):
            left, top, width, height = box
            return np.array([left + width / 2, top + height / 2, width, height])
    centre = record.get("center")
    return np.array(centre, float) if isinstance(centre, list) and len(centre) == 2 and is_numbers(centre) else None


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How far the places of two rows lie apart, in pixels; sizes count where both have one."""
    first, second = _place(one), _place(other)
    if first is None or second is None:
        return float("inf")
    common = min(len(first), len(second))
    return float(np.abs(first[:common] - second[:common]).max())


def _text(row: Landmarks) -> str:
    points = row.points.copy()
    points[:, :2] /= row.count
    values = points.round(4).ravel().tolist()
    whole = [int(value) if value.is_integer() else value for value in values]
    return json.dumps({**row.record, "keypoints": whole, "score": round(row.score / row.count, 7)})
