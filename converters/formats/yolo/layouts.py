"""Splits of YOLO data sets without a description: by the names of their folders, their lists, or one folder for all.

images/train/1.jpg   labels/train/1.txt
train/images/1.jpg   train/labels/1.txt
train.txt            obj.names, images anywhere
images/1.jpg         labels/1.txt
train/1.jpg          train/1.txt
1.jpg                1.txt, classes.txt
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from converters.files import listing
from converters.formats.yolo import class_names, labels, lists
from converters.formats.yolo.places import Described, described, sources
from converters.model import rules
from converters.model.findings import Findings
from converters.model.splits import SPLITS, Place, by_name, only_split, split_name

_IMAGES = ("images", "image", "imgs", "img")
_LISTS = ("images", "all")

Named = Iterator[tuple[str, Path]]
"""Folders and lists of images, each with the name of its split."""


def find(root: Path, *, apart: bool = False) -> dict[str, Place]:
    """The splits in the folder ``root`` by name; ``apart``: labels are enough.

    Raises DataError for two folders of one split.
    """
    if not labels.any_text(root):
        return {}
    for layout in (_split_folders, _lists, _flat, _one_folder_each, _one_folder):
        places = ((name, described(root, name, [path])) for name, path in layout(root))
        if found := [(name, place) for name, place in places if _looks_right(place)]:
            return by_name(_with_rest(root, found))
    return by_name(_labels_alone(root, apart=apart))


def only_folder(root: Path) -> Path | None:
    """The folder in ``root`` where there is no other, as archives are unpacked."""
    folders = listing.folders(root)
    return folders[0] if len(folders) == 1 else None


def _with_rest(root: Path, found: list[tuple[str, Described]]) -> list[tuple[str, Described]]:
    """``found``, the first with a finding where label files lie in none of its folders."""
    folders = [source.labels for _, place in found for source in sources(place)]
    if None in folders:  # a list says itself what it takes
        return found
    tops = {"" if folder == root else f"{os.path.relpath(folder, root)}/" for folder in folders if folder is not None}
    rest = [path for path in labels.texts(root) if not path.startswith(tuple(tops))]
    odd = Findings()
    for path in sorted(path for path in rest if labels.is_line(labels.first_line(root / path))):
        odd.add(rules.OUTSIDE_SPLITS, root / path)
    (name, first), *others = found
    return [(name, replace(first, findings=(*first.findings, *odd))), *others]


def _looks_right(place: Described) -> bool:
    """Whether there are YOLO's labels for one of its folders; of lists, the first image says so when it is read."""
    for source in sources(place):
        if source.labels is None:
            return True
        stems = labels.pairs(source.images) if source.labels == source.images else None
        if labels.looks_right(source.labels, stems):
            return True
    return False


def _split_folders(root: Path) -> Named:
    """images/train, or train/images."""
    for top in _image_folders(root):
        inner = listing.folders(top)
        if any(_is_split(folder.name) for folder in inner) or not _holds(top, listing.PICTURES):
            yield from ((folder.name, images) for folder in inner for images in _image_folders(folder) or [folder])
    for folder in listing.folders(root):
        yield from ((folder.name, images) for images in _image_folders(folder))


def _lists(root: Path) -> Named:
    """train.txt, val.txt ...: only beside class names, since other formats have such lists, too."""
    paths = [path for path in sorted(root.glob("*.txt")) if _is_split(path.stem) or path.stem in _LISTS]
    paths = [path for path in paths if lists.is_list(path)]
    if paths and class_names.find([root]):
        named = [path for path in paths if _is_split(path.stem)]
        yield from ((path.stem, path) for path in named)
        yield from (("train", path) for path in paths[:1] if not named)


def _flat(root: Path) -> Named:
    """images beside labels, whatever the two are called."""
    folders = _image_folders(root)
    if not folders:
        folders = [folder for folder in listing.folders(root) if next(listing.files(folder, listing.PICTURES), None)]
        if (
            len(folders) > 1 or _is_split(folders[0].name if folders else "") or (root / "Annotations").is_dir()
        ):  # VOC's, with labels that were made of it
            return
    yield from ((only_split(root.absolute().name), folder) for folder in folders)


def _one_folder_each(root: Path) -> Named:
    """train and test, with images and labels in each."""
    folders = listing.folders(root)
    if any(_is_split(folder.name) and labels.pairs(folder) for folder in folders):
        yield from ((folder.name, folder) for folder in folders if _is_split(folder.name) or labels.pairs(folder))
    else:
        yield from ((folder.name, folder) for folder in folders if _is_split(folder.name))


def _one_folder(root: Path) -> Named:
    yield only_split(root.absolute().name), root


def _labels_alone(root: Path, *, apart: bool) -> list[tuple[str, Place]]:
    """Labels whose images are elsewhere, or lost: that is said when they are read."""
    top, name = root / "labels", only_split(root.absolute().name)
    if not apart and _image_folders(root):
        return []
    pairs = [(folder.name, folder) for folder in listing.folders(top) if _is_split(folder.name)]
    pairs = pairs or [
        (folder.name, folder / "labels") for folder in listing.folders(root) if (folder / "labels").is_dir()
    ]
    if not pairs:
        pairs = [(name, top)] if top.is_dir() else [(name, root)] if apart else []
    return [
        (split, Described(root, folder, root / "images" / (split if len(pairs) > 1 else ""), split_name(split)))
        for split, folder in pairs
        if labels.looks_right(folder)
    ]


def _image_folders(folder: Path) -> list[Path]:
    return [path for path in listing.folders(folder) if path.name.lower() in _IMAGES]


def _holds(folder: Path, extensions: frozenset[str]) -> bool:
    """Whether a file with one of ``extensions`` lies in ``folder`` itself."""
    with os.scandir(folder) as entries:
        return any(entry.name.rpartition(".")[2].lower() in extensions for entry in entries)


def _is_split(name: str) -> bool:
    return split_name(name) in SPLITS
