"""KITTI label lines as the programs read and write them, all fifteen columns kept.

A superset of what NVIDIA's programs accept: blank lines, any white space between columns, a byte order mark,
occlusion as a float, and a sixteenth column (a detector's score), which is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from tltpipe.errors import DataError, Location

COLUMNS: tuple[str, ...] = ("class", "truncation", "occlusion", "alpha", "left", "top", "right", "bottom")
COLUMNS += ("height", "width", "length", "x", "y", "z", "rotation_y")
FORM = "15 columns are needed: class truncation occlusion alpha left top right bottom and seven more (0 will do)"


@dataclass(frozen=True, slots=True)
class Label:
    """One line: ``box`` left, top, right, bottom in pixels; ``world`` height, width, length, x, y, z, rotation_y."""

    category: str
    truncation: float
    occlusion: int
    alpha: float
    box: tuple[float, float, float, float]
    world: tuple[float, float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Labels:
    """One file: its lines in order, and how many of them carried a score that was dropped."""

    lines: tuple[Label, ...]
    scores: int = 0


def read(path: Path) -> Labels:
    """The labels in the file ``path``; raises DataError with file and line for what cannot be understood."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        hint = "an image without objects needs an empty one"
        raise DataError("this label file is missing", where=path, hint=hint) from None
    except UnicodeDecodeError:
        raise DataError("this label file is not UTF-8 text", where=path) from None
    except OSError as problem:
        raise DataError(f"this label file cannot be read: {problem.strerror}", where=path) from None
    return parse(text, source=path)


def parse(text: str, *, source: Path | str) -> Labels:
    """The labels in ``text``; ``source`` names the file in a DataError."""
    lines: list[Label] = []
    scores = 0
    for number, line in enumerate(text.split("\n"), start=1):
        columns = line.split()
        if not columns:
            continue
        lines.append(_label(columns, Location(source, number)))
        scores += len(columns) - len(COLUMNS)
    return Labels(tuple(lines), scores)


def render(labels: Sequence[Label]) -> str:
    """One line a label, fifteen columns: two decimals, occlusion an integer."""
    return "".join(_line(label) for label in labels)


def _line(label: Label) -> str:
    box = " ".join(f"{value:.2f}" for value in label.box)
    world = " ".join(f"{value:.2f}" for value in label.world)
    return f"{label.category} {label.truncation:.2f} {label.occlusion} {label.alpha:.2f} {box} {world}\n"


def _label(columns: Sequence[str], where: Location) -> Label:
    # What does not read as a number says more than the count: it is mostly the second word of a class.
    for name, text in zip(COLUMNS[1:], columns[1:], strict=False):
        if not _is_number(text):
            raise DataError(f'column "{name}" is not a number but "{text}"', where=where, hint=_hint(columns))
    if len(columns) not in (len(COLUMNS), len(COLUMNS) + 1):
        raise DataError(f"{len(columns)} columns", where=where, hint=FORM)
    numbers = [float(text) for text in columns[1 : len(COLUMNS)]]
    truncation, occlusion, alpha, left, top, right, bottom, *world = numbers
    height, width, length, x, y, z, rotation = world
    box = (left, top, right, bottom)
    if not all(map(isfinite, (occlusion, *box))):
        raise DataError("occlusion and the box must be finite numbers", where=where)
    return Label(columns[0], truncation, int(occlusion), alpha, box, (height, width, length, x, y, z, rotation))


def _hint(columns: Sequence[str]) -> str:
    words = [text for text in columns if not _is_number(text)]
    if "," in columns[0]:
        return "columns are separated by spaces, not commas"
    if len(words) > 1 and list(columns[: len(words)]) == words:
        return f'a class has no spaces: write "{"_".join(words)}"'
    return FORM


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
