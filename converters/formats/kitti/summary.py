"""What is in a folder of KITTI labels, counted fast: no line is refused here, odd ones are counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite, trunc
from pathlib import Path

from converters.files import label_folders
from tltpipe.errors import DataError

_COLUMNS, _LEAST = 15, 9
"""Columns of a label, and so many of them that are trained on."""
_SHOWN = 3
_SPACING = re.compile(rb"  |\t| \r?\n| \Z|(?:\A|\n)(?: |\r?\n)")
"""What a reader stumbles over that takes one blank between columns for granted, and a label in every line."""


@dataclass
class Places:
    """How many label files have something, and the first few of them with the line."""

    count: int = 0
    few: list[str] = field(default_factory=list)

    def add(self, path: str, line: int) -> None:
        self.count += 1
        if len(self.few) < _SHOWN:
            self.few.append(f"{path}:{line}")


@dataclass
class LabelSummary:
    """Of the label files that were ``read``.

    ``objects`` by class as written; ``occluded`` those whose occlusion is not 0. Places of lines with an occlusion that
    is no integer (``fractions``), with a 16th column (``scores``), with another number of columns than 15 or 16
    (``widths``), whose class has a blank (``blanks``), whose box is empty in whole pixels (``flat``), that are no
    labels (``odd``), and of files with double or trailing blanks, tabs or blank lines (``spacing``), and with nothing
    in them (``empty``). ``boxes``: left, top, right, bottom of the objects by the stem of their file, for those stems
    that were asked for.
    """

    read: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    occluded: int = 0
    fractions: Places = field(default_factory=Places)
    scores: Places = field(default_factory=Places)
    widths: Places = field(default_factory=Places)
    blanks: Places = field(default_factory=Places)
    flat: Places = field(default_factory=Places)
    odd: Places = field(default_factory=Places)
    spacing: Places = field(default_factory=Places)
    empty: Places = field(default_factory=Places)
    boxes: dict[str, list[list[float]]] = field(default_factory=dict)


def summarise(folder: Path, stems: Sequence[str], *, boxes_of: frozenset[str] = frozenset()) -> LabelSummary:
    """The summary of ``stems`` in ``folder``. Raises DataError for a file that cannot be read."""
    result = LabelSummary()
    for stem in stems:
        path = f"{folder}/{stem}.txt"
        try:
            path, content = label_folders.read_stem(folder, stem)
        except FileNotFoundError:
            raise DataError("this label file is missing", where=path) from None
        result.read += 1
        if not content.strip():
            result.empty.add(path, 1)
        elif found := _SPACING.search(content):
            result.spacing.add(path, content.count(b"\n", 0, found.end() - 1) + 1)
        boxes = result.boxes.setdefault(stem, []) if stem in boxes_of else None
        for number, line in enumerate(content.splitlines(), start=1):
            _take(result, line.split(), path, number, boxes)
    return result


def _take(result: LabelSummary, columns: list[bytes], path: str, number: int, boxes: list[list[float]] | None) -> None:
    if not columns:
        return
    try:
        if len(columns) < _LEAST:
            raise ValueError
        occlusion, _, left, top, right, bottom, _ = map(float, columns[2:_LEAST])
        float(columns[1])
        if not isfinite(left + top + right + bottom):
            raise ValueError
    except ValueError:
        words = [column for column in columns if not _is_number(column)]
        blanks = len(words) > 1 and words == columns[: len(words)] and len(columns) - len(words) in (14, 15)
        (result.blanks if blanks else result.odd).add(path, number)
        return
    if len(columns) != _COLUMNS:
        (result.scores if len(columns) == _COLUMNS + 1 else result.widths).add(path, number)
    if not columns[2].removeprefix(b"-").isdigit():
        result.fractions.add(path, number)
    result.objects[columns[0].decode(errors="replace")] += 1
    result.occluded += occlusion != 0
    if not (trunc(left) < trunc(right) and trunc(top) < trunc(bottom)):
        result.flat.add(path, number)
    if boxes is not None:
        boxes.append([left, top, right, bottom])


def _is_number(column: bytes) -> bool:
    try:
        float(column)
    except ValueError:
        return False
    return True
