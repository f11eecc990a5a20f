"""The pictures that somebody names: files, folders, patterns, a list on standard input."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from runtime.mounts import host_text
from tltpipe.errors import DataError

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png"})
STANDARD_INPUT = "-"
_KNOWN = f"these are read: {', '.join(sorted(EXTENSIONS))}"


def find(given: Sequence[str]) -> list[Path]:
    """The pictures that ``given`` names, each once, in that order; those of a folder or pattern sorted by name.

    ``-`` stands for standard input, a path a line. Folders are not searched below their own files. Raises DataError
    for what is not there, and where there is no picture at all.
    """
    found = dict.fromkeys(path for text in given for path in _named(text))
    if not found:
        what = "no picture here" if len(given) == 1 else "no picture in any of these"
        raise DataError(what, where=", ".join(given[:3]), hint=_KNOWN)
    return list(found)


def _named(text: str) -> Iterator[Path]:
    if text == STANDARD_INPUT:
        yield from _listed(sys.stdin)
        return
    path = Path(host_text(text))
    if path.is_dir():
        yield from sorted(each for each in path.iterdir() if _is_picture(each))
    elif path.exists():
        if path.suffix.lower() not in EXTENSIONS:
            raise DataError("this is no picture, by its name", where=path, hint=_KNOWN)
        yield path
    elif glob.has_magic(str(path)):
        matches = sorted(map(Path, glob.glob(str(path), recursive=True)))
        if not matches:
            raise DataError("no file fits this pattern", where=path, hint="quote it, and try it with ls")
        yield from (each for each in matches if _is_picture(each))
    else:
        raise DataError("there is no such picture or folder", where=path)


def _listed(lines: Iterable[str]) -> Iterator[Path]:
    """The paths of a list; blank lines do not count."""
    for line in lines:
        if text := line.strip():
            path = Path(host_text(text))
            if not path.is_file():
                raise DataError("this is on the list, but not there", where=path, hint="one path a line, as typed")
            yield path


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file()
