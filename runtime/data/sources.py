"""What the data sources of a spec hold, picture by picture: TFRecords, or folders of pictures and KITTI labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence, Set
from pathlib import Path

from converters.files import listing
from converters.formats.kitti import rows as kitti_rows
from converters.pictures import headers
from converters.tfrecords import frames
from runtime.data.columns import Annotated
from runtime.data.image_files import ImageFiles
from tltpipe.errors import DataError

NVIDIA = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif"))
"""Extensions of pictures in a folder that NVIDIA's programs read, in lower case alone."""
LABEL = ".txt"


def of_records(path: Path, *, named: Callable[[str], str]) -> Iterator[Annotated]:
    """The pictures of one file of records; ``named`` makes a path of a frame id.

    Raises DataError for a damaged one, with the byte, and for a frame id that leads out of the folder of pictures.
    """
    for frame in frames.frames([path]):
        if frame.id.startswith("/") or ".." in frame.id.split("/") or "\0" in frame.id:
            what = f"the frame id {frame.id[:80]!r} leads out of the image folder"
            raise DataError(what, where=path, hint="write the records again with tlt-dataset-convert")
        classes = frame.classes if frame.numbers is None else frame.numbers
        name = frame.id if frame.picture else named(frame.id)
        yield Annotated(name, frame.width, frame.height, classes, frame.boxes, frame.difficult, frame.picture, path)


def of_folders(pictures: Path, labels: Path, *, strict: bool) -> Iterator[Annotated]:
    """The pictures below ``pictures`` that have a file of the same stem in ``labels``, by name.

    Raises DataError for folders that are missing or have no picture, pictures without labels and labels without a
    picture, naming both, and for lines that cannot be understood. ``strict``: as NVIDIA, who look for extensions in
    lower case, and leave out in silence what has no counterpart and lines of fewer than nine columns.
    """
    for name, stem in pairs(pictures, labels, strict=strict):
        path = labels / (stem + LABEL)
        width, height = headers.size(pictures / name)
        found = kitti_rows.boxes(kitti_rows.text_of(path), source=path, strict=strict)
        yield Annotated(name, width, height, *found, file=path)


def pairs(pictures: Path, labels: Path, *, strict: bool) -> list[tuple[str, str]]:
    """Name and stem of each picture below ``pictures`` that has labels, sorted. Raises as ``of_folders``."""
    if strict:
        return _strict_pairs(pictures, labels)
    for folder, what in ((pictures, "pictures"), (labels, "labels")):
        if not folder.is_dir():
            text = f"the folder of {what} is missing"
            raise DataError(text, where=folder, hint=f"the spec says that the {what} are here")
    files, told = ImageFiles(pictures), listing.stems(labels, frozenset((LABEL[1:],)))
    found = files.by_stem
    if not found:
        _none(pictures, "there are no pictures here", labels, len(told), files.unsupported)
    if missing := [stem for stem in found if stem not in told]:
        path = labels / f"{missing[0]}{LABEL}"
        what = f"the labels of {pictures / found[missing[0]]} are missing{_more(missing)}"
        raise DataError(what, where=path, hint="a picture without objects needs an empty label file")
    if left := sorted(told - found.keys()):
        what = f"the picture of {labels / left[0]}{LABEL} is missing{_more(left)}"
        hint = "copy the pictures there, or remove their labels"
        if files.unsupported:
            hint = f"{listing.counted(files.unsupported)} are there and cannot be read: convert them to JPEG or PNG"
        raise DataError(what, where=pictures / f"{left[0]}.*", hint=hint)
    return [(name, stem) for stem, name in found.items()]


def _strict_pairs(pictures: Path, labels: Path) -> list[tuple[str, str]]:
    found = _named(pictures, NVIDIA, "pictures")
    told = {stem for _, stem in _named(labels, {LABEL}, "labels")}
    if both := [(name, stem) for name, stem in found if stem in told]:
        return both
    raise DataError("no picture here has labels of the same name", where=pictures, hint=f"labels are in {labels}")


def _named(folder: Path, extensions: Set[str], what: str) -> list[tuple[str, str]]:
    """(name, stem) of the files in ``folder`` with one of ``extensions``, sorted by name."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as problem:
        text = f"the folder of {what} cannot be read: {problem.strerror}"
        raise DataError(text, where=folder, hint=f"the spec says that the {what} are here") from None
    cut = [(name, *name.rpartition(".")[::2]) for name in names if not name.startswith(".")]
    return [(name, stem) for name, stem, end in cut if f".{end}" in extensions]


def _none(folder: Path, what: str, labels: Path, count: int, unsupported: Sequence[str]) -> None:
    told = f"{labels} has {count} label files" if count else f"there are no labels in {labels} either"
    if unsupported:
        told = f"{listing.counted(unsupported)} are there and cannot be read: convert them to JPEG or PNG"
    raise DataError(what, where=folder, hint=told)


def _more(names: Sequence[str]) -> str:
    return f", and of {len(names) - 1} more" if len(names) > 1 else ""
