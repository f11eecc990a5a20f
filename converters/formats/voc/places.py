"""Where Pascal VOC's files lie: folders of XML files and of images, and the lists that say what is in a split.

Annotations/  JPEGImages/  ImageSets/Main/{train,val,trainval,test}.txt     the devkit, one year or several
labels/       data/                                                        FiftyOne
Annotations/<split>  JPEGImages/<split>                                    the other way round
<split>/Annotations  <split>/JPEGImages                                    a folder for each split
a.xml a.jpg                                                                one folder for all
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from converters.files import listing
from converters.model.splits import SPLITS, Place, by_name, in_order, only_split, split_name
from tltpipe import inputs
from tltpipe.errors import DataError

XML = frozenset(("xml",))

_LABELS = ("Annotations", "annotations", "Annotation", "labels", "xml", "xmls")
_IMAGES = ("JPEGImages", "images", "Images", "image", "data", "imgs", "img")
_BOTH = "trainval"
_BEGINS = re.compile(rb"<annotation[\s>]")  # CVAT's own is called <annotations>


def is_page(head: bytes) -> bool:
    """Whether ``head`` is the beginning of a VOC page."""
    return _BEGINS.search(head) is not None


@dataclass(frozen=True)
class ImageList:
    """A list of names in ``path`` for the folders ``labels`` and ``images``, without what the lists ``but`` name."""

    path: Path
    labels: Path
    images: Path
    but: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Listed(Place):
    """A split that lists name, one in each folder. The first split of a data set has all its lists in ``every``:
    what none of them names is counted there."""

    lists: tuple[ImageList, ...]
    every: tuple[ImageList, ...] = ()


@dataclass(frozen=True)
class Shared(Place):
    """A split that is a folder of XML files, or of images: of the other kind, one folder is for ``all`` splits."""

    all: Literal["images", "labels"]


def find(root: Path) -> dict[str, Place]:
    """The splits in the lists of ``root``, or the folders of splits below those of files and images; else ``root``
    itself, or one in each of its folders.

    Folders that are no splits, as the years of a devkit are, are put together by their lists.
    """
    if not root.is_dir():
        return {}
    own = _place(root, root)
    if own is not None:
        return _counting(_lists(root, own)) or _turned(root, own) or {only_split(root.name): own}
    found = {folder: place for folder in listing.folders(root) if (place := _place(root, folder)) is not None}
    listed = {folder: _lists(folder, place) for folder, place in found.items() if split_name(folder.name) not in SPLITS}
    listed = {folder: lists for folder, lists in listed.items() if lists}
    alone = by_name((folder.name, place) for folder, place in found.items() if folder not in listed)
    if len(found) == 1 and not alone.keys() & set(SPLITS):  # VOCdevkit/VOC2012
        return {name: replace(place, root=root) for name, place in find(next(iter(found))).items()}
    together = _counting(_together(root, listed.values()))
    if clash := sorted(alone.keys() & together.keys()):
        what = f"there is a folder for {clash[0]}, and a list in another folder says what is in {clash[0]}"
        raise DataError(what, where=alone[clash[0]].annotations, hint="name one of the two folders")
    return in_order(alone | together)


def _place(root: Path, folder: Path) -> Place | None:
    """``folder`` with a folder of XML files in it, or with XML files beside its images."""
    images = next((folder / name for name in _IMAGES if (folder / name).is_dir()), folder)
    for labels in (folder / name for name in _LABELS):
        if labels.is_dir() and _looks_right(labels):
            return Place(root, labels, images)
    return Place(root, folder, folder) if _looks_right(folder, deep=False) else None


def _turned(root: Path, own: Place) -> dict[str, Place]:
    """Splits below the folders of XML files and images, or below one of the two."""
    labels, pictures = ({path.name: path for path in _splits(top)} for top in (own.annotations, own.images))
    by_split = {split_name(name): path for name, path in pictures.items()}
    found: list[tuple[str, Place]] = []
    for name, inner in labels.items():
        images = pictures.get(name) or by_split.get(split_name(name))
        if _looks_right(inner):
            place = Place(root, inner, images) if images else Shared(root, inner, own.images, "images")
            found.append((name, place))
    if not found:
        found = [(name, Shared(root, own.annotations, inner, "labels")) for name, inner in pictures.items()]
    return by_name(found)


def _splits(folder: Path) -> list[Path]:
    """The folders in ``folder`` that are called like splits."""
    return sorted(path for path in folder.iterdir() if split_name(path.name) in SPLITS and path.is_dir())


def _looks_right(folder: Path, *, deep: bool = True) -> bool:
    names = listing.files(folder, XML) if deep else (path.name for path in folder.glob("*.xml"))
    return any(is_page(inputs.head(folder / name)) for name in islice(names, 8))


def _lists(folder: Path, place: Place) -> dict[str, Place]:
    """The splits that have lists in ``folder``. Lists of a class (cat_train) or of nothing are none.

    ``trainval`` is for the one of train and val that has no list, without what the other one's names.
    """
    paths = _texts(folder, place)
    known = by_name((path.stem, replace(place, annotations=path)) for path in paths if split_name(path.stem) in SPLITS)
    lists = {name: ImageList(each.annotations, place.annotations, place.images) for name, each in known.items()}
    both = next((path for path in paths if path.stem.lower() == _BOTH), None)
    if both is not None and not {"train", "validation"} <= lists.keys():
        name, other = ("validation", "train") if "train" in lists else ("train", "validation")
        but = (lists[other].path,) if other in lists else ()
        if lines(both).difference(*map(lines, but)):
            lists[name] = ImageList(both, place.annotations, place.images, but)
    return in_order({name: Listed(place.root, each.path, place.images, (each,)) for name, each in lists.items()})


def _texts(folder: Path, place: Place) -> list[Path]:
    """The lists of splits in ``folder``, of the first place where there are some."""
    sets = folder / "ImageSets"
    for top in (sets / "Main", sets, sets / "Segmentation", folder):
        texts = sorted(path for path in top.iterdir() if path.suffix.lower() == ".txt") if top.is_dir() else []
        paths = [path for path in texts if path.stat().st_size and _is_split(path.stem)]
        if paths and (top != folder or all(_names_one(path, place.annotations) for path in paths)):
            return paths
    return []


def page_of(image: Path) -> Path | None:
    """The XML file of an image in the folders of no split."""
    return listing.partner(image, _IMAGES, _LABELS, ".xml")


def _is_split(stem: str) -> bool:
    return split_name(stem) in SPLITS or stem.lower() == _BOTH


def _names_one(path: Path, labels: Path) -> bool:
    """Whether one of the first lines of ``path`` names an XML file in ``labels``."""
    known = listing.stems(labels, XML)
    return any(name_in(line, known) in known for line in islice(text(path).splitlines(), 64))


def name_in(line: str, known: Set[str]) -> str:
    """The name in the ``line`` of a list: one of those ``known``, where it may be part of a path, have an extension, or
    be followed by a column."""
    name = line.strip()
    before, _, last = name.rpartition(" ")
    if name in known or not name:
        return name
    if last in ("-1", "0", "1") or (before and last.lower().endswith(".xml")):  # a class, or its annotations
        name = before.strip()
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    ends = ("/".join(parts[start:]) for start in range(len(parts) if ".." not in parts else 0))
    for end in ends:
        stem, _, extension = end.rpartition(".")
        for each in (end, stem) if extension.lower() in listing.PICTURES | XML else (end,):
            if each in known:
                return each
    return name


def lines(path: Path) -> set[str]:
    """What is in the lines of a list. Raises DataError for one that is no text."""
    return {line.strip() for line in text(path).splitlines()} - {""}


def text(path: Path) -> str:
    """The list in ``path``. Raises DataError."""
    try:
        return inputs.content(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise DataError("this list of pictures cannot be read as text", where=path) from None


def _together(root: Path, folders: Iterable[dict[str, Place]]) -> dict[str, Place]:
    """The lists of all ``folders`` by split; images are named below ``root``."""
    lists: dict[str, list[ImageList]] = {}
    for splits in folders:
        for name, place in splits.items():
            assert isinstance(place, Listed)
            lists.setdefault(name, []).extend(place.lists)
    return in_order({name: Listed(root, each[0].path, root, tuple(each)) for name, each in lists.items()})


def _counting(splits: dict[str, Place]) -> dict[str, Place]:
    """``splits``, of which the first knows the lists of all."""
    every = tuple(each for place in splits.values() if isinstance(place, Listed) for each in place.lists)
    first = next(iter(splits), None)
    return {
        name: replace(place, every=every) if name == first and isinstance(place, Listed) else place
        for name, place in splits.items()
    }
