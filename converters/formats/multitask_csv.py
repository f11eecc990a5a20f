"""TAO's multi-task classification: a table with one row for each image, and a column for each task.

    fname,base_color,category,season          train.csv    val.csv    images/1163.jpg
    1163.jpg,Blue,Tshirts,Summer

The first column is the image; each further one is a task of which an image has one value. An image is one object as
large as itself: its class is the value of the first task, and the values of all are in its own fields by their names.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from converters.files import listing
from converters.formats._tables import rows as csv_rows
from converters.formats._tables import text as csv_text
from converters.formats._tables.rows import Table
from converters.formats.csv import ALIASES, images_of, split_of, tables_in
from converters.formats.csv import Rows as BoxRows
from converters.model import Box, Dataset, Object, Sample
from converters.model.findings import Findings
from converters.model.splits import Place, by_name
from converters.pictures import headers as images
from tltpipe import inputs
from tltpipe.errors import DataError

ABOUT = "TAO multi-task CSV: <split>.csv with an image and a value for each task in a row"
CARRIES = frozenset({"box", "extra"})

_LOOKED_AT = 8  # rows, to tell whether the first column names images
_OF_BOXES = frozenset(name for column in ("left", "right", "box width", "bbox") for name in ALIASES[column])


def find(root: Path) -> dict[str, Place]:
    """The table ``root``, or those in that folder."""
    paths = [root] if root.is_file() else tables_in(root) if root.is_dir() else []
    top = root if root.is_dir() else root.parent
    found = [(split_of(path), path) for path in paths if _table(path) is not None]
    return by_name((name, Place(top, path, images_of(path, name))) for name, path in found)


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``, in the order of its rows; the categories are sorted by name.

    Raises DataError for a file without the columns.
    """
    table = _table(place.annotations)
    if table is None:
        hint = "needed are the name of the image and a column for each task"
        raise DataError("the first row does not name the columns", where=place.annotations, hint=hint)
    known = frozenset(classes) if classes is not None else None
    categories = classes if classes is not None else tuple(sorted(csv_rows.index(table).classes))
    tasks = tuple(name.removeprefix(_TASK) for name, _ in table.columns[2:])
    return Dataset(categories, Rows(table, place.images, known), tasks=tasks)


def _table(path: Path) -> Table | None:
    """The table in the file ``path``; None where it is none of tasks."""
    header = csv_text.header(path) if path.suffix.lower() == ".csv" else None
    if header is None or len(header[1]) < 2 or not _OF_BOXES.isdisjoint(header[1]):
        return None
    separator, tasks = header[0], _tasks(path, header[0])
    if not all(tasks) or len({*tasks}) < len(tasks):
        return None
    columns = (("picture", 0), ("class", 1), *((f"{_TASK}{name}", place) for place, name in enumerate(tasks, start=1)))
    table = Table(path, separator, columns, path.stat().st_mtime_ns)
    return table if _names_images(table) else None


_TASK = "task "


def _tasks(path: Path, separator: str) -> list[str]:
    """The names of the further columns, as they are written."""
    with inputs.opened(path) as stream:
        line = stream.readline(csv_text.LONGEST).removeprefix(codecs.BOM_UTF8).decode().strip("\r\n")
    return [field.strip(csv_text.BLANKS) for field in csv_text.fields(line, separator)[1:]]


def _names_images(table: Table) -> bool:
    rows = islice(csv_text.rows(table.path, table.separator), _LOOKED_AT)
    try:
        few = [csv_text.fields(raw.decode(), table.separator) for _, _, raw in rows]
    except (DataError, UnicodeDecodeError, csv.Error):
        return False
    known = listing.PICTURES | listing.UNSUPPORTED
    return bool(few) and all(listing.extension_of(fields[0].strip(csv_text.BLANKS)) in known for fields in few)


@dataclass(frozen=True)
class Rows(BoxRows):
    """The images of one table."""

    def load(self, key: Sequence[int], findings: Findings) -> Sample:
        row, *others = self.table.rows(key)
        if others:
            what = f"is named in line {row.line}, too: an image has one value of each task"
            raise others[0].error("picture", what, hint="remove one of the rows")
        if (cells := len(self.table.columns) - 1) < len(row.fields):
            raise row.error("picture", f"is followed by {len(row.fields) - 1} values, but there are {cells - 1} tasks")
        id, image = self.image(row, findings)
        values = {name.removeprefix(_TASK): row.text(name) for name, _ in self.table.columns[2:]}
        lacking = next((name for name, value in values.items() if not value), None)
        if lacking is not None:
            raise row.error(f"{_TASK}{lacking}", "is missing")
        category = row.text("class")
        row.require_class(category, self.classes)
        width, height = images.look(image, findings)
        thing = Object(category, Box(0, 0, width, height), extra=dict(values), origin=row.line)
        return Sample(id, str(image), width, height, (thing,), annotations_path=str(self.table.path))
