"""The image that an annotation file names, in whatever way that was written down."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from converters import listing


def locate(folder: Path, *names: str) -> str | None:
    """The path below ``folder`` of the first of ``names``, as a file spells them, that is there.

    Else that of the one image with the base name of the first, wherever it lies; None where there is none.
    """
    for name in map(_clean, names):
        if listing.is_below(name) and (folder / name).is_file():
            return name
    others = _by_base_name(folder).get(_clean(names[0]).rpartition("/")[2], ())
    return others[0] if len(others) == 1 else None


def _clean(name: str) -> str:
    """``name`` with slashes, without a start of this folder."""
    name = name.replace("\\", "/")
    while name.startswith("./"):
        name = name[2:]
    return name


@lru_cache(maxsize=8)
def _by_base_name(folder: Path) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    if folder.is_dir():
        for path in listing.files(folder, listing.PICTURES):
            base = path.rpartition("/")[2]
            found[base] = (*found.get(base, ()), path)
    return found


def forget() -> None:
    """Folders may have changed: look again."""
    _by_base_name.cache_clear()
