"""A folder of results that belongs to one call: what the call before wrote goes, what others put there stays."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tltpipe import files


def clear(folder: Path, record: Path) -> None:
    """Remove from ``folder`` the files that ``record`` names, unless somebody changed them since.

    It has the size in bytes and the time of the last change in ns of each file, by its path below the folder.
    Only what is found in the folder can go: nothing that ``record`` says leads out of it.
    """
    known = files.read_json(record)
    for name in list(_files(folder)):
        if known.get(name) == _stamp(folder / name):
            (folder / name).unlink()
    for path in sorted(_folders(folder), reverse=True):
        with suppress(OSError):  # something of others is in it
            path.rmdir()


def occupied(folder: Path, parts: tuple[str, ...]) -> bool:
    """Whether one of ``parts`` is still in ``folder``: somebody else's files, or a link to elsewhere."""
    return folder.is_symlink() or any(os.path.lexists(folder / part) for part in parts)


def publish(staging: Path, folder: Path, record: Path) -> None:
    """Move all files of ``staging`` to ``folder`` and note them in ``record``."""
    stamps: dict[str, list[int]] = {}
    with files.writable(folder):
        for name in sorted(_files(staging)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / name, folder / name)
            stamps[name] = _stamp(folder / name)
    files.write_text(record, json.dumps(stamps) + "\n")


def _files(folder: Path) -> Iterator[str]:
    """Paths of all regular files below ``folder``, relative to it; links are not followed."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if not path.is_symlink():
                yield path.relative_to(folder).as_posix()


def _folders(folder: Path) -> Iterator[Path]:
    for place, names, _ in os.walk(folder):
        yield from (Path(place, name) for name in names)


def _stamp(path: Path) -> list[int]:
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]
