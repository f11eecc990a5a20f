"""The pictures that somebody names: files, folders, patterns, a list on standard input."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from converters.files import listing
from runtime.shell import program
from runtime.shell.mounts import host_text
from tltpipe.errors import DataError

STANDARD_INPUT = "-"
_KNOWN = f"these are read: .{', .'.join(sorted(listing.PICTURES))}"


def find(given: Sequence[str], *, apart: Path | None = None) -> list[Path]:
    """The pictures that ``given`` names, each once, in that order; those of a folder or pattern sorted by path.

    ``-`` stands for standard input, a path a line. Folders are searched with all folders below, but for the folder
    ``apart``: that of results. Warns of files there
    in formats that cannot be read. Raises DataError for what is not there, and where there is no picture at all.
    """
    skipped: list[str] = []
    found = dict.fromkeys(path for text in given for path in _named(text, skipped, apart))
    unread = f"{listing.counted(skipped)} cannot be read: convert them to JPEG or PNG" if skipped else ""
    if not found:
        what = "no picture here" if len(given) == 1 else "no picture in any of these"
        raise DataError(what, where=", ".join(given[:3]), hint=unread or _KNOWN)
    if unread:
        program.warn(f"{unread} (such as {skipped[0]})")
    return list(found)


def _named(text: str, skipped: list[str], apart: Path | None) -> Iterator[Path]:
    if text == STANDARD_INPUT:
        yield from _listed(sys.stdin)
        return
    path = Path(host_text(text))
    if path.is_dir():
        listed = sorted(listing.files(path, listing.PICTURES | listing.UNSUPPORTED))
        if apart is not None and (own := _inside(path, apart)):
            listed = [name for name in listed if not name.startswith(own)]
        yield from (path / name for name in listed if listing.extension_of(name) in listing.PICTURES)
        skipped += (f"{path}/{name}" for name in listed if listing.extension_of(name) in listing.UNSUPPORTED)
    elif path.exists():
        if listing.extension_of(path.name) not in listing.PICTURES:
            raise DataError("unsupported image extension", where=path, hint=_KNOWN)
        yield path
    elif glob.has_magic(str(path)):
        matches = sorted(map(Path, glob.glob(str(path), recursive=True)))
        if not matches:
            raise DataError("no file fits this pattern", where=path, hint="quote it, and try it with ls")
        yield from (each for each in matches if _is_picture(each))
        skipped += (str(each) for each in matches if listing.extension_of(each.name) in listing.UNSUPPORTED)
    else:
        raise DataError("there is no such picture or folder", where=path)


def _inside(folder: Path, inner: Path) -> str:
    """What the paths of files in ``inner`` begin with below ``folder``; "" where it is no part of it."""
    whole, part = folder.resolve(), inner.resolve()
    return f"{part.relative_to(whole)}/" if part != whole and part.is_relative_to(whole) else ""


def _listed(lines: Iterable[str]) -> Iterator[Path]:
    """The paths of a list; blank lines do not count."""
    for line in lines:
        if text := line.strip():
            path = Path(host_text(text))
            if not path.is_file():
                raise DataError("this is on the list, but not there", where=path, hint="one path a line, as typed")
            yield path


def _is_picture(path: Path) -> bool:
    return listing.extension_of(path.name) in listing.PICTURES and not path.name.startswith(".") and path.is_file()
