"""YOLO as Ultralytics has it: data.yaml, pictures in ``images/<split>``, a text file for each in ``labels/<split>``.

A line is ``class cx cy w h`` (detect), ``class x1 y1 x2 y2 ...`` (segment) or ``class cx cy w h x1 y1 v1 ...`` (pose,
where data.yaml has ``kpt_shape``). Classes count from 0; all else is a share of the picture's width or height, written
with nine decimals at most. A picture without a label file has nothing on it: that is YOLO's rule.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters import images, listing, rules, yolo_lines, yolo_lists, yolo_page
from converters.findings import Findings
from converters.formats import FilesOfTheirOwn, Place, in_order, split_name
from converters.model import Dataset, KeypointSlot, Sample
from tltpipe.errors import DataError, UsageError

ABOUT = "YOLO: data.yaml, images/<split>, labels/<split> (detect, segment, pose)"
CARRIES = frozenset({"box"})

_TEXT = frozenset(("txt",))


def carries(*, task: str = "detect") -> frozenset[str]:
    """What survives with ``task``; of several rings segment keeps the largest, and its extent as the box."""
    return CARRIES | {"segment": {"polygons"}, "pose": {"keypoints"}}.get(task, set())


def find(root: Path, *, images: Path | None = None) -> dict[str, Place]:
    """The splits that ``data.yaml`` names; without one, the folders that are laid out as YOLO's are."""
    page = yolo_page.at(root)
    if page is not None:
        return in_order({split_name(name): place for name, place in yolo_page.load(page).places.items()})
    if not root.is_dir():
        return {}
    pairs = [(split, root / "labels" / split, root / "images" / split) for split in _folders(root / "labels")]
    pairs += [(split, root / split / "labels", root / split / "images") for split in _folders(root)]
    if not any((labels if images else pictures).is_dir() for _, labels, pictures in pairs):
        name = split_name(root.name)
        split = name if name in ("train", "validation", "test") else "train"
        pairs = [(split, root / "labels" if (root / "labels").is_dir() else root, root / "images")]
    found = {
        split_name(split): Place(root, labels, pictures)
        for split, labels, pictures in pairs
        if images is not None or pictures.is_dir()
    }
    return in_order({split: place for split, place in found.items() if _looks_right(place.annotations)})


def _folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _looks_right(labels: Path) -> bool:
    """Whether the first label file with a line begins with a class number and shares of one."""
    if not labels.is_dir():
        return False
    for _, name in zip(range(64), listing.files(labels, _TEXT), strict=False):
        with (labels / name).open("rb") as stream:
            words = stream.readline(4096).split()
        if words:
            return words[0].isdigit() and len(words) >= 5 and yolo_lines.is_share(words[1].decode(errors="replace"))
    return False


def layout(root: Path, split: str) -> Place:
    return Place(root, root / "labels" / split, root / "images" / split)


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``; class names come from data.yaml, or from the class map where there is none.

    Raises DataError where neither says what the numbers mean.
    """
    path = place.page if isinstance(place, yolo_lists.Described) else yolo_page.at(place.root)
    page = yolo_page.load(path) if path is not None else None
    names = page.names if page is not None else classes
    if names is None:
        hint = f"write {place.root / 'classes.txt'}: one name a line, in the order of their numbers"
        if several := yolo_page.candidates(place.root):
            hint = f"name one of {', '.join(path.name for path in several)} in place of the folder"
        raise DataError("nothing says what the class numbers mean", where=place.root, hint=hint)
    shape = page.keypoints if page is not None else None
    slots = {}
    if shape is not None:
        points = tuple(str(number) for number in range(1, shape[0] + 1))
        slots = {name: KeypointSlot(points, 0, shape[0]) for name in names}
    if isinstance(place, yolo_lists.Several):
        return Dataset(names, yolo_lists.Pictures(place, names, shape), slots)
    return Dataset(names, Folder(place.annotations, place.images, names, shape), slots)


@dataclass(frozen=True)
class Folder:
    """A folder of pictures and one of labels; ``keypoints`` are their number and values each (2 or 3), if it is a pose.

    A key is a path below both without its extension, then that of the picture.
    """

    labels: Path
    images: Path
    names: tuple[str, ...]
    keypoints: tuple[int, int] | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.labels, self.images) if path.exists())

    def keys(self) -> list[tuple[str, ...]]:
        """Those of the pictures alone: that is where YOLO begins, and a label file without one is an orphan."""
        pictures = listing.pictures(self.images)
        if not pictures and self.labels.is_dir() and next(listing.files(self.labels, _TEXT), None):
            raise DataError("there are labels, but no pictures", where=self.images, code=rules.NO_PICTURE.code)
        return [(stem, *pictures[stem]) for stem in sorted(pictures)]

    def name(self, key: tuple[str, ...]) -> str:
        return key[0]

    def items(self, key: tuple[str, ...]) -> list[str]:
        path = Path(f"{self.labels}/{key[0]}.txt")
        return [thing.category for thing in yolo_lines.parse(path, self.names, self.keypoints, 1, 1)]

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        stem, *extensions = key
        path = Path(f"{self.labels}/{stem}.txt")
        image = Path(f"{self.images}/{stem}.{extensions[0]}")
        if len(extensions) > 1:
            hint = f"the labels may belong to any of .{', .'.join(extensions)}: rename or remove all but one"
            what, code = "several pictures share this name", rules.SAME_NAME.code
            raise DataError(what, where=image, hint=hint, code=code)
        width, height = images.look(image, findings)
        objects = yolo_lines.parse(path, self.names, self.keypoints, width, height)
        return Sample(stem, image, width, height, tuple(objects), annotations=path if path.exists() else image)


def describe(
    root: Path,
    categories: Sequence[str],
    splits: Mapping[str, Place],
    *,
    task: str = "detect",
    keypoints: Mapping[str, KeypointSlot] | None = None,
) -> Mapping[str, str]:
    """data.yaml."""
    shape = (_points(keypoints or {}), 3) if task == "pose" else None
    return {"data.yaml": yolo_page.text(root, categories, splits, shape)}


def _points(slots: Mapping[str, KeypointSlot]) -> int:
    """How many keypoints a line has. Raises UsageError where classes differ, or none has any."""
    counts = {len(slot.names) for slot in slots.values()}
    if len(counts) != 1:
        what = "the classes have vectors of different lengths" if counts else "there are no keypoints"
        raise UsageError(f"--task pose: {what}", hint="write detect or segment")
    return counts.pop()


@dataclass(frozen=True)
class Recorder:
    """Writes the label file of each sample."""

    folder: str
    categories: tuple[str, ...]
    task: str
    keypoints: Mapping[str, KeypointSlot]
    points: int

    def record(self, sample: Sample) -> None:
        text = yolo_lines.encode(sample, self.categories, self.task, self.keypoints, self.points)
        path = Path(f"{self.folder}/{sample.id}.txt")
        try:
            path.write_text(text, "utf-8", newline="\n")
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")


class Writer(FilesOfTheirOwn):
    """Writes ``<path>/<id>.txt`` for every sample, empty where nothing is on it.

    ``task`` is detect (boxes), segment (the largest ring of each object) or pose (box and the whole keypoint vector).
    """

    def __init__(
        self,
        path: Path,
        categories: Sequence[str],
        *,
        task: str = "detect",
        keypoints: Mapping[str, KeypointSlot] | None = None,
    ) -> None:
        """Raises UsageError for another task, or keypoints that cannot be one pose."""
        if task not in yolo_lines.TASKS:
            raise UsageError(f'there is no task "{task}" to write', hint=f"one of {', '.join(yolo_lines.TASKS)}")
        slots = dict(keypoints or {}) if task == "pose" else {}
        points = _points(slots) if task == "pose" else 0
        self.recorder = Recorder(os.fspath(path), tuple(categories), task, slots, points)
