"""VIA's CSV: a table with one row for each region, whose shape and attributes are JSON.

    via_region_data.csv    images/000001.jpg

    filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes
    000001.jpg,512,"{}",1,0,"{""name"":""rect"",""x"":12,""y"":7,""width"":218,""height"":303}","{""class"":""vest""}"

The class is the attribute called class, label, name, type or category, or the only one there is; other attributes are
kept among the extra fields. Polygons keep their outline, circles and ellipses as polygons. Points and lines are no
boxes: they are left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from converters.files import image_files
from converters.files.numerals import FAR
from converters.formats._tables import rows as csv_rows
from converters.formats._tables.pictures import TablePictures
from converters.formats._tables.rows import Row, Table
from converters.model import Box, Dataset, Object, Polygon, Sample, outlines, rules
from converters.model.findings import Findings
from converters.model.splits import SPLITS, Place, by_name, split_name
from converters.pictures import headers as images
from tltpipe.errors import DataError

ABOUT = "VIA (VGG Image Annotator) CSV: via_region_data.csv, images"
CARRIES = frozenset({"box", "polygons", "extra"})

_COLUMNS: Mapping[str, Sequence[str]] = {
    "picture": ("filename",),
    "shape": ("regionshapeattributes",),
    "class": ("regionattributes",),
}
_CLASS = ("class", "label", "name", "type", "category")
_NO_BOX = frozenset(("point", "polyline", "line"))


def find(root: Path) -> dict[str, Place]:
    """The table ``root``, those in that folder, or one in each of its folders."""
    if root.is_file():
        return {split_name(_split_of(root)): _place(root.parent, root)} if _table(root) is not None else {}
    if not root.is_dir():
        return {}
    own = [path for path in sorted(root.glob("*.csv")) if _table(path) is not None]
    if own:
        return by_name((_split_of(path), _place(root, path)) for path in own)
    inner = [path for path in sorted(root.glob("*/*.csv")) if _table(path) is not None]
    return by_name((path.parent.name, _place(root, path)) for path in inner)


def _split_of(path: Path) -> str:
    name = next((word for word in path.stem.split("_") if split_name(word) in SPLITS), path.parent.name)
    return name if split_name(name) in SPLITS else "train"


def _place(root: Path, path: Path) -> Place:
    folder = path.parent / "images"
    return Place(root, path, folder if folder.is_dir() else path.parent)


def _table(path: Path) -> Table | None:
    table = csv_rows.table(path, _COLUMNS) if path.suffix.lower() == ".csv" else None
    return table if table is not None and table.has(*_COLUMNS) else None


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The table at ``place``, in the order in which images first appear; the categories are sorted by name.

    Raises DataError for a file without the columns.
    """
    table = _table(place.annotations)
    if table is None:
        hint = "needed are filename, region_shape_attributes, region_attributes"
        raise DataError("the first row does not name the columns", where=place.annotations, hint=hint)
    image_files.forget()
    regions = Regions(table, place.images, frozenset(classes) if classes is not None else None)
    return Dataset(classes if classes is not None else regions.categories(), regions)


@dataclass(frozen=True)
class Regions(TablePictures):
    """The images of one table."""

    def categories(self) -> tuple[str, ...]:
        """The classes that regions name; of attributes that cannot be read, nothing is said yet."""
        names = set()
        for text in csv_rows.index(self.table).classes:
            try:
                names.add(_class_of(_parsed(text))[0])
            except ValueError:
                continue
        return tuple(sorted(names))

    def items(self, key: Sequence[int]) -> list[str]:
        shapes = ((row, self._json(row, "shape").get("name", "point")) for row in self.table.rows(key))
        return [_class_of(self._json(row, "class"))[0] for row, shape in shapes if shape not in _NO_BOX]

    def load(self, key: Sequence[int], findings: Findings) -> Sample:
        rows = self.table.rows(key)
        id, image = self.image(rows[0], findings)
        size = images.look(image, findings)
        objects = []
        for row in rows:
            shape = self._json(row, "shape")
            if shape.get("name") in _NO_BOX:
                findings.add(rules.NO_BOX, f"{self.table.path.name}:{row.line}")
            elif shape:
                objects.append(self._object(row, shape, size))
        return Sample(id, str(image), *size, tuple(objects), annotations_path=str(self.table.path))

    def image(self, row: Row, findings: Findings) -> tuple[str, Path]:
        name = row.text("picture")
        below = image_files.locate(self.images, name, among=self.table.path, every=self._every) if name else None
        if below is None:
            raise row.error("picture", f'"{name[:80]}" is not in {self.images}', code=rules.NO_PICTURE.code)
        image_files.note(findings, below, name)
        return below.rpartition(".")[0], Path(f"{self.images}/{below}")

    def _every(self) -> Iterator[str]:
        return (self.table.row(key[0], key[1]).text("picture") for key in self.keys())

    def _object(self, row: Row, shape: Mapping[str, Any], size: tuple[int, int]) -> Object:
        try:
            category, extra = _class_of(self._json(row, "class"))
        except ValueError as problem:
            raise row.error("class", str(problem)) from None
        row.require_class(category, self.classes)
        try:
            box, polygons = _geometry(shape, size)
        except ValueError as problem:
            raise row.error("shape", str(problem)) from None
        return Object(category, box, polygons, extra=extra, origin=row.line)

    def _json(self, row: Row, column: str) -> Mapping[str, Any]:
        try:
            return _parsed(row.text(column) or "{}")
        except ValueError as problem:
            raise row.error(column, str(problem)) from None


def _parsed(text: str) -> Mapping[str, Any]:
    """The object in ``text``. Raises ValueError."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as problem:
        raise ValueError(f"is not JSON: {problem.msg}") from None
    if not isinstance(found, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 - of the file, not of the caller
    return found


def _class_of(attributes: Mapping[str, Any]) -> tuple[str, dict[str, int | float | str]]:
    """The class that ``attributes`` name, and the others. Raises ValueError where none says the class."""
    lower = {name.lower(): name for name in attributes}
    key = next((lower[name] for name in _CLASS if name in lower), next(iter(attributes), None))
    if key is None or (len(attributes) > 1 and key.lower() not in _CLASS):
        raise ValueError(f"must be an attribute called {', '.join(_CLASS)}, not {', '.join(attributes)[:80] or 'none'}")
    value = attributes[key]
    if isinstance(value, dict):  # a checkbox: each choice, and whether it is ticked
        value = next(iter(name for name, ticked in value.items() if ticked), None) if len(value) == 1 else None
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'"{key[:40]}" must be one name')
    others = {name: other for name, other in attributes.items() if name != key and type(other) in (int, float, str)}
    return value.strip(), others


def _geometry(shape: Mapping[str, Any], size: tuple[int, int]) -> tuple[Box, tuple[Polygon, ...]]:
    kind = shape.get("name")
    if kind == "rect":
        left, top, width, height = _numbers(shape, "x", "y", "width", "height")
        return Box(left, top, left + width, top + height), ()
    if kind == "polygon":
        across, down = shape.get("all_points_x"), shape.get("all_points_y")
        if not isinstance(across, list) or not isinstance(down, list) or len(across) != len(down) or len(across) < 3:
            raise ValueError("all_points_x and all_points_y must have three numbers each, or more")
        ring = tuple(_pixel(value) for point in zip(across, down, strict=True) for value in point)
        return outlines.around(ring), (ring,)
    if kind in ("circle", "ellipse"):
        cx, cy, *radii = _numbers(shape, "cx", "cy", *(("r", "r") if kind == "circle" else ("rx", "ry")))
        turn = math.degrees(_pixel(shape.get("theta", 0)))
        ring = outlines.clipped(outlines.ellipse((cx, cy), (radii[0], radii[1]), turn), *size)
        return outlines.around(ring), (ring,)
    raise ValueError(f'a shape called "{str(kind)[:20]}" is not known')


def _numbers(shape: Mapping[str, Any], *names: str) -> list[float]:
    return [_pixel(shape.get(name)) for name in names]


def _pixel(value: Any) -> float:
    if type(value) not in (int, float) or not abs(value) < FAR:
        raise ValueError(f"must be in pixels, not {str(value)[:40]!a}")
    number: float = value
    return number
