"""Images beside annotations: which are there, and what a few of them are like."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from converters.files import listing
from converters.pictures import headers
from tltpipe.errors import DataError

OPENED = 300
"""Images that are opened."""
_CHANNELS = {"1": 1, "L": 1, "LA": 1, "I": 1, "I;16": 1, "F": 1}
_Item = TypeVar("_Item")


def lacking(root: Path, ids: Iterable[str], extension: str | None) -> tuple[list[str], list[str]]:
    """Of the frames ``ids``, paths below ``root`` without extension, those without an image, and the images of those
    that have one with another extension than ``extension`` (with its dot; None: any will do)."""
    folders: dict[str, list[str]] = {}
    for id in ids:
        folder, _, stem = id.rpartition("/")
        folders.setdefault(folder, []).append(stem)
    missing: list[str] = []
    others: list[str] = []
    for folder, stems in folders.items():
        names = _names(root / folder) if not folder or listing.is_below(folder) else frozenset()
        left = stems if extension is None else [stem for stem in stems if f"{stem}{extension}" not in names]
        if not left:
            continue
        known = {name.rpartition(".")[0]: name for name in names if listing.extension_of(name) in listing.PICTURES}
        missing += [f"{folder}/{stem}" for stem in left if stem not in known]
        others += [known[stem] for stem in left if stem in known and extension is not None]
    return missing, others


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208 - names are all that is needed of 200,000
    except OSError:
        return frozenset()


def spread(items: Sequence[_Item], most: int) -> Sequence[_Item]:
    """At most ``most`` of ``items``, spread over all of them."""
    return items if len(items) <= most else [items[place * len(items) // most] for place in range(most)]


def channels(folder: Path, names: Sequence[str], extension: str | None = "") -> Counter[int]:
    """The images ``names`` below ``folder`` by their number of channels; missing and damaged ones are not counted, nor
    those that names lead to elsewhere.

    ``extension`` is what the names lack; None: whatever there is.
    """
    result = Counter[int]()
    for name in filter(listing.is_below, names):
        try:
            path = listing.picture(folder, name) if extension is None else folder / f"{name}{extension}"
            result[_CHANNELS.get(headers.header(path).mode, 3)] += 1
        except DataError:
            continue
    return result
