"""What lies in the folders of a data set: files by their path below a folder, however deep."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from tltpipe.errors import DataError

PICTURES = frozenset(("jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff", "gif", "ppm", "pgm"))
"""Extensions of pictures, in lower case."""


def files(folder: Path, extensions: frozenset[str], *, without: Iterable[Path] = ()) -> Iterator[str]:
    """Paths below ``folder``, with "/", of the files with one of ``extensions``; in no order.

    Nothing hidden counts, and every folder counts once, whatever links lead to it; those of ``without`` not at all.
    Raises DataError for a folder that cannot be read.
    """
    states = [each.stat() for each in without if each.is_dir()]
    return _below(str(folder), "", extensions, {(state.st_dev, state.st_ino) for state in states})


def stems(folder: Path, extensions: frozenset[str]) -> set[str]:
    """``files`` without their extensions."""
    return {path.rpartition(".")[0] for path in files(folder, extensions)}


def pictures(folder: Path) -> dict[str, tuple[str, ...]]:
    """The pictures below ``folder`` by their path without extension: its one extension, or all that share the name."""
    found: dict[str, tuple[str, ...]] = {}
    for path in files(folder, PICTURES):
        stem, _, extension = path.rpartition(".")
        found[stem] = (*found[stem], extension) if stem in found else (extension,)
    return found


def is_below(name: str) -> bool:
    """Whether ``name``, written in a file by whomever, is a path that stays in the folder it is meant for."""
    parts = name.split("/")
    return "\0" not in name and not any(part in ("", ".", "..") for part in parts) and max(map(len, parts)) < 250


def inside(images: Path, name: str) -> str:
    """What of the path ``name``, as written in a file, lies below the picture folder ``images``: images/train/a is "a"
    where pictures are in .../images/train."""
    folder, _, last = name.rpartition("/")
    return _inside(images, folder) + last


@lru_cache(maxsize=1024)
def _inside(images: Path, folder: str) -> str:
    parts, above = folder.split("/") if folder else [], images.parts
    known = (n for n in range(min(len(parts), len(above)), 0, -1) if above[-n:] == tuple(parts[:n]))
    return "".join(f"{part}/" for part in parts[next(known, 0) :])


_USUAL = ("jpg", "png", "jpeg", "JPG", "PNG", "JPEG", "bmp", "webp")


def picture(folder: Path, stem: str) -> Path:
    """The picture of that name, whose extension nobody told; the most usual name when there is none."""
    path = f"{folder}/{stem}"
    found = (f"{path}.{extension}" for extension in _USUAL)
    return Path(next(filter(os.path.exists, found), f"{path}.{_USUAL[0]}"))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes of another encoding, which the system hands over as surrogates
        return False
    return True


def _below(folder: str, prefix: str, extensions: frozenset[str], seen: set[tuple[int, int]]) -> Iterator[str]:
    inner = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                if name.rpartition(".")[2].lower() in extensions and "." in name and entry.is_file():
                    if not name.isascii() and not _is_text(name):
                        what = "this name is not UTF-8 text"
                        raise DataError(what, where=f"{folder}/{name!a}", hint="rename the file")
                    yield prefix + name
                elif entry.is_dir():
                    state = entry.stat()
                    if (state.st_dev, state.st_ino) not in seen:
                        seen.add((state.st_dev, state.st_ino))
                        inner.append(name)
    except OSError as problem:
        raise DataError(f"this folder cannot be read: {problem.strerror}", where=folder) from None
    for name in sorted(inner):
        yield from _below(f"{folder}/{name}", f"{prefix}{name}/", extensions, seen)
