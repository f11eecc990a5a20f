"""What a machine must see before it works: that each input is there, and the one that others have."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tltpipe.staging import LAG

_MOST = 64
"""So many inputs are looked at."""


class Sight(NamedTuple):
    """A path, as its first machine sees it: a file of ``size`` bytes, or a folder with ``entry`` in it."""

    path: str
    size: int | None
    entry: str

    @property
    def folder(self) -> str:
        return self.path if self.size is None else os.path.dirname(self.path)  # noqa: PTH120


def sights(paths: Iterable[Path], *, but: Sequence[str] = ()) -> tuple[Sight, ...]:
    """Of those ``paths`` that are there, outside of the folders ``but``."""
    texts = (os.path.abspath(path) for path in paths)
    return tuple(_sight(text) for text in islice(texts, _MOST) if _is_wanted(text, but))


def unseen(wanted: Iterable[Sight]) -> str:
    """The folder of the first path that is missing here, or something else; "" where there is none. Waits for the lag
    of a file server."""
    deadline = time.monotonic() + LAG
    for sight in wanted:
        while not _is_seen(sight):
            if time.monotonic() > deadline:
                return sight.folder
            time.sleep(0.2)
    return ""


def _is_wanted(path: str, but: Sequence[str]) -> bool:
    return Path(path).exists() and not any(Path(path).is_relative_to(folder) for folder in but)


def _sight(path: str) -> Sight:
    if not os.path.isdir(path):  # noqa: PTH112
        return Sight(path, os.stat(path).st_size, "")  # noqa: PTH116
    with os.scandir(path) as entries:
        names = (entry.name for entry in entries if not entry.name.startswith("."))
        return Sight(path, None, next(names, ""))


def _is_seen(sight: Sight) -> bool:
    path = Path(sight.path)
    try:
        if sight.size is None:
            return path.is_dir() and (not sight.entry or os.path.lexists(path / sight.entry))
        return path.is_file() and path.stat().st_size == sight.size
    except OSError:
        return False
