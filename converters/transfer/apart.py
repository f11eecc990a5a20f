"""Pictures that lie apart from their annotations, in a folder that the user names."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from converters.model.splits import CANONICAL, Place, split_name
from tltpipe.errors import DataError, UsageError

_INNER = ("images", "image", "image_2", "JPEGImages")


def find(module: ModuleType, root: Path, images: Path | None) -> dict[str, Place]:
    """What the format finds at ``root``; with ``images`` also where there are annotations alone, if it knows how."""
    options: dict[str, Any] = {}
    if images is not None and "images" in inspect.signature(module.find).parameters:
        options["images"] = images
    places: dict[str, Place] = module.find(root, **options)
    return places


def moved(places: Mapping[str, Place], images: Path) -> dict[str, Place]:
    """``places`` with their pictures in ``images``, or in the folder there that is called as the split is.

    Raises DataError where there is no such folder, UsageError for splits that say themselves where each picture lies.
    """
    if not images.is_dir():
        raise DataError("there is no such folder of images", where=images)
    for name, place in places.items():
        if hasattr(place, "sources"):
            what = f"the {name} split says itself where each of its images lies"
            raise UsageError(what, where=place.annotations, hint="leave the folder of images out")
    return {name: replace(place, images=_folder(images, name, place)) for name, place in places.items()}


def _folder(images: Path, split: str, place: Place) -> Path:
    below = {path.name.casefold(): path for path in sorted(images.iterdir()) if path.is_dir()}
    found = next((below[name] for name in _names(split, place) if name in below), images)
    return next((found / name for name in _INNER if (found / name).is_dir()), found)


def _names(split: str, place: Place) -> Iterator[str]:
    """What the folder of the split may be called, in lower case."""
    own = place.images.name
    yield from (split.casefold(), *([own.casefold()] if split_name(own) == split else []))
    yield from (alias for alias, known in CANONICAL.items() if known == split)
    yield own.casefold()
