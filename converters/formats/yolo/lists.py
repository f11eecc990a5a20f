"""Lists of images: text files with the path of one in each line, and paths that were written on another machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from converters.files import listing
from converters.files.filenames import ImageNames, UnclearName
from tltpipe import inputs
from tltpipe.errors import DataError, Location

_LARGEST = 256 << 20  # bytes of a list; a million long paths
_VAGUE = ("images", "image", "imgs", "img", "data", "labels")
"""Folder names that say too little to find a folder by them alone."""


def located(value: str, bases: Sequence[Path], fits: Callable[[Path], bool]) -> tuple[Path | None, bool]:
    """What the path ``value`` means, relative to the first of ``bases`` where it ``fits``; and whether only its end is.

    ``data`` at its start is the data set itself, as Darknet has it. The end of a path of another machine, with slashes
    or backslashes, is looked for below ``bases``, too, the longest end first; then the path in any case.
    """
    slashes = value.replace("\\", "/")
    for base in bases:
        for text in dict.fromkeys((value, slashes, slashes.removeprefix("data/"))):
            if fits(base / text):
                return base / text, False
    parts = [part for part in re.split(r"/+", slashes) if part not in ("", ".", "..") and not part.endswith(":")]
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    for end in ends:
        if "/" not in end and end.lower() in _VAGUE:
            continue
        for base in bases:
            if fits(base / end):
                return base / end, True
    for base in bases:
        found = _any_case(base, parts)
        if found is not None and fits(found):
            return found, True
    return None, False


def _any_case(base: Path, parts: Sequence[str]) -> Path | None:
    """The path ``parts`` below ``base``, in whatever case its folders are written; None where two differ in that."""
    for part in parts:
        names = os.listdir(base) if os.path.isdir(base) else []  # noqa: PTH112, PTH208 - any text
        same = [name for name in names if name.casefold() == part.casefold()]
        if len(same) != 1:
            return None
        base = base / same[0]
    return base if parts else None


def is_list(path: Path) -> bool:
    """Whether the first line of ``path`` is the path of an image."""
    if not path.is_file():
        return False
    first = inputs.head(path, 1 << 16).decode("utf-8-sig", errors="replace").lstrip().partition("\n")[0]
    return _is_image(first.strip())


def paths(path: Path, root: Path) -> Iterator[tuple[str, bool]]:
    """The images in the list ``path`` of the data set ``root``, and whether each was found by the end of its path only.

    Raises DataError for a line that is none.
    """
    folders = _Folders((path.parent, root, root.parent), root)
    for number, line in enumerate(_lines(path), start=1):
        name = line.strip()
        if not name:
            continue
        if not _is_image(name):
            what = f"{name[:80]!a} is no path of an image"
            raise DataError(what, where=Location(path, number), hint="one path a line")
        yield folders.image(name)


def first_image(root: Path, path: Path) -> Path | None:
    """The first image in the list ``path`` of the data set ``root``."""
    return next((Path(image) for image, _ in paths(path, root)), None)


def first_folder(root: Path, path: Path) -> Path | None:
    """The folder in ``root`` that holds the first image of the list ``path``: names are told below it."""
    image = first_image(root, path)
    top, slash, _ = os.path.relpath(image, root).partition("/") if image is not None else ("", "", "")
    return root / top if slash and top != ".." else None


def _is_image(name: str) -> bool:
    return "\0" not in name and len(name) <= 4000 and name.rpartition(".")[2].lower() in listing.PICTURES


class _Folders:
    """Finds the folder of each line: the first image in it decides for all."""

    def __init__(self, bases: Sequence[Path], root: Path) -> None:
        self.bases, self.root = bases, root
        self.known: dict[str, tuple[str, bool] | None] = {}
        self.by_name: dict[str, list[str]] | None = None
        self.names: dict[str, tuple[frozenset[str], ImageNames]] = {}

    def image(self, name: str) -> tuple[str, bool]:
        """The path of the image ``name``, and whether only its end was found."""
        cut = max(name.rfind("/"), name.rfind("\\")) + 1
        folder, last = name[:cut], name[cut:]
        if folder not in self.known:
            self.known[folder] = self._folder(folder, last)
        place = self.known[folder]
        if place is not None:
            spelled = self._spelled(place[0], last)
            return os.path.normpath(f"{place[0]}/{spelled}"), place[1] or spelled != last
        found = self._anywhere().get(last, [])
        if len(found) == 1:
            return listing.joined(self.root, found[0]), True
        return os.path.normpath(self.bases[0] / name), False

    def _folder(self, folder: str, last: str) -> tuple[str, bool] | None:
        """Where it holds the image ``last``; else where there is a folder of that name."""
        found, moved = located(folder, self.bases, lambda path: os.path.isfile(path / last))  # noqa: PTH113
        if found is None and folder:
            found, moved = located(folder, self.bases, os.path.isdir)
        return None if found is None else (str(found), moved)

    def _spelled(self, folder: str, last: str) -> str:
        """What the image ``last`` is called in ``folder``, where another system may have written its name otherwise."""
        if folder not in self.names:
            there = os.listdir(folder) if os.path.isdir(folder) else []  # noqa: PTH112, PTH208 - any text
            self.names[folder] = frozenset(there), ImageNames(Path(folder))
        names, images = self.names[folder]
        if last in names:
            return last
        try:
            match = images.match(last)
        except UnclearName:
            return last
        return match.path if match is not None else last

    def _anywhere(self) -> dict[str, list[str]]:
        """Images below the data set by their last name."""
        if self.by_name is None:
            self.by_name = {}
            for path in listing.files(self.root, listing.PICTURES):
                self.by_name.setdefault(path.rpartition("/")[2], []).append(path)
        return self.by_name


def _lines(path: Path) -> Sequence[str]:
    try:
        with inputs.opened(path) as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise DataError("this list is too long to be read", where=path)
        return content.decode("utf-8-sig").split("\n")
    except OSError as problem:
        raise DataError(f"this list of images cannot be read: {problem.strerror}", where=path) from None
    except UnicodeDecodeError:
        raise DataError("this list of images is not UTF-8 text", where=path) from None
