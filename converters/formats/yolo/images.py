"""The images of a split with the label file of each, matched once for the whole split."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from converters.files import listing
from converters.formats.yolo import labels, lines, lists
from converters.formats.yolo.places import Described, Source, sources
from converters.model import Sample, rules
from converters.model.findings import Findings
from converters.pictures import headers as images
from tltpipe.errors import DataError


class Key(NamedTuple):
    """An image: its name, its label file ("": none), whether a path is only nearly the one written, all its paths."""

    name: str
    label: str
    nearly: bool
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Images:
    """The images of ``place``; ``files`` say what the class numbers are. ``annotated``: one without labels is odd."""

    place: Described
    names: tuple[str, ...]
    keypoints: tuple[int, int] | None = None
    annotated: bool = True
    files: tuple[Path, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """Folders and lists, with the folders of labels."""
        return sources(self.place)

    @property
    def inputs(self) -> tuple[Path, ...]:
        found = [path for source in self.sources for path in (source.labels, source.images)]
        if None in found and self.place.images != self.place.root:  # where the images of a list are
            found += [path for path in (self.place.annotations, self.place.images) if path.is_dir()]
        return tuple(dict.fromkeys(path for path in (*found, *self.files) if path is not None and path.exists()))

    def keys(self) -> list[Key]:
        """One for each image: that is where YOLO begins, and a label file without an image is an orphan.

        Raises DataError where there are label files and no image, or images of which none has a label file.
        """
        found: dict[str, Key] = {}
        matcher = _Matcher(self.place)
        for key in matcher.keys(self.sources):
            same = found.get(key.name)
            if same is None:
                found[key.name] = key
            elif key.paths[0] not in same.paths:
                found[key.name] = same._replace(paths=(*same.paths, *key.paths))
        if not any(key.label for key in found.values()):
            self._refuse(found, matcher.unmatched)
        return [found[name] for name in sorted(found)]

    def name(self, key: Key) -> str:
        return key.name

    def items(self, key: Sequence[Any]) -> list[str]:
        """The class of each item in the label file of ``key``, which may be a name alone."""
        label = key[1] if len(key) > 1 else listing.joined(self.place.annotations, f"{key[0]}.txt")
        if not label:
            return []
        return [thing.category for thing in lines.parse(label, self.names, self.keypoints, 1, 1)]

    def items_beside(self, image: Path) -> list[str]:
        path = listing.partner(image, ("images", "Images"), ("labels", "Labels"), ".txt")
        return [] if path is None else self.items((image.stem, path))

    def load(self, key: Key, findings: Findings) -> Sample:
        if len(key.paths) > 1:
            below = [os.path.relpath(path, self.place.images) for path in key.paths]
            raise listing.ambiguous(self.place.images, below)
        image = key.paths[0]
        width, height = images.look(image, findings)
        if key.nearly:
            findings.add(rules.OTHER_FILE_NAME, key.name)
        if not key.label:
            findings.add(rules.NO_LABEL_FILE, key.name)
            return Sample(key.name, image, width, height, annotations_path=image)
        objects = lines.parse(key.label, self.names, self.keypoints, width, height)
        return Sample(key.name, image, width, height, tuple(objects), annotations_path=key.label)

    def _refuse(self, found: dict[str, Key], unmatched: list[str]) -> None:
        """Raise DataError where nothing belongs together; an unlabelled split of tests is one all the same."""
        source = self.sources[0]
        where = source.labels or source.images
        first = next(iter(found.values()), None)
        if first is None:
            if unmatched:
                raise DataError("there are labels, but no images", where=source.images, code=rules.NO_PICTURE.code)
            return
        name = self.place.name or "this data set"
        hint = f"a label file is named after its image: {_expected(Path(first.paths[0]))}"
        if unmatched:
            what = f"{len(unmatched)} label files exist and none belongs to one of the {len(found)} images of {name}"
            example = f"; {unmatched[0]} belongs to no image"
            raise DataError(what, where=where, hint=hint + example, code=rules.NO_ANNOTATIONS.code)
        if self.annotated:
            what = f"none of the {len(found)} images of {name} has a label file"
            others = sorted(labels.texts(self.place.root)) if self.place.root.is_dir() else []
            hint += "; an empty one says that nothing is on the image"
            if others:
                hint += f"; elsewhere are {len(others)} text files, such as {self.place.root / others[0]}"
            raise DataError(what, where=where, hint=hint, code=rules.NO_ANNOTATIONS.code)


def _expected(image: Path) -> Path:
    return labels.rule(image.parent) / f"{image.stem}.txt"


class _Matcher:
    """Finds the label file of each image; ``unmatched`` are those left over."""

    def __init__(self, place: Described) -> None:
        self.place = place
        self.unmatched: list[str] = []

    def keys(self, every: tuple[Source, ...]) -> Iterator[Key]:
        for source in every:
            if source.labels is None:
                yield from self._listed(source.images)
            else:
                yield from self._folder(source.images, source.labels)

    def _folder(self, folder: Path, inner: Path) -> Iterator[Key]:
        """The images below ``folder``, with the labels below ``inner`` or, where those lack one, beside the image."""
        found: dict[str, list[str]] = {}
        beside: dict[str, str] = {}
        for path in listing.files(folder, listing.PICTURES | labels.TEXT) if folder.is_dir() else ():
            stem, _, extension = path.rpartition(".")
            if extension.lower() in labels.TEXT:
                beside[stem] = listing.joined(folder, path)
            else:
                found.setdefault(stem, []).append(listing.joined(folder, path))
        others = _stems(inner, listing.files(inner, labels.TEXT)) if inner != folder and inner.is_dir() else beside
        prefix = self._prefix(folder)
        for stem, label, nearly in self._matched(found, others, beside):
            yield Key(f"{prefix}{stem}", label, nearly, tuple(found[stem]))

    def _listed(self, path: Path) -> Iterator[Key]:
        """The images in the list ``path``, each folder of them with that of its labels."""
        folders: dict[str, dict[str, list[str]]] = {}
        moved: dict[str, bool] = {}
        for image, nearly in lists.paths(path, self.place.root):
            if image not in moved:
                moved[image] = nearly
                folder, _, last = image.rpartition("/")
                folders.setdefault(folder, {}).setdefault(last.rpartition(".")[0], []).append(image)
        for folder, found in folders.items():
            prefix, inner = self._prefix(Path(folder)), labels.folder_of(Path(folder), self.place.root)
            there = _texts_in(inner)
            beside = there if inner == Path(folder) else _texts_in(Path(folder))
            for stem, label, nearly in self._matched(found, there, beside):
                images = found[stem]
                yield Key(f"{prefix}{stem}", label, nearly or moved[images[0]], tuple(images))

    def _matched(
        self, found: dict[str, list[str]], others: dict[str, str], beside: dict[str, str]
    ) -> Iterator[tuple[str, str, bool]]:
        """The stem of each image, its label file, and whether their names are only nearly the same."""
        rest = {stem: path for stem, path in {**beside, **others}.items() if stem not in found}
        rest = {stem: path for stem, path in rest.items() if labels.is_label(path)}
        near, used = _unique(rest), set()
        for stem in found:
            label, nearly = others.get(stem) or beside.get(stem, ""), False
            if not label and near and (other := near.get(_plain(stem))):
                label, nearly = other, True
                used.add(other)
            yield stem, label, nearly
        self.unmatched += sorted(path for path in rest.values() if path not in used)

    def _prefix(self, folder: Path) -> str:
        """What stands before the names of images in ``folder``: its path below the folder of all images.

        Elsewhere in the data set it is the path below that; outside, nothing.
        """
        if folder == self.place.images:
            return ""
        for base in (self.place.images, self.place.root):
            inner = os.path.relpath(folder, base)
            if inner == ".":
                return ""
            if not inner.startswith(".."):
                return f"{inner}/"
        return ""


def _stems(folder: Path, paths: Iterator[str]) -> dict[str, str]:
    return {path.rpartition(".")[0]: listing.joined(folder, path) for path in paths}


def _texts_in(folder: Path) -> dict[str, str]:
    """The text files in ``folder`` itself."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".")]
    return _stems(folder, (name for name in names if name.rpartition(".")[2].lower() in labels.TEXT))


def _unique(rest: dict[str, str]) -> dict[str, str]:
    """``rest`` by plain names, without those that two files share."""
    plain = [_plain(stem) for stem in rest]
    counts = Counter(plain)
    return {name: path for name, path in zip(plain, rest.values(), strict=True) if counts[name] == 1}


def _plain(stem: str) -> str:
    """``stem`` as it is compared where the exact one is missing: systems differ in accents and in upper case."""
    return unicodedata.normalize("NFC", stem).casefold()
