"""Open Images: tables with one row for each box, in shares of the picture's width and height.

    train-annotations-bbox.csv    class-descriptions-boxable.csv    train/000a1249af2bc5f0.jpg

    ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside

A picture is named without its extension. Where there is a file of descriptions, classes are called what it calls the
codes in LabelName (/m/01g317 is Person). Boxes come back to a ten-thousandth of a pixel. The flags of occlusion and
truncation know 0, 1 and -1 for unknown; what they cannot say stands in two more columns, Occlusion and Truncation. A
picture on which nothing is, of which Open Images itself says nothing, has a row with its name alone. FiftyOne's folders
are read, too: data, labels/detections.csv, metadata/classes.csv, in a folder for each split or not.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from converters.files import contents, listing
from converters.files.numerals import shortest
from converters.formats._tables import rows as csv_rows
from converters.formats._tables import text
from converters.formats._tables.pictures import TablePictures
from converters.formats._tables.rows import Row, Table
from converters.formats._tables.text import RowWriter
from converters.model import Box, Dataset, Object, Sample
from converters.model import classes as class_map
from converters.model.findings import Findings
from converters.model.splits import Place, by_name, split_name
from converters.pictures import headers as images
from tltpipe import inputs
from tltpipe.errors import DataError, Location

ABOUT = "Open Images: <split>-annotations-bbox.csv, <split>/*.jpg"
CARRIES = frozenset({"box", "crowd", "occlusion", "truncation"})

DESCRIPTIONS = "class-descriptions-boxable.csv"
_DETECTIONS = Path("labels", "detections.csv")
_CLASSES = Path("metadata", "classes.csv")

HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside,"
    "Occlusion,Truncation"
)

_COLUMNS: Mapping[str, Sequence[str]] = {
    "picture": ("imageid",),
    "class": ("labelname",),
    **{name: (name.lower(),) for name in ("XMin", "XMax", "YMin", "YMax", "IsOccluded", "IsTruncated", "IsGroupOf")},
    **{name: (name.lower(),) for name in ("Occlusion", "Truncation")},
}
_NEEDED = ("picture", "class", "XMin", "XMax", "YMin", "YMax", "IsGroupOf")
_ENDING = "-annotations-bbox"
_DECIMALS = 4


def find(root: Path) -> dict[str, Place]:
    """The table ``root``, those in that folder, or those in FiftyOne's folders."""
    if root.is_dir() and (exported := _exported(root)):
        return exported
    paths = [root] if root.is_file() else sorted(root.glob("*.csv")) if root.is_dir() else []
    top = root if root.is_dir() else root.parent
    found = [path for path in paths if path.suffix == ".csv" and path.name[:1] != "." and _table(path) is not None]
    return by_name((_named(path), Place(top, path, _images(path, _split_of(path)))) for path in found)


def _named(path: Path) -> str:
    """train-annotations-bbox.csv, oidv6-train-annotations-bbox.csv"""
    return path.stem.removesuffix(_ENDING).removeprefix("oidv6-")


def _exported(root: Path) -> dict[str, Place]:
    """FiftyOne's folders: those of ``root`` itself, or of a split in each of its folders."""
    if (root / _DETECTIONS).is_file() and _table(root / _DETECTIONS) is not None:
        name = split_name(root.name)
        split = name if name in ("train", "validation", "test") else "train"
        return {split: Place(class_map.home(root), root / _DETECTIONS, root / "data")}
    tables = ((path.parents[1], path) for path in sorted(root.glob(f"*/{_DETECTIONS}")) if _table(path) is not None)
    return by_name((folder.name, Place(root, path, folder / "data")) for folder, path in tables)


def missing(root: Path) -> str | None:
    """What tables of boxes at ``root`` lack."""
    tables = contents.first(root, "csv")
    own = next((path for path in tables if (table := csv_rows.table(path, _COLUMNS)) and table.has("picture")), None)
    if own is None:
        return None
    if _table(own) is not None:
        return f"{own.name} lies in {own.parent}: name that folder"
    return f"{own.name} has ImageID, but not LabelName, XMin, XMax, YMin, YMax and IsGroupOf"


def _split_of(path: Path) -> str:
    return split_name(_named(path))


def _images(path: Path, split: str) -> Path:
    tops = (path.parent, path.parent / "images", path.parent.parent)
    candidates = [top / name for top in tops for name in (split, "val" if split == "validation" else split)]
    return next((folder for folder in (*candidates, tops[1]) if folder.is_dir()), candidates[0])


def _table(path: Path) -> Table | None:
    table = csv_rows.table(path, _COLUMNS)
    return table if table is not None and table.has(*_NEEDED) else None


def layout(root: Path, split: str) -> Place:
    return Place(root, root / f"{split}{_ENDING}.csv", root / split)


def describe(root: Path, categories: Sequence[str], splits: Mapping[str, Place]) -> Mapping[str, str]:  # noqa: ARG001
    """The descriptions: every class is called what it is called."""
    return {DESCRIPTIONS: b"".join(text.encoded(name, name) for name in categories).decode()}


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``, in the order in which pictures first appear; the categories are sorted by name.

    One pass over the file finds the rows of each picture. Raises DataError for a file without the columns, or for
    descriptions that cannot be read.
    """
    table = _table(place.annotations)
    if table is None:
        hint = "needed are ImageID, LabelName, XMin, XMax, YMin, YMax, IsGroupOf"
        raise DataError("the first row does not name the columns", where=place.annotations, hint=hint)
    folder = place.annotations.parent
    path = next((path for path in (folder / DESCRIPTIONS, folder.parent / _CLASSES) if path.is_file()), None)
    rows = Rows(table, place.images, frozenset(classes) if classes is not None else None, path)
    if classes is None:
        classes = tuple(sorted({rows.category(word) for word in csv_rows.index(table).classes}))
    return Dataset(classes, rows)


@lru_cache(maxsize=4)
def _descriptions(path: Path) -> Mapping[str, str]:
    """What each code in LabelName means. Raises DataError with the line of what cannot be understood."""
    try:
        lines = inputs.content(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise DataError("these descriptions cannot be read as text", where=path) from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.replace(" ", "").lower() == "labelname,displayname":
            continue
        try:
            code, name = (field.strip() for field in text.fields(line, ","))
        except (ValueError, csv.Error):
            what, hint = "a code and a name are needed", "write /m/01g317,Person"
            raise DataError(what, where=Location(path, number), hint=hint) from None
        found[code] = name
    return found


@dataclass(frozen=True)
class Rows(TablePictures):
    """The pictures of one table."""

    descriptions: Path | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (*super().inputs, self.descriptions) if self.descriptions is not None else super().inputs

    def items(self, key: Sequence[int]) -> list[str]:
        return [self.category(word) for row in self.table.rows(key) if (word := row.text("class"))]

    def load(self, key: Sequence[int], findings: Findings) -> Sample:
        rows = self.table.rows(key)
        id, image = self.image(rows[0], findings)
        width, height = images.look(image, findings)
        objects = tuple(self._object(row, width, height) for row in rows if not _is_empty(row))
        return Sample(id, str(image), width, height, objects, annotations_path=str(self.table.path))

    def category(self, word: str) -> str:
        """What the class is called here."""
        return _descriptions(self.descriptions).get(word, word) if self.descriptions is not None else word

    def located(self, below: str) -> tuple[str, Path]:
        return below, listing.picture(self.images, below)

    def below(self, row: Row) -> str:
        name = row.text("picture")
        if not name or not listing.is_below(name):
            raise row.error("picture", f'"{name[:80]}" cannot be the name of one')
        return name

    def _object(self, row: Row, width: int, height: int) -> Object:
        word = row.text("class")
        if not word:
            raise row.error("class", "is missing")
        category = self.category(word)
        row.require_class(category, self.classes)
        sides = (("XMin", width), ("YMin", height), ("XMax", width), ("YMax", height))
        corners = [_share(row, column) * size for column, size in sides]
        box = Box(*(round(corner, _DECIMALS) for corner in corners))
        occlusion = _flag(row, "IsOccluded", unknown=3)
        truncation = float(max(0, _flag(row, "IsTruncated", unknown=0)))
        if row.text("Occlusion"):
            occlusion = int(row.number("Occlusion"))
            if occlusion not in (0, 1, 2, 3):
                raise row.error("Occlusion", f"is {occlusion}, but must be 0, 1, 2 or 3")
        if row.text("Truncation"):
            truncation = row.number("Truncation")
            if not 0 <= truncation <= 1:
                raise row.error("Truncation", f"is {truncation:g}, but must be from 0 to 1")
        crowd = _flag(row, "IsGroupOf", unknown=0) == 1
        return Object(category, box, occlusion=occlusion, truncation=truncation, crowd=crowd, origin=row.line)


def _is_empty(row: Row) -> bool:
    return not any(row.text(column) for column in ("class", "XMin", "XMax", "YMin", "YMax"))


def _share(row: Row, column: str) -> float:
    """A corner, which may be outside the picture, but not as far as one in pixels would be."""
    number = row.number(column)
    if not -1 <= number <= 2:
        raise row.error(column, f"is {number:g}, but must be from 0 to 1", hint="in pixels? read it with --from csv")
    return number


def _flag(row: Row, column: str, *, unknown: int) -> int:
    number = row.number(column, default=-1)
    if number not in (-1, 0, 1):
        raise row.error(column, f"is {number:g}, but must be 0, 1 or -1")
    return unknown if number == -1 else int(number)


@dataclass(frozen=True)
class Recorder:
    """Makes the rows of each sample."""

    def record(self, sample: Sample) -> bytes:
        if not sample.objects:
            return text.encoded(sample.id, *[""] * HEADER.count(","))
        return b"".join([text.encoded(sample.id, *_fields(thing, sample)) for thing in sample.objects])


def _fields(thing: Object, sample: Sample) -> tuple[str, ...]:
    box, width, height = thing.box, sample.width, sample.height
    shares = (box.left / width, box.right / width, box.top / height, box.bottom / height)
    flags = (
        {0: "0", 3: "-1"}.get(thing.occlusion, "1"),
        "1" if thing.truncation > 0 else "0",
        "1" if thing.crowd else "0",
    )
    more = (str(thing.occlusion), shortest(thing.truncation))
    return ("xclick", thing.category, "1", *[f"{share:.9g}" for share in shares], *flags, "0", "0", *more)


class Writer(RowWriter):
    """Writes one table."""

    def __init__(self, path: Path, categories: Sequence[str]) -> None:  # noqa: ARG002 - the protocol
        super().__init__(path, HEADER, Recorder())
