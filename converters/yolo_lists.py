"""Splits of YOLO data sets that are several folders of pictures, or lists of pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters import images, listing, rules, yolo_lines
from converters.findings import Findings
from converters.formats import Place
from converters.model import Sample
from tltpipe.errors import DataError, Location

_LARGEST = 256 << 20  # bytes of a list; a million long paths


@dataclass(frozen=True)
class Described(Place):
    """``page`` is the data.yaml that names this split, whatever it is called."""

    page: Path


@dataclass(frozen=True)
class Several(Described):
    """``sources`` are folders, or .txt files with the path of a picture in each line; names are told below ``images``.

    ``annotations`` is the data.yaml: labels lie wherever the pictures have them.
    """

    sources: tuple[Path, ...]


@dataclass(frozen=True)
class Pictures:
    """The pictures of ``place``. A key is a name, then the paths of all pictures that have it."""

    place: Several
    names: tuple[str, ...]
    keypoints: tuple[int, int] | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        labels = (labels_of(source) for source in self.place.sources)
        return (*self.place.sources, *(folder for folder in labels if folder.is_dir()))

    def keys(self) -> list[tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for path in dict.fromkeys(path for source in self.place.sources for path in _pictures(source, self.place.root)):
            name = self._name(path)
            found[name] = (*found.get(name, ()), path)
        return [(name, *found[name]) for name in sorted(found)]

    def name(self, key: tuple[str, ...]) -> str:
        return key[0]

    def items(self, key: tuple[str, ...]) -> list[str]:
        image = Path(key[-1])
        path = labels_of(image.parent) / f"{image.stem}.txt"
        return [thing.category for thing in yolo_lines.parse(path, self.names, self.keypoints, 1, 1)]

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        name, *paths = key
        image = Path(paths[0])
        if len(paths) > 1:
            what, hint = f"another picture has this name, too: {paths[1]}", "rename one of the two"
            raise DataError(what, where=image, hint=hint, code=rules.SAME_NAME.code)
        width, height = images.look(image, findings)
        labels = labels_of(image.parent) / f"{image.stem}.txt"
        objects = yolo_lines.parse(labels, self.names, self.keypoints, width, height)
        return Sample(name, image, width, height, tuple(objects), annotations=labels if labels.exists() else image)

    def _name(self, path: str) -> str:
        """Below the folder of all pictures; of a picture elsewhere, below the last folder called "images"."""
        inner = os.path.relpath(path, self.place.images)
        if inner.startswith(".."):
            inner = path.rpartition("/images/")[2].rpartition("/")[2]
        return inner.rpartition(".")[0]


def labels_of(pictures: Path) -> Path:
    """The folder of the labels: that of the pictures with the last "images" in it replaced; else the same one."""
    parts = list(pictures.parts)
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return Path(*parts)


def _pictures(source: Path, root: Path) -> Iterator[str]:
    if source.is_dir():
        yield from (f"{source}/{name}" for name in listing.files(source, listing.PICTURES))
    else:
        yield from _listed(source, root)


def _listed(path: Path, root: Path) -> Iterator[str]:
    """Paths in the list ``path``: relative to it, or to the data set where the first is found there."""
    lines = _lines(path)
    first = next((line.strip() for line in lines if line.strip()), "")
    bases = (path.parent, root, root.parent)
    base = next((base for base in bases if os.path.isfile(base / first)), path.parent)  # noqa: PTH113 - takes any text
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name:
            continue
        if "\0" in name or len(name) > 4000 or name.rpartition(".")[2].lower() not in listing.PICTURES:
            what = f"{name[:80]!a} is no path of a picture"
            raise DataError(what, where=Location(path, number), hint="one path a line")
        yield os.path.normpath(base / name)


def _lines(path: Path) -> Sequence[str]:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise DataError("this list is too long to be read", where=path)
        return content.decode("utf-8-sig").split("\n")
    except OSError as problem:
        raise DataError(f"this list of pictures cannot be read: {problem.strerror}", where=path) from None
    except UnicodeDecodeError:
        raise DataError("this list of pictures is not UTF-8 text", where=path) from None
