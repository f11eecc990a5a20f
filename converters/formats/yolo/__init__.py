"""YOLO: a text file with the labels of each image, as Ultralytics, Darknet, CVAT, LabelImg and others lay them out.

data.yaml says where the images are and what the class numbers mean; else obj.data (Darknet, CVAT's YOLO 1.1), lists of
images, or the names of the folders, with the class names in classes.txt, obj.names or the like (``places``).
The labels of ``images/train/1.jpg`` are in ``labels/train/1.txt``, or beside the image.

A line is ``class cx cy w h`` (detect), ``class x1 y1 x2 y2 ...`` (segment) or ``class cx cy w h x1 y1 v1 ...`` (pose,
where data.yaml has ``kpt_shape``). Classes count from 0; all else is a share of the image's width or height, written
with nine decimals at most. An image without a label file has nothing on it: that is YOLO's rule. It is counted, and a
split without any label file is an error, unless it is a test split: nobody says what is on its images.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.files import contents
from converters.formats import FilesOfTheirOwn
from converters.formats.yolo import class_names, darknet, labels, layouts, lines, lists, page
from converters.formats.yolo.images import Images
from converters.formats.yolo.places import Described, sources
from converters.model import Dataset, KeypointSlot, Sample
from converters.model import classes as class_map
from converters.model.splits import Place
from tltpipe import staging
from tltpipe.errors import DataError, UsageError

ABOUT = "YOLO: data.yaml or obj.data, images and labels/*.txt (detect, segment, pose)"
CARRIES = frozenset({"box"})


def carries(*, task: str = "detect") -> frozenset[str]:
    """What survives with ``task``; segment has no boxes but those around its polygons, and masks by their outlines."""
    return {"segment": frozenset({"polygons", "mask"}), "pose": frozenset({"box", "keypoints"})}.get(task, CARRIES)


def find(root: Path, *, images: Path | None = None) -> dict[str, Place]:
    """The splits that data.yaml or obj.data names, here or in the only folder; without either, those of the folders.

    Where the images are apart, in the folder ``images``, folders of labels are enough.
    """
    for folder in (root, layouts.only_folder(root)):
        if folder is not None and (path := page.at(folder)) is not None:
            return page.places(path)
        if folder is not None and (path := darknet.at(folder)) is not None:
            return darknet.places(path)
    return layouts.find(root, apart=images is not None)


def missing(root: Path) -> str | None:
    """What YOLO labels at ``root`` lack."""
    first = next((path for path in contents.first(root, "txt") if _is_label(contents.head(path))), None)
    if first is None:
        return None
    return f"{first.name} is a YOLO label, but neither a data.yaml nor a folder of images beside its folder was found"


def _is_label(content: bytes) -> bool:
    words = content.decode(errors="replace").partition("\n")[0].split()
    return len(words) >= 5 and words[0].isdigit() and all(map(labels.is_share, words[1:]))


def layout(root: Path, split: str) -> Place:
    return Place(root, root / "labels" / split, root / "images" / split)


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``; class names come from data.yaml or obj.data, the class map, or a file near the labels.

    Raises DataError where nothing says what the numbers mean.
    """
    if not isinstance(place, Described):
        place = Described(place.root, place.annotations, place.images, "", page.at(place.root))
    names, shape, files = _meaning(place, classes)
    slots = {}
    if shape is not None:
        points = tuple(str(number) for number in range(1, shape[0] + 1))
        slots = {name: KeypointSlot(points, 0, shape[0]) for name in names}
    annotated = place.name != "test" or _labelled(place)
    pictures = Images(place, names, shape, annotated, files)
    return Dataset(names, pictures, slots, annotated=annotated, findings=place.findings)


def _meaning(
    place: Described, classes: tuple[str, ...] | None
) -> tuple[tuple[str, ...], tuple[int, int] | None, tuple[Path, ...]]:
    """The class names, the shape of keypoints if there are any, and the file that says so."""
    if place.page is not None and place.page.suffix in page.SUFFIXES:
        found = page.load(place.page)
        return found.names, found.keypoints, (place.page,)
    if place.page is not None:
        names, path = darknet.names(place.page)
        return names, None, (place.page, path)
    if classes is not None:
        return classes, None, (place.root / class_map.NAME,)
    folders = (place.root, place.images, place.annotations, place.images.parent, place.annotations.parent)
    near = class_names.find(folder for folder in folders if folder.is_relative_to(place.root))
    if near is not None:
        return class_names.read(near), None, (near,)
    hint = f"write {place.root / 'classes.txt'}: one name a line, in the order of their numbers"
    if several := page.candidates(place.root):
        hint = f"name one of {', '.join(path.name for path in several)} in place of the folder"
    elif above := page.at(place.root.absolute().parent):
        hint = f"{above} says it: name that, and the split with --split"
    raise DataError("nothing says what the class numbers mean", where=place.root, hint=hint)


def _labelled(place: Described) -> bool:
    """Whether there are label files at all; of a list, the folder of its first image says so."""
    for source in sources(place):
        folder = source.labels
        if folder is None and (first := lists.first_image(place.root, source.images)) is not None:
            folder = labels.folder_of(first.parent, place.root)
        if folder is not None and labels.any_text(folder):
            return True
    return False


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
    return {"data.yaml": page.text(root, categories, splits, shape)}


def _points(slots: Mapping[str, KeypointSlot]) -> int:
    """How many keypoints a line has. Raises UsageError where classes differ, or none has any."""
    counts = {len(slot.names) for slot in slots.values()}
    if len(counts) != 1:
        what = "the classes have vectors of different lengths" if counts else "there are no keypoints"
        raise UsageError(f"--task pose: {what}", hint="write detect or segment")
    return counts.pop()


@dataclass(frozen=True)
class Recorder:
    """Writes the label file of each sample; none of samples that are not ``annotated``: an empty one says something."""

    folder: str
    categories: tuple[str, ...]
    task: str
    keypoints: Mapping[str, KeypointSlot]
    points: int
    annotated: bool = True

    def record(self, sample: Sample) -> None:
        if not self.annotated:
            return
        text = lines.encode(sample, self.categories, self.task, self.keypoints, self.points)
        staging.write(self.folder, f"{sample.id}.txt", text.encode())


class Writer(FilesOfTheirOwn):
    """Writes ``<path>/<id>.txt`` for every sample, empty where nothing is on it.

    ``task`` is detect (boxes), segment (all rings of each object, joined; else the outline of its mask) or pose (box
    and the whole keypoint vector).
    """

    def __init__(
        self,
        path: Path,
        categories: Sequence[str],
        *,
        task: str = "detect",
        keypoints: Mapping[str, KeypointSlot] | None = None,
        annotated: bool = True,
    ) -> None:
        """Raises UsageError for another task, or keypoints that cannot be one pose."""
        if task not in lines.TASKS:
            raise UsageError(f'there is no task "{task}" to write', hint=f"one of {', '.join(lines.TASKS)}")
        slots = dict(keypoints or {}) if task == "pose" else {}
        points = _points(slots) if task == "pose" else 0
        self.recorder = Recorder(os.fspath(path), tuple(categories), task, slots, points, annotated)
