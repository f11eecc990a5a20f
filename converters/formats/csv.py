"""CSV: a table with one row for each object, as the TensorFlow Object Detection API's tutorials have it.

    filename,width,height,class,xmin,ymin,xmax,ymax,occlusion,truncation
    000001.jpg,468,624,vest,120,33.5,300.25,410,0,0

Corners are in pixels. A picture on which nothing is has a row without class and box. Columns may come in any order and
under other names in use (image, label, x1 ...); instead of right and bottom there may be a width and a height of the
box, and a column that tells the splits apart. The last two columns, and the sizes, may be missing.

Two more tables are read: with a column ``bbox`` that holds a whole box, "[x, y, width, height]", as Kaggle has them
(where no column tells the classes, all is called "object"); and without a header, as keras-retinanet has them:

    images/000001.jpg,120,33,300,410,vest
    images/000002.jpg,,,,,

There a further file ``class,number`` may say which classes there are, and in which order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from converters.files import contents, listing
from converters.files.numerals import shortest
from converters.formats._tables import kinds
from converters.formats._tables import rows as csv_rows
from converters.formats._tables import text as csv_text
from converters.formats._tables.pictures import TablePictures
from converters.formats._tables.rows import Part, Row, Table
from converters.formats._tables.text import RowWriter
from converters.model import Box, Dataset, Object, Sample, rules
from converters.model.findings import Findings
from converters.model.splits import Place, by_name, split_name
from converters.pictures import headers as images
from tltpipe.errors import DataError

ABOUT = "CSV with a header, one row an object: <split>.csv, images/<split>"
CARRIES = frozenset({"box", "occlusion", "truncation"})

HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax,occlusion,truncation"

ALIASES: Mapping[str, Sequence[str]] = {
    "picture": (
        *("filename", "file", "imagename", "imagefile", "imagefilename", "imagepath", "filepath", "path", "imgpath"),
        *("imgname", "image", "img", "imageid", "imgid", "picture"),
    ),
    "class": ("class", "label", "classname", "labelname", "category", "categoryname", "objectclass", "name"),
    "left": ("xmin", "x1", "left", "xleft", "bboxxmin", "bboxx1", "x", "bboxx"),
    "top": ("ymin", "y1", "top", "ytop", "bboxymin", "bboxy1", "y", "bboxy"),
    "right": ("xmax", "x2", "right", "xright", "bboxxmax", "bboxx2"),
    "bottom": ("ymax", "y2", "bottom", "ybottom", "bboxymax", "bboxy2"),
    "box width": ("w", "bboxwidth", "bboxw", "boxwidth", "boxw"),
    "box height": ("h", "bboxheight", "bboxh", "boxheight", "boxh"),
    "image width": ("imagewidth", "imgwidth", "imagew", "imgw"),
    "image height": ("imageheight", "imgheight", "imageh", "imgh"),
    "width": ("width",),  # of the picture or of the box
    "height": ("height",),
    "bbox": ("bbox", "box", "boundingbox", "bndbox"),
    "occlusion": ("occlusion", "occluded", "isoccluded"),
    "truncation": ("truncation", "truncated", "istruncated"),
    "split": ("split", "subset", "set", "usage", "partition"),
    "group": ("isgroupof",),
}

_NAMED = re.compile(r"(train|validation|valid|val|test)", re.IGNORECASE)
_SPLITS = 16  # at most; a column with more words says something else
_SIZES = ("box width", "box height")


def find(root: Path) -> dict[str, Place]:
    """The table ``root``, those in that folder, or one in each of its sub folders; a table may hold several splits."""
    if root.is_file():
        return _splits(root.parent, root)
    if not root.is_dir():
        return {}
    found = [split for path in tables_in(root) for split in _splits(root, path).items()]
    for folder in [] if found else sorted(path for path in root.iterdir() if path.is_dir() and path.name[:1] != "."):
        places = [place for path in tables_in(folder) for place in _splits(root, path).values()]
        if len(places) == 1:
            found.append((folder.name, places[0]))
    return by_name(found)


def missing(root: Path) -> str | None:
    """What the first table at ``root`` lacks."""
    path = next(iter(contents.first(root, "csv", "tsv")), None)
    header = csv_text.header(path) if path is not None else None
    if path is None or header is None:
        return None
    return f"{path.name} has no columns for the image, the class and the box, but {', '.join(header[1])[:200]}"


def tables_in(folder: Path) -> list[Path]:
    """The tables in ``folder``, sorted."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.name[:1] != ".")


_SUFFIXES = (".csv", ".tsv")


def _splits(root: Path, path: Path) -> dict[str, Place]:
    table = _table(path)
    if table is None:
        return {}
    try:
        parts = csv_rows.index(table).parts if table.has("split") else ()
    except DataError:  # is told by whoever reads it
        parts = ()
    if set(parts) - {csv_rows.UNASSIGNED} and len(parts) <= _SPLITS:
        return {part: Part(root, path, images_of(path, part), part) for part in parts}
    name = split_of(path)
    return {name: Place(root, path, images_of(path, name))}


def split_of(path: Path) -> str:
    """The split that the name of a table tells."""
    named = _NAMED.search(path.stem)
    if named is not None:
        return split_name(named[1].lower())
    return "train" if path.stem.strip("_") in ("annotations", "labels", "data", "bboxes") else path.stem


def images_of(path: Path, split: str) -> Path:
    """The folder of the pictures, going by the names in use; beside the table where nothing is known."""
    names = dict.fromkeys((split, path.stem, *(("val", "valid") if split == "validation" else ())))
    tops = (path.parent / "images", path.parent)
    candidates = [top / name for top in tops for name in names]
    return next((folder for folder in (*candidates, tops[0]) if folder.is_dir()), path.parent)


def _table(path: Path, *, part: str | None = None) -> Table | None:
    """The table in the file ``path``; None where it lacks a column that is needed."""
    if path.suffix.lower() not in _SUFFIXES:
        return None
    table = csv_rows.table(path, ALIASES, part=part)
    if table is None or table.has("group"):
        return None  # which is Open Images' alone
    if not table.has("picture", "class", "left", "top"):
        return kinds.listed(table) if table.has("picture", "bbox") else kinds.headless(path)
    # Where no other column tells where the box ends, width and height are not the picture's.
    whose = "image" if table.has("right", "bottom") or table.has(*_SIZES) else "box"
    meant = {name: at for name, at in table.columns if name not in ("width", "height")}
    meant = {f"{whose} {name}": at for name, at in table.columns if name in ("width", "height")} | meant
    table = replace(table, columns=tuple(meant.items()))
    return table if table.has("right", "bottom") or table.has(*_SIZES) else None


_IMAGES = listing.PICTURES | listing.UNSUPPORTED


def layout(root: Path, split: str) -> Place:
    return Place(root, root / f"{split}.csv", root / "images" / split)


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``, in the order in which pictures first appear; the categories are sorted by name.

    One pass over the file finds the rows of each picture. Raises DataError for a file without the columns.
    """
    table = _table(place.annotations, part=place.part if isinstance(place, Part) else None)
    if table is None:
        hint = "needed are filename, class, xmin, ymin, xmax, ymax"
        raise DataError("the first row does not name the columns", where=place.annotations, hint=hint)
    if classes is None and not table.headed:
        classes = kinds.mapping(tables_in(table.path.parent))
    unnamed = "" if table.has("class") else classes[0] if classes is not None and len(classes) == 1 else "object"
    rows = Rows(table, place.images, frozenset(classes) if classes is not None else None, unnamed)
    own = (unnamed,) if unnamed else tuple(sorted(csv_rows.index(table).classes))
    return Dataset(classes if classes is not None else own, rows)


@dataclass(frozen=True)
class Rows(TablePictures):
    """The pictures of one table; ``unnamed`` is what things are called where no column tells their class."""

    unnamed: str = ""

    def items(self, key: Sequence[int]) -> list[str]:
        return [word for row in self.table.rows(key) if (word := row.text("class"))]

    def load(self, key: Sequence[int], findings: Findings) -> Sample:
        rows = self.table.rows(key)
        id, image = self.image(rows[0], findings)
        objects = tuple(thing for row in rows if (thing := self._object(row)) is not None)
        if self.unnamed and objects:
            findings.add(rules.UNNAMED, id, count=len(objects))
        width, height = self._size(rows) or images.look(image, findings)
        return Sample(id, str(image), width, height, objects, annotations_path=str(self.table.path))

    def located(self, below: str) -> tuple[str, Path]:
        stem, dot, extension = below.rpartition(".")
        if dot and stem and extension.lower() in _IMAGES:
            return stem, Path(f"{self.images}/{below}")
        return below, listing.picture(self.images, below)

    def below(self, row: Row) -> str:
        name = row.text("picture").replace("\\", "/").removeprefix("./")
        if not name:
            raise row.error("picture", "is missing: this row names none")
        # A path of another machine says nothing here but its last part.
        foreign = name.startswith("/") or name[1:2] == ":"
        below = listing.inside(self.images, name)
        below = name.rpartition("/")[2] if foreign and below == name else below
        if not listing.is_below(below):
            raise row.error("picture", f'cannot be "{name[:80]}"', hint="write its path below the picture folder")
        return below

    def _size(self, rows: Sequence[Row]) -> tuple[int, int] | None:
        """Width and height as the rows have them; None where they have none."""
        sizes: set[tuple[int, int]] = set()
        for row in rows:
            texts = row.text("image width"), row.text("image height")
            if not all(texts):
                continue
            width, height = row.number("image width"), row.number("image height")
            if not (width > 0 and height > 0 and width.is_integer() and height.is_integer()):
                raise row.error("image width", f"and height cannot be {texts[0][:20]} and {texts[1][:20]} pixels")
            sizes.add((int(width), int(height)))
            if len(sizes) > 1:
                raise row.error("image width", "or height is another than in an earlier row of this picture")
        return sizes.pop() if sizes else None

    def _object(self, row: Row) -> Object | None:
        category = row.text("class")
        ends = _SIZES if self.table.has(*_SIZES) and not self.table.has("right", "bottom") else ("right", "bottom")
        columns = ("bbox",) if self.table.lists else ("left", "top", *ends)
        texts = {text for column in columns if (text := row.text(column)).lower() not in kinds.NOTHING}
        if not texts and not category:
            return None
        category = category or self.unnamed
        if not category:
            raise row.error("class", "is missing")
        row.require_class(category, self.classes)
        left, top, right, bottom = kinds.four(row) if self.table.lists else (row.number(column) for column in columns)
        if self.table.lists or ends == _SIZES:
            right, bottom = left + right, top + bottom
        occlusion, truncation = row.number("occlusion", default=0), row.number("truncation", default=0)
        if occlusion not in (0, 1, 2, 3):
            raise row.error("occlusion", f"is {occlusion:g}, but must be 0, 1, 2 or 3")
        if not 0 <= truncation <= 1:
            raise row.error("truncation", f"is {truncation:g}, but must be from 0 to 1")
        box = Box(left, top, right, bottom)
        return Object(category, box, occlusion=int(occlusion), truncation=truncation, origin=row.line)


@dataclass(frozen=True)
class Recorder:
    """Makes the rows of each sample."""

    def record(self, sample: Sample) -> bytes:
        about = (sample.file_name, str(sample.width), str(sample.height))
        if not sample.objects:
            return csv_text.encoded(*about, "", "", "", "", "", "", "")
        return b"".join([csv_text.encoded(*about, *_columns(thing)) for thing in sample.objects])


def _columns(thing: Object) -> tuple[str, ...]:
    box = thing.box
    numbers = (box.left, box.top, box.right, box.bottom, thing.occlusion, thing.truncation)
    return (thing.category, *map(shortest, numbers))


class Writer(RowWriter):
    """Writes one table."""

    def __init__(self, path: Path, categories: Sequence[str]) -> None:  # noqa: ARG002 - the protocol
        super().__init__(path, HEADER, Recorder())
