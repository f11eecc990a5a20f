"""KITTI: one text file per picture, fifteen columns per object.

    short_sleeved_shirt 0.00 1 0.00 12.00 7.00 230.00 310.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00

Columns: class, truncation, occlusion, alpha, left, top, right, bottom, and seven of the third dimension, which are 0
here. Numbers have two decimals; occlusion is a whole number, since NVIDIA's tlt-augment cannot read another. A
picture on which nothing is has an empty file; one without a file is not labelled.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from converters import images, rules
from converters.findings import Findings
from converters.formats import Place, in_order, split_name
from converters.model import Box, Dataset, Object, Sample
from tltpipe.errors import DataError, Location

ABOUT = "KITTI labels, as TLT takes them: <split>/label_2/*.txt, <split>/image_2"
CARRIES = frozenset({"box", "occlusion", "truncation"})

_LABELS = ("label_2", "label", "labels")
_IMAGES = ("image_2", "image", "images")
_REST = " 0.00" * 7
_COLUMNS = ("class", "truncation", "occlusion", "alpha", "left", "top", "right", "bottom")
_LARGEST = 16 << 20  # bytes; no label file is that large


def find(root: Path) -> dict[str, Place]:
    """Label and picture folders at ``root`` or in its sub folders, one for each split."""
    if not root.is_dir():
        return {}
    if (labels := _labels(root)) is not None:
        return {_own_name(root): Place(root, labels, _images(root))}
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = {split_name(path.name): (path, labels) for path in folders if (labels := _labels(path)) is not None}
    return in_order({name: Place(root, labels, _images(path)) for name, (path, labels) in found.items()})


def _labels(folder: Path) -> Path | None:
    for name in _LABELS:
        labels = folder / name
        if labels.is_dir() and any((folder / other).is_dir() for other in _IMAGES) and _looks_right(labels):
            return labels
    return None


def _looks_right(labels: Path) -> bool:
    """Whether the first file with a line in it has one of KITTI's; YOLO's folders are called the same."""
    with os.scandir(labels) as entries:
        some = [entry.path for _, entry in zip(range(64), entries, strict=False) if entry.name.endswith(".txt")]
    for path in some:
        with Path(path).open("rb") as stream:
            words = stream.readline(4096).split()
        if words:
            return len(words) >= 14 or not words[0].lstrip(b"-").isdigit()
    return bool(some)


def _images(folder: Path) -> Path:
    return next(folder / name for name in _IMAGES if (folder / name).is_dir())


def _own_name(root: Path) -> str:
    name = split_name(root.name)
    return name if name in ("train", "validation", "test") else "train"


def layout(root: Path, split: str) -> Place:
    return Place(root, root / split / "label_2", root / split / "image_2")


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``, in the order of the names; lines have 15 columns, or 16 with a score, which is dropped.

    Without ``classes`` the categories are the sorted class names, which takes one look at each label file.
    """
    folder = Folder(place.annotations, place.images, frozenset(classes) if classes is not None else None)
    return Dataset(classes if classes is not None else folder.categories(), folder)


@dataclass(frozen=True)
class Folder:
    """A folder of label files and one of pictures."""

    labels: Path
    images: Path
    classes: frozenset[str] | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.labels, self.images)

    def keys(self) -> list[tuple[str, str | None]]:
        """Names of all label files and pictures without extension, each with its picture's, if it has one."""
        pictures = _pictures(self.images)
        return [(stem, pictures.get(stem)) for stem in sorted({*pictures, *_stems(self.labels)})]

    def name(self, key: tuple[str, str | None]) -> str:
        return key[0]

    def load(self, key: tuple[str, str | None], findings: Findings) -> Sample:
        stem, file_name = key
        path = self.labels / f"{stem}.txt"
        if file_name is None:
            hint = "put it there, or remove the labels"
            raise DataError("these labels have no picture", where=path, hint=hint, code=rules.NO_PICTURE.code)
        image = self.images / file_name
        if not path.exists():
            hint = f"an empty file says that nothing is on it: {path}"
            what = "this picture has no label file"
            raise DataError(what, where=image, hint=hint, code=rules.NO_ANNOTATIONS.code)
        objects = parse(path)
        if self.classes is not None:
            for thing in objects:
                if thing.category not in self.classes:
                    what = f'"{thing.category}" is none of the classes in the class map'
                    raise DataError(what, where=Location(path, _line(thing), 1), code=rules.UNKNOWN_CLASS.code)
        width, height = images.look(image, findings)
        return Sample(stem, image, width, height, tuple(objects), annotations=path)

    def categories(self) -> tuple[str, ...]:
        """The class names in the label files, sorted; of lines that are none, nothing is said yet."""
        found = set()
        for stem in sorted(_stems(self.labels)):
            for line in _read(self.labels / f"{stem}.txt").split("\n"):
                found.update(line.split(None, 1)[:1])
        return tuple(sorted(found))


def _pictures(folder: Path) -> dict[str, str]:
    """File names of the pictures in ``folder`` by stem."""
    names = sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is needed
    return {name.rpartition(".")[0]: name for name in names if "." in name and not name.startswith(".")}


def _stems(folder: Path) -> set[str]:
    names = os.listdir(folder)  # noqa: PTH208
    return {name.removesuffix(".txt") for name in names if name.endswith(".txt") and not name.startswith(".")}


def _line(thing: Object) -> int | None:
    return thing.origin if isinstance(thing.origin, int) else None


def parse(path: Path) -> list[Object]:
    """The objects of one label file; blank lines do not count. Raises DataError with file, line and column."""
    found = []
    for number, text in enumerate(_read(path).split("\n"), start=1):
        words = text.split()
        if not words:
            continue
        try:
            truncation, occlusion = float(words[1]), float(words[2])
            left, top, right, bottom = map(float, words[4:8])
        except (ValueError, IndexError):
            raise _Line(path, number, text).problem() from None
        plain = 0 <= truncation <= 1 and occlusion in _OCCLUSIONS and abs(left + top + right + bottom) < 1e6
        if not plain or len(words) not in (15, 16) or not all(map(_is_number, words[8:])) or not _is_number(words[3]):
            line = _Line(path, number, text)
            if line.wrong():
                raise line.problem()
            # KITTI writes -1 in both columns of regions that are not labelled ("DontCare").
            truncation, occlusion = max(0.0, truncation), occlusion % 4
        box = Box(left, top, right, bottom)
        found.append(Object(words[0], box, occlusion=int(occlusion), truncation=truncation, origin=number))
    return found


_OCCLUSIONS = frozenset((0.0, 1.0, 2.0, 3.0))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError("this file is too large to be one picture's labels", where=path)
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("this label file is not UTF-8 text", where=path) from None
    except OSError as problem:
        raise DataError(f"this label file cannot be read: {problem.strerror}", where=path) from None


@dataclass(frozen=True)
class _Line:
    """A line that is not quite as usual."""

    path: Path
    number: int
    text: str

    def wrong(self) -> bool:
        return self._problem() is not None

    def problem(self) -> DataError:
        return self._problem() or self._error(0, "this line cannot be read")

    def _problem(self) -> DataError | None:
        words = self.text.split()
        if len(words) not in (15, 16) or not _is_number(words[1]):
            return self._misshapen(words)
        for column in range(1, len(words)):
            if not _is_number(words[column]):
                what = _COLUMNS[column] if column < len(_COLUMNS) else f"column {column + 1}"
                return self._error(column, f"{what} must be a number, not {words[column]}")
        truncation, occlusion = float(words[1]), float(words[2])
        if not (0 <= truncation <= 1 or truncation == -1):
            return self._error(1, f"truncation is {words[1]}, but must be from 0 to 1")
        if occlusion not in (-1, 0, 1, 2, 3):
            return self._error(2, f"occlusion is {words[2]}, but must be 0, 1, 2 or 3")
        far = next((column for column in range(4, 8) if abs(float(words[column])) >= 1e6), None)
        return None if far is None else self._error(far, f"{words[far]} cannot be a pixel")

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
    if word == "0.00":
        return True  # seven times in every line
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def encode(sample: Sample) -> str:
    """The text of the label file of ``sample``; empty when nothing is on it."""
    return "".join(map(_encoded, sample.objects))


def _encoded(thing: Object) -> str:
    box = thing.box
    corners = f"{box.left:.2f} {box.top:.2f} {box.right:.2f} {box.bottom:.2f}"
    return f"{thing.category} {thing.truncation:.2f} {thing.occlusion} 0.00 {corners}{_REST}\n"


@dataclass(frozen=True)
class Recorder:
    """Writes the label file of each sample."""

    folder: str

    def record(self, sample: Sample) -> None:
        data, path = encode(sample).encode(), f"{self.folder}/{sample.id}.txt"
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            os.write(file, data)
        finally:
            os.close(file)


class Writer:
    """Writes ``<path>/<id>.txt`` for every sample, empty where nothing is on it."""

    def __init__(self, path: Path, categories: Sequence[str]) -> None:
        """Raises DataError for a category with a blank in its name, which no KITTI reader can take."""
        for name in categories:
            if len(name.split()) != 1 or name != name.strip():
                hint = f'call it "{"_".join(name.split())}": --rename' if name.strip() else None
                raise DataError(f'KITTI labels cannot hold the class name "{name}"', where=path, hint=hint)
        self.recorder = Recorder(str(path))

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def append(self, record: None) -> None:
        """The file is there already."""
