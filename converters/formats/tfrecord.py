"""TFRecord: annotations in files of records, as tlt-dataset-convert lays them out and tlt-train reads them.

    <split>/<split>-fold-000-of-001-shard-00003-of-00010    images/<split>/000001.jpg

Numbers are float32: a ten-thousandth of a pixel in pictures of ordinary size. A record knows its picture by the frame
id alone (``images/<split>/000001``), without extension: training finds it with the root of the data set as
``image_directory_path``. Class names are stored in lower case. Boxes
too small for tlt-dataset-convert are kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, overload

from converters.files import contents, listing
from converters.files.numerals import FAR
from converters.model import Box, Dataset, Object, Sample, rules
from converters.model import classes as class_map
from converters.model.findings import Findings
from converters.model.ignore_regions import is_ignored, trainable
from converters.model.splits import Place, by_name, only_split
from converters.tfrecords import records, wire
from converters.tfrecords.examples import WORLD, Record, record, stored_name
from converters.tfrecords.frames import HINT, parsed
from converters.tfrecords.records import frame_record, read_record
from tltpipe import inputs
from tltpipe.errors import DataError
from tltpipe.files import new_file, writable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ABOUT = "TFRecords, as tlt-train takes them: <split>/*-fold-*, images/<split>"
CARRIES = frozenset({"box", "occlusion", "truncation", "ignored"})


def find(root: Path) -> dict[str, Place]:
    """The file of records ``root``, those in that folder, or those in each of its sub folders."""
    if root.is_file():
        return {only_split(root.parent.name): _place(root.parent, root)} if records.looks_right(root) else {}
    if not root.is_dir():
        return {}
    if _has_records(root):
        return {only_split(root.name): _place(class_map.home(root), root)}
    return by_name((path.name, _place(root, path)) for path in listing.folders(root) if _has_records(path))


def missing(root: Path) -> str | None:
    """What files that are called records lack."""
    files = contents.first(root, "tfrecord", "tfrecords", "record", "records")
    if not files:
        return None
    if records.looks_right(files[0]):
        return f"{files[0].name} lies in {files[0].parent}: name that folder"
    return f"{files[0].name} does not begin as a file of records does"


_LOOKED_AT = 8


def _has_records(folder: Path) -> bool:
    """Whether one of the first few files that may be records has the header of one; empty shards say nothing."""
    with os.scandir(folder) as entries:
        files = (entry for entry in entries if not records.NO_RECORDS.search(entry.name) and inputs.is_file(entry))
        sizes = (entry for entry in files if entry.stat().st_size)
        return any(records.looks_right(Path(entry.path)) for entry, _ in zip(sizes, range(_LOOKED_AT), strict=False))


def _place(root: Path, annotations: Path) -> Place:
    """Where the pictures are, going by the frame id of the first record."""
    folder = "images"
    for path in records.shards(annotations):
        first = next(records.offsets(path), None)
        if first is not None:
            try:
                folder = parsed(read_record(path, first), path, first).id.rpartition("/")[0]
            except DataError:  # is told when its turn comes
                continue
            break
    parts = folder.split("/") if listing.is_below(folder) else ["images"]
    own = ["images", annotations.name]
    parts = own if parts[:2] == own else parts  # the rest is nested
    tops = (root, root.parent, annotations.parent.parent)
    found = (top.joinpath(*parts) for top in tops)
    return Place(root, annotations, next((images for images in found if images.is_dir()), root.joinpath(*parts)))


def layout(root: Path, split: str) -> Place:
    return Place(root, root / split, root / "images" / split)


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The records at ``place``, in the order of file names and of records in them.

    Without ``classes`` the categories are the sorted class names, which takes a pass over the records. Raises
    DataError where there is no record file.
    """
    _shards.cache_clear()  # the folder may have changed
    classes = trainable(classes) if classes is not None else None
    names = {stored_name(name): name for name in classes} if classes is not None else None
    found = Records(place.annotations, place.images, tuple(names.items()) if names is not None else None)
    return Dataset(classes if classes is not None else found.categories(), found)


class Index(Sequence[tuple[int, int]]):
    """Where each record is: the number of its file and its offset there, 16 bytes for each."""

    def __init__(self, offsets: NDArray[np.int64]) -> None:
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets)

    @overload
    def __getitem__(self, place: int) -> tuple[int, int]: ...
    @overload
    def __getitem__(self, place: slice) -> Index: ...
    def __getitem__(self, place: Any) -> Any:
        found = self._offsets[place]
        return Index(found) if isinstance(place, slice) else tuple(found.tolist())


@dataclass(frozen=True)
class Records:
    """All records of a split; ``classes`` has the stored name of each class and what it is called here."""

    path: Path
    images: Path
    classes: tuple[tuple[str, str], ...] | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.path,)

    def keys(self) -> Index:
        import numpy as np

        found = [np.fromiter(records.offsets(path), np.int64) for path in _shards(self.path)]
        numbers = np.repeat(np.arange(len(found)), [len(each) for each in found])
        return Index(np.stack((numbers, np.concatenate(found)), axis=1))

    def name(self, key: tuple[int, int]) -> str:
        """The picture's name; the place of a record that cannot be read."""
        path, offset = _shards(self.path)[key[0]], key[1]
        try:
            return listing.inside(self.images, parsed(read_record(path, offset), path, offset).id)
        except DataError:
            return f"{path.name} at byte {offset}"

    def items(self, key: tuple[int, int]) -> list[str]:
        path = _shards(self.path)[key[0]]
        stored = [name.decode(errors="replace") for name in parsed(read_record(path, key[1]), path, key[1]).classes]
        names = dict(self.classes or ())
        return [names.get(name) or names.get(stored_name(name), name) for name in stored]

    def load(self, key: tuple[int, int], findings: Findings) -> Sample:  # noqa: ARG002
        path, offset = _shards(self.path)[key[0]], key[1]
        record = parsed(read_record(path, offset), path, offset)
        if not (listing.is_below(record.id) and 0 < record.width < FAR and 0 < record.height < FAR):
            what = f'the record at byte {offset} is of "{record.id[:80]}", {record.width} x {record.height} pixels'
            raise DataError(f"{what}: that cannot be a picture", where=path, hint=HINT)
        id = listing.inside(self.images, record.id)
        objects, ignored = self._objects(record, path, offset) if record.classes else ((), ())
        image = listing.picture(self.images, id)
        return Sample(id, str(image), record.width, record.height, objects, annotations_path=str(path), ignored=ignored)

    def categories(self) -> tuple[str, ...]:
        """The names in the records, sorted; of records that cannot be read, nothing is said yet."""
        names: set[bytes] = set()
        for number, offset in self.keys():
            path = _shards(self.path)[number]
            try:
                names.update(parsed(read_record(path, offset), path, offset).classes)
            except DataError:
                continue
        return trainable(sorted(name.decode(errors="replace") for name in names))

    def _objects(self, record: Record, path: Path, offset: int) -> tuple[tuple[Object, ...], tuple[Box, ...]]:
        """The objects, and the regions to ignore: records have them as objects of the class "dontcare"."""
        names = dict(self.classes) if self.classes is not None else None
        found, ignored = list[Object](), list[Box]()
        columns = zip(record.classes, record.occlusions, *_decimal(record, path, offset), strict=True)
        for number, (stored, occlusion, truncation, *corners) in enumerate(columns, start=1):
            category = stored.decode(errors="replace")
            if is_ignored(category):
                ignored.append(Box(*corners))
                continue
            origin = f"object {number} of the record at byte {offset}"
            if names is not None:
                if category not in names and stored_name(category) not in names:
                    what = f'{origin} is a "{category[:80]}", which is none of the classes in the class map'
                    raise DataError(what, where=path, code=rules.UNKNOWN_CLASS.code)
                category = names.get(category) or names[stored_name(category)]
            if occlusion not in (-1, 0, 1, 2, 3) or not (0 <= truncation <= 1 or truncation == -1):
                what = f"{origin} has occlusion {occlusion} and truncation {truncation:g}"
                raise DataError(what, where=path, hint="they must be 0, 1, 2 or 3, and from 0 to 1")
            box = Box(*corners)
            # KITTI writes -1 for both where nothing is known.
            thing = Object(category, box, occlusion=occlusion % 4, truncation=max(0.0, truncation), origin=origin)
            found.append(thing)
        return tuple(found), tuple(ignored)


@lru_cache(maxsize=4)
def _shards(path: Path) -> list[Path]:
    return records.shards(path)


def _decimal(record: Record, path: Path, offset: int) -> list[list[float]]:
    """Truncations, lefts, tops, rights, bottoms, each as the shortest decimal number that is this float32."""
    import numpy as np
    import orjson

    columns = np.array([list(column) for column in (record.truncations, *record.corners)], np.float32)
    if not np.abs(columns).max() < FAR:  # nor when one is no number
        raise DataError(f"the record at byte {offset} has numbers that cannot be pixels", where=path, hint=HINT)
    decimal: list[list[float]] = orjson.loads(orjson.dumps(columns, option=orjson.OPT_SERIALIZE_NUMPY))
    return decimal


@dataclass(frozen=True)
class Recorder:
    """Encodes samples; ``images`` is the first part of every frame id."""

    images: str

    def record(self, sample: Sample) -> bytes:
        """The framed record of ``sample``."""
        objects = (*sample.objects, *map(_ignored, sample.ignored)) if sample.ignored else sample.objects
        boxes, none = [thing.box for thing in objects], [0.0] * len(objects)
        floats = [box.left for box in boxes] + [box.right for box in boxes]
        floats += [box.top for box in boxes] + [box.bottom for box in boxes]
        floats += none + [thing.truncation for thing in objects] + none * len(WORLD)
        classes = wire.names("target/object_class", tuple([stored_name(thing.category) for thing in objects]))
        occlusions = tuple([thing.occlusion for thing in objects])
        return frame_record(
            record(f"{self.images}/{sample.id}", (sample.width, sample.height), classes, floats, occlusions)
        )


def _ignored(box: Box) -> Object:
    """A region to ignore as tlt-dataset-convert stores KITTI's: no class map lists that class."""
    return Object("dontcare", box, occlusion=-1, truncation=-1.0)


class Writer:
    """Fills the folder ``path`` with ``shards`` files, named as tlt-dataset-convert names those of a data set without
    validation fold; samples go to them in turn."""

    def __init__(self, path: Path, categories: Sequence[str], *, images_dir: str = "images", shards: int = 10) -> None:
        """``images_dir`` is the folder of the pictures below the root of the data set; files are named after it.

        Raises DataError for categories that are the same in lower case.
        """
        stored: dict[str, str] = {}
        for name in categories:
            other = stored.setdefault(stored_name(name), name)
            if other != name:
                hint = "merge them: --rename"
                raise DataError(f'"{other}" and "{name}" have the same name in records', where=path, hint=hint)
        self.recorder = Recorder(images_dir)
        self._path, self._prefix, self._count = path, Path(images_dir).name, max(1, shards)
        self._files: list[IO[bytes]] = []
        self._stack = ExitStack()
        self._next = 0

    def __enter__(self) -> Writer:
        with writable(self._path):
            for number in range(self._count):
                name = records.shard_name(self._prefix, fold=0, folds=1, shard=number, shards=self._count)
                self._files.append(self._stack.enter_context(new_file(self._path / name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with writable(self._path):
            self._stack.close()

    def append(self, records: Sequence[bytes]) -> None:
        try:
            for turn in range(min(self._count, len(records))):
                self._files[(self._next + turn) % self._count].write(b"".join(records[turn :: self._count]))
            self._next = (self._next + len(records)) % self._count
        except OSError:
            with writable(self._path):
                raise
