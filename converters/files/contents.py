"""What a file holds; and what lies at a path that is no data set, in words: what a user needs to see why it was not
recognised."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from converters.files import listing
from tltpipe import inputs
from tltpipe.errors import DataError

_MOST = 20_000  # entries that are counted
_KINDS = 5  # extensions that are listed
_NAMED = 3  # files of one kind that are listed by name
_LOOKED_AT = 64


def seen(root: Path) -> str:
    """The contents of ``root`` in a few words: "12 .xml, 12 .jpg, classes.txt, 3 folders"."""
    if root.is_file():
        return f"one file of {root.stat().st_size:,} bytes"
    names: dict[str, list[str]] = {}
    kinds, folders, total = Counter[str](), 0, 0
    for path, is_folder in islice(_entries(root), _MOST):
        total += 1
        if is_folder:
            folders += 1
            continue
        extension = Path(path).suffix.lower()
        kinds[extension] += 1
        names.setdefault(extension, []).append(path)
    if not total:
        return "an empty folder"
    told = [_told(kind, count, names[kind]) for kind, count in kinds.most_common(_KINDS)]
    others = kinds.total() - sum(count for _, count in kinds.most_common(_KINDS))
    told += [f"{others} other files"] if others else []
    told += [f"{folders} {'folder' if folders == 1 else 'folders'}"] if folders else []
    return ", ".join(told) + (" and more" if total == _MOST else "")


def _told(extension: str, count: int, paths: list[str]) -> str:
    if count <= _NAMED and extension[1:] not in listing.PICTURES:
        return ", ".join(sorted(paths))
    return f"{count:,} {extension or 'without extension'}"


def _entries(root: Path) -> Iterator[tuple[str, bool]]:
    """Paths below ``root``, without what is hidden, and whether each is a folder."""
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        below = os.path.relpath(folder, root)
        start = "" if below == "." else f"{below}/"
        yield from ((start + name, True) for name in inner)
        yield from ((start + name, False) for name in sorted(files) if not name.startswith("."))


def first(root: Path, *extensions: str) -> list[Path]:
    """The first few files with one of ``extensions`` at ``root``, however deep."""
    if root.is_file():
        return [root] if root.suffix[1:].lower() in extensions else []
    try:
        return sorted(root / name for name in islice(listing.files(root, frozenset(extensions)), _LOOKED_AT))
    except DataError:
        return []


def head(path: Path, length: int = 4096) -> bytes:
    """The first bytes of ``path``; none where it cannot be read."""
    try:
        with inputs.opened(path) as stream:
            return stream.read(length)
    except OSError:
        return b""


def whole(path: Path | str, most: int = -1) -> bytes:
    """All bytes of the file ``path``, or the first ``most`` of a large one.

    Raises DataError when it is missing or cannot be read.
    """
    try:
        return inputs.content(path, most)
    except FileNotFoundError:
        raise DataError("this file is missing", where=Path(path)) from None
    except OSError as problem:
        raise DataError(f"this file cannot be read: {problem.strerror}", where=Path(path)) from None
