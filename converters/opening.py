"""From a path to data sets: the format named or guessed, its splits found, the class map held against them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from converters import FORMATS, apart, classes
from converters.formats import Place
from converters.model import Dataset
from tltpipe import registry
from tltpipe.errors import DataError, UsageError


def splits(path: Path, format: str | None, *, images: Path | None = None) -> tuple[str, dict[str, Dataset]]:
    """See ``converters.splits``."""
    format, places = find(path, format, images=images)
    return format, {name: _read(format, place) for name, place in places.items()}


def read_all(
    path: Path,
    places: Mapping[str, Place],
    format: str | None,
    *,
    images: Path | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Dataset]:
    """The data sets at ``places``, found at ``path``; of ``options`` those that the format knows."""
    name = format if format not in (None, "auto") else find(path, None, images=images)[0]
    known = inspect.signature(module(str(name)).read).parameters
    given = {key: value for key, value in (options or {}).items() if key in known}
    return {split: _read(str(name), place, **given) for split, place in places.items()}


def find(path: Path, format: str | None, *, images: Path | None = None) -> tuple[str, dict[str, Place]]:
    """The format of ``path`` and where its splits lie; raises as ``converters.splits`` does.

    ``images`` is a folder of pictures apart from the annotations, or of one such folder for each split.
    """
    format, places = _find(path, format, images)
    if images is None:
        return format, places
    if getattr(module(format), "IMAGES_INSIDE", False):
        raise UsageError(f"{format} has its images beside its annotations", where=path, hint="leave --images out")
    return format, apart.moved(places, images)


def _find(path: Path, format: str | None, images: Path | None) -> tuple[str, dict[str, Place]]:
    if not path.exists():
        raise DataError("there is nothing here", where=path)
    if format is not None:
        places = apart.find(module(format), path, images)
        if not places:
            raise DataError(f"there is no {format} data set here", where=path, hint=module(format).ABOUT)
        return format, places
    found = {name: places for name in registry.names(FORMATS) if (places := apart.find(module(name), path, images))}
    if not found:
        raise UsageError("this looks like none of the formats", where=path, hint=f"name it: {_names()}")
    # Labels that were made beside their source, in its folder, say less than it does.
    most = max(len(module(name).CARRIES) for name in found)
    richest = [name for name in found if len(module(name).CARRIES) == most]
    if len(richest) > 1:
        raise UsageError(f"this may be {' or '.join(richest)}", where=path, hint="say which: --from FORMAT")
    return richest[0], found[richest[0]]


def one(datasets: dict[str, Dataset], path: Path, split: str | None) -> Dataset:
    """The split called ``split``, or the only one. Raises UsageError."""
    if split is None and len(datasets) == 1:
        return next(iter(datasets.values()))
    if split not in datasets:
        what = "this holds several splits" if split is None else f'there is no split "{split}" here'
        raise UsageError(what, where=path, hint=f"name one of {', '.join(datasets)}")
    return datasets[split]


def module(format: str, *, writing: bool = False) -> ModuleType:
    """The module of ``format``. Raises UsageError when there is none, or none that writes."""
    found = registry.load(FORMATS, format)
    if writing and not hasattr(found, "Writer"):
        raise UsageError(f"{format} can only be read", hint=f"formats to write: {_names(writing=True)}")
    return found


def _read(format: str, place: Place, **options: Any) -> Dataset:
    names = classes.read(place.root)
    dataset: Dataset = module(format).read(place, classes=names, **options)
    if names is not None:
        classes.compare(names, dataset.categories, place)
    return dataset


def _names(*, writing: bool = False) -> str:
    return ", ".join(
        name for name in registry.names(FORMATS) if not writing or hasattr(registry.load(FORMATS, name), "Writer")
    )
