"""Where the files of DeepFashion lie: the coarse layout, one set of lists for all images, and the fine one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from converters.files import listing
from converters.model import rules
from converters.model.findings import Finding, Findings
from converters.model.splits import CANONICAL, Place, by_name
from tltpipe import inputs

CATEGORIES, ATTRIBUTES = "list_category_cloth.txt", "list_attr_cloth.txt"
CATEGORY, BOX, LANDMARKS, ATTRIBUTE = (
    "list_category_img.txt",
    "list_bbox.txt",
    "list_landmarks.txt",
    "list_attr_img.txt",
)
PARTITION = "list_eval_partition.txt"
FOLDERS = ("Anno", "Anno_coarse", "Anno_fine")
FINE = {"train": "train", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Part(Place):
    """A split: ``part`` of those that share ``annotations``, its lists being in the folder ``lists``.

    In the coarse layout ``partition`` says which image is in which; without it all are. ``fine``: the split has
    files of its own, called after ``prefix``, whose rows are in one order. ``beside`` are annotations of the same
    images that are not read.
    """

    lists: Path
    part: str
    partition: Path | None = None
    prefix: str | None = None
    beside: tuple[Path, ...] = ()

    @property
    def fine(self) -> bool:
        return self.prefix is not None

    def table(self, name: str) -> Path:
        """The file of the lists, or of the split where each has its own, by its name in the coarse layout."""
        return self.lists / (name if self.prefix is None else f"{self.prefix}_{_SHORT[name]}.txt")

    @property
    def category_lists(self) -> tuple[Path, ...]:
        """Where the names of the categories may be."""
        beside = (self.lists.parent / name / CATEGORIES for name in FOLDERS) if self.fine else ()
        return (self.lists / CATEGORIES, *beside)

    @property
    def has_landmarks(self) -> bool:
        return self.table(LANDMARKS).is_file()

    @property
    def has_attributes(self) -> bool:
        return self.table(ATTRIBUTE).is_file() or (not self.fine and (self.lists / ATTRIBUTES).is_file())


_SHORT = {CATEGORY: "cate", BOX: "bbox", LANDMARKS: "landmarks", ATTRIBUTE: "attr"}


def find(root: Path) -> dict[str, Place]:
    """The splits of the data set ``root``, which may be a folder of lists, too, or hold the data set one level deeper.

    Where there are coarse and fine lists, the coarse ones count, unless the folder of the fine ones is named.
    """
    if not root.is_dir():
        return {}
    if found := _lists(root, root.parent if root.name in FOLDERS else root):
        return found
    for top in (root, *listing.folders(root)):
        every = [top / name for name in FOLDERS if _is_lists(top / name)]
        if every:
            found = _lists(every[0], top)
            first = next(iter(found))
            return found | {first: _beside(found[first], tuple(every[1:]))}  # told once
    return {}


def missing(root: Path) -> str | None:
    """What lists at ``root`` lack."""
    for folder in (root, *(root / name for name in FOLDERS)):
        if any((folder / name).is_file() for name in (CATEGORIES, BOX, ATTRIBUTE, ATTRIBUTES)):
            return f"{folder.name} has no {CATEGORY}, nor train.txt with train_cate.txt"
    return None


def _is_lists(folder: Path) -> bool:
    return (folder / CATEGORY).is_file() or (folder / "train_cate.txt").is_file()


def _beside(place: Place, others: tuple[Path, ...]) -> Place:
    assert isinstance(place, Part)
    return Part(**(place.__dict__ | {"beside": others}))


def _lists(folder: Path, top: Path) -> dict[str, Place]:
    images = _images(top)
    if (folder / CATEGORY).is_file():
        partition = next((path for path in _partitions(folder, top) if path.is_file()), None)
        names = _words(partition, partition.stat().st_mtime_ns) if partition is not None else ("train",)
        about = top, folder / BOX, images, folder
        return by_name((name, Part(*about, name, partition)) for name in names)
    found = [name for name in FINE if (folder / f"{name}.txt").is_file() and (folder / f"{name}_cate.txt").is_file()]
    return by_name(
        (name, Part(top, folder / f"{name}_bbox.txt", images, folder, FINE[name], None, name)) for name in found
    )


def _partitions(folder: Path, top: Path) -> Iterator[Path]:
    yield from (top / "Eval" / PARTITION, folder / PARTITION, top / PARTITION)


def _images(top: Path) -> Path:
    """The folder that img/<garment>/... of the lists stands for, whose archive some unpack beside Img."""
    return next((path for path in (top / "Img" / "img", top / "img") if path.is_dir()), top / "Img" / "img")


@lru_cache(maxsize=4)
def _words(partition: Path, changed: int) -> tuple[str, ...]:  # noqa: ARG001
    """The splits that the partition file names; words that are none are told by whoever reads it."""
    try:
        lines = inputs.content(partition).splitlines()[2:]
    except OSError:
        return ("train",)
    found = {CANONICAL.get(word.decode("ascii", "replace")) for word in {line.rpartition(b" ")[2] for line in lines}}
    return tuple(name for name in dict.fromkeys(CANONICAL.values()) if name in found) or ("train",)


def findings(place: Part) -> tuple[Finding, ...]:
    """That other annotations of these images are not read, or nothing says how they are split."""
    found = Findings()
    if not place.fine and place.partition is None:
        found.add(rules.NO_PARTITION, place.lists)
    for folder in place.beside:
        found.add(rules.OTHER_ANNOTATIONS, folder)
    return found.all()
