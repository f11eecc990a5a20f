"""KITTI: one text file per picture, fifteen columns per object.

    short_sleeved_shirt 0.00 1 0.00 12.00 7.00 230.00 310.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00

Columns: class, truncation, occlusion, alpha, left, top, right, bottom, and seven of the third dimension, which are 0
here. Occlusion is written as a whole number, since NVIDIA's tlt-augment cannot read another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from converters import images
from converters.model import Box, Dataset, Object, Sample
from tltpipe.errors import DataError, Location
from tltpipe.files import staged

CARRIES = frozenset({"box", "occlusion", "truncation"})

_REST = " 0.00" * 7
_COLUMNS = ("class", "truncation", "occlusion", "alpha", "left", "top", "right", "bottom")


def encode(sample: Sample) -> str:
    """The text of the label file of ``sample``; empty when nothing is on it."""
    return "".join(map(_line, sample.objects))


def _line(thing: Object) -> str:
    box = thing.box
    corners = f"{box.left:.2f} {box.top:.2f} {box.right:.2f} {box.bottom:.2f}"
    return f"{thing.category} {thing.truncation:.2f} {thing.occlusion} 0.00 {corners}{_REST}\n"


class Writer:
    """Writes ``<path>/<stem>.txt`` for every sample, empty where nothing is on it; the folder appears whole."""

    def __init__(self, path: Path, categories: Sequence[str]) -> None:
        """Raises DataError for a category with a blank in its name, which no KITTI reader can take."""
        for name in categories:
            if len(name.split()) != 1:
                hint = f'call it "{"_".join(name.split())}"' if name.strip() else None
                raise DataError(f'KITTI labels cannot hold the class name "{name}"', where=path, hint=hint)
        self.path = path
        self.categories = frozenset(categories)
        self._files = ExitStack()

    def __enter__(self) -> Writer:
        self._folder = self._files.enter_context(staged(self.path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def add(self, sample: Sample) -> None:
        unknown = {thing.category for thing in sample.objects} - self.categories
        if unknown:
            raise DataError(f"{min(unknown)} is none of the categories", where=sample.image)
        self.append(sample.id, encode(sample))

    def append(self, stem: str, text: str) -> None:
        """Write ``text`` as the label file of ``stem``."""
        try:
            with (self._folder / f"{stem}.txt").open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
        except FileExistsError:
            raise DataError(f'two pictures are called "{stem}"', where=self.path, hint="rename one of them") from None


def read(root: Path, *, image_dir: str = "image", label_dir: str = "label", image_extension: str = ".jpg") -> Dataset:
    """The pictures and labels below ``root``, one sample for each label file, in the order of their names.

    Categories are the sorted class names, which takes one look at each label file before the first sample.
    Lines have 15 columns, or 16 with a score, which is dropped. Raises DataError with file, line and column.
    """
    labels, pictures = root / label_dir, root / image_dir
    if not labels.is_dir():
        raise DataError("there is no folder of KITTI labels here", where=labels)
    paths = sorted(path for path in labels.iterdir() if path.suffix == ".txt")

    def samples() -> Iterator[Sample]:
        for path in paths:
            image = pictures / f"{path.stem}{image_extension}"
            width, height = images.size(image)
            yield Sample(path.stem, image, width, height, tuple(parse(path)))

    found = {thing.category for path in paths for thing in parse(path)}
    return Dataset(tuple(sorted(found)), samples)


def parse(path: Path) -> list[Object]:
    """The objects of one label file; blank lines do not count. Raises DataError with file, line and column."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise DataError("this label file is not UTF-8 text", where=path) from None
    except OSError as problem:
        raise DataError(f"this label file cannot be read: {problem.strerror}", where=path) from None
    lines = ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
    return [_Line(path, number, line).object() for number, line in lines]


@dataclass(frozen=True)
class _Line:
    path: Path
    number: int
    text: str

    def object(self) -> Object:
        words = self.text.split()
        if len(words) not in (15, 16) or not _is_number(words[1]):
            raise self._misshapen(words)
        numbers = [self._number(words, column) for column in range(1, len(words))]
        truncation, occlusion, _, left, top, right, bottom = numbers[:7]
        # KITTI writes -1 in both columns of regions that are not labelled ("DontCare").
        if not (0 <= truncation <= 1 or truncation == -1):
            raise self._error(1, f"truncation is {words[1]}, but must be from 0 to 1")
        if occlusion not in (-1, 0, 1, 2, 3):
            raise self._error(2, f"occlusion is {words[2]}, but must be 0, 1, 2 or 3")
        if right < left or bottom < top:
            raise self._error(4, f"the box {' '.join(words[4:8])} is turned inside out", "left, top, right, bottom")
        box = Box(left, top, right, bottom)
        return Object(words[0], box, occlusion=int(occlusion) % 4, truncation=max(0.0, truncation))

    def _number(self, words: list[str], column: int) -> float:
        if not _is_number(words[column]):
            what = _COLUMNS[column] if column < len(_COLUMNS) else f"column {column + 1}"
            raise self._error(column, f"{what} must be a number, not {words[column]}")
        return float(words[column])

    def _misshapen(self, words: list[str]) -> DataError:
        first = next((index for index, word in enumerate(words) if index and _is_number(word)), len(words))
        if first > 1 and len(words) - first in (14, 15):
            name = "_".join(words[:first])
            return self._error(1, "a class name must not hold blanks", f'write "{name}"')
        if "," in self.text:
            return self._error(0, "columns must be separated by blanks, not commas")
        hint = "class truncation occlusion alpha left top right bottom, then seven columns that may be 0"
        if len(words) in (15, 16):
            return self._error(1, f"truncation must be a number, not {words[1]}", hint)
        return self._error(0, f"a KITTI line has 15 columns (16 with a score), this one has {len(words)}", hint)

    def _error(self, column: int, what: str, hint: str | None = None) -> DataError:
        starts = [match.start() + 1 for match in re.finditer(r"\S+", self.text)]
        return DataError(what, where=Location(self.path, self.number, starts[column]), hint=hint)


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
