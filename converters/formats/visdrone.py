"""VisDrone DET: one text file per image, eight numbers per object.

    VisDrone2019-DET-train/annotations/0000002_00005_d_0014.txt    VisDrone2019-DET-train/images

    684,8,273,116,1,4,0,1

Columns: left, top, width, height, score, category, truncation (0 none, 1 up to half), occlusion (0 none, 1 partly, 2
largely). Categories count from 0, which is an ignored region; so is what has score 0, which evaluation passes over, but
for "others", which always has. Regions to ignore are items of no class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from converters.files import contents, listing
from converters.files.label_folders import TEXT, LabelFolder, read_stem
from converters.files.numerals import FAR, is_number
from converters.model import Box, Dataset, Object, Sample
from converters.model import classes as class_map
from converters.model.findings import Findings
from converters.model.splits import Place, by_name, only_split, split_name
from converters.pictures import headers
from tltpipe.errors import DataError, Location

ABOUT = "VisDrone DET: VisDrone2019-DET-<split>/annotations/*.txt, images"
CARRIES = frozenset({"box", "occlusion", "truncation", "ignored"})

CLASSES = (
    *("pedestrian", "people", "bicycle", "car", "van", "truck"),
    *("tricycle", "awning-tricycle", "bus", "motor", "others"),
)
"""Categories 1 to 11."""

_OTHERS = 11
_TRUNCATED = 0.5  # as a share: "up to half" is all that is known
_COLUMNS = ("left", "top", "width", "height", "score", "category", "truncation", "occlusion")
_SPLIT = re.compile(r"(train|validation|val|test-dev|test-challenge|test)$", re.IGNORECASE)


def find(root: Path) -> dict[str, Place]:
    """``root`` itself, or one split in each of its folders."""
    if not root.is_dir():
        return {}
    if (own := _place(class_map.home(root), root)) is not None:
        return {only_split(_split_of(root)): own}
    return by_name(
        (_split_of(path), place) for path in listing.folders(root) if (place := _place(root, path)) is not None
    )


def _split_of(folder: Path) -> str:
    """VisDrone2019-DET-train, VisDrone2019-DET-test-dev"""
    named = _SPLIT.search(folder.name)
    return split_name(named[1].lower().removesuffix("-dev")) if named else folder.name


def _place(root: Path, folder: Path) -> Place | None:
    labels, pictures = folder / "annotations", folder / "images"
    return Place(root, labels, pictures) if labels.is_dir() and pictures.is_dir() and _looks_right(labels) else None


def _looks_right(labels: Path) -> bool:
    """Whether the first file with a line in it has one of VisDrone's."""
    for name in islice(listing.files(labels, TEXT), 64):
        line = contents.head(labels / name).strip().partition(b"\n")[0].decode(errors="replace")
        if line:
            words = _words(line)
            return len(words) == len(_COLUMNS) and all(map(is_number, words))
    return False


def _words(line: str) -> list[str]:
    """The columns of a line; in some files a comma closes it."""
    return [word.strip() for word in line.strip().removesuffix(",").split(",")]


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``, in the order of the names; the classes are VisDrone's eleven."""
    known = frozenset(classes) if classes is not None else None
    return Dataset(classes if classes is not None else CLASSES, Folder(place.annotations, place.images, known))


class Folder(LabelFolder):
    """Label files and images of this format."""

    def items(self, key: tuple[str, ...]) -> list[str]:
        path, content = read_stem(self.labels, key[0])
        return [thing.category for thing in _parsed(content, Path(path))[0]]

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        image, own, content = self.pair(key, findings)
        path = Path(own)
        objects, ignored = _parsed(content, path)
        class_map.require(objects, self.classes, path)
        width, height = headers.look(image, findings)
        return Sample(key[0], image, width, height, objects, annotations_path=str(path), ignored=ignored)


def _parsed(content: bytes, path: Path) -> tuple[tuple[Object, ...], tuple[Box, ...]]:
    """The objects in the label file ``path``, and the regions to ignore. Raises DataError with line and column."""
    objects, ignored = list[Object](), list[Box]()
    for number, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        left, top, width, height, score, category, truncation, occlusion = _numbers(line, path, number)
        box = Box(left, top, left + width, top + height)
        if category == 0 or (score == 0 and category != _OTHERS):
            ignored.append(box)
            continue
        name = CLASSES[int(category) - 1]
        share = _TRUNCATED if truncation == 1 else 0.0
        objects.append(Object(name, box, occlusion=int(occlusion), truncation=share, origin=number))
    return tuple(objects), tuple(ignored)


def _numbers(line: str, path: Path, number: int) -> Sequence[float]:
    words, where = _words(line), Location(path, number)
    if len(words) != len(_COLUMNS):
        what = f"a line has 8 columns, this one has {len(words)}"
        raise DataError(what, where=where, hint=",".join(_COLUMNS))
    for column, word in zip(_COLUMNS, words, strict=True):
        if not is_number(word) or abs(float(word)) >= FAR:
            raise DataError(f"{column} must be a number, not {word[:40]!a}", where=where)
    numbers = [float(word) for word in words]
    for column, most, value in zip(_COLUMNS[5:], (_OTHERS, 1, 2), numbers[5:], strict=True):
        if value not in range(most + 1):
            raise DataError(f"{column} is {value:g}, but must be a whole number from 0 to {most}", where=where)
    return numbers
