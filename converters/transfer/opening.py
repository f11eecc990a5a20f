"""From a path to data sets: the format named or guessed, its splits found, the class map held against them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from converters.files import contents
from converters.formats import FORMATS
from converters.model import Dataset, attributes, classes
from converters.model.coordinates import declared
from converters.model.ignore_regions import without
from converters.model.splits import CANONICAL, Place, split_name
from tltpipe import registry
from tltpipe.errors import DataError, UsageError


def splits(
    path: Path, format: str | None, *, images: Path | None = None, coordinates: str | None = None
) -> tuple[str, dict[str, Dataset]]:
    """See ``converters.splits``."""
    format, places = find(path, format, images=images)
    return format, read_all(path, places, format, coordinates=coordinates)


def read_all(
    path: Path,
    places: Mapping[str, Place],
    format: str | None,
    *,
    coordinates: str | None = None,
    images: Path | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Dataset]:
    """The data sets at ``places``, found at ``path``, with the same attributes; of ``options`` those that the format
    knows."""
    name = format if format not in (None, "auto") else find(path, None, images=images)[0]
    known = inspect.signature(module(str(name)).read).parameters
    given = {key: value for key, value in (options or {}).items() if key in known}
    return attributes.shared({split: _read(str(name), place, coordinates, **given) for split, place in places.items()})


def find(path: Path, format: str | None, *, images: Path | None = None) -> tuple[str, dict[str, Place]]:
    """The format of ``path`` and where its splits lie; raises as ``converters.splits`` does.

    ``images`` is a folder of pictures apart from the annotations, or of one such folder for each split.
    """
    format, places = _find(path, format, images)
    if images is None:
        return format, places
    if getattr(module(format), "IMAGES_INSIDE", False):
        raise UsageError(f"{format} has its images beside its annotations", where=path, hint="leave --images out")
    return format, _with_images(places, images)


def _find(path: Path, format: str | None, images: Path | None) -> tuple[str, dict[str, Place]]:
    if not path.exists():
        raise DataError("there is nothing here", where=path)
    if format is not None:
        places = _places_in(module(format), path, images)
        if not places:
            raise _not_there(path, format)
        return format, places
    rich = {name: len(module(name).CARRIES - {"ignored"}) for name in registry.names(FORMATS)}
    found: dict[str, dict[str, Place]] = {}
    for name in sorted(rich, key=rich.__getitem__, reverse=True):
        if found and rich[name] < min(map(rich.__getitem__, found)):
            break  # labels that were made beside their source, in its folder, say less than it does
        if places := _places_in(module(name), path, images):
            found[name] = places
    if not found:
        raise _none(path)
    if len(found) > 1:
        may = " or ".join(f"{name} ({_told(path, found[name])})" for name in found)
        raise UsageError(f"this may be {may}", where=path, hint="say which: --from FORMAT")
    return found.popitem()


def _none(path: Path) -> UsageError:
    """What is there, and which formats come near."""
    near = [f"{name}: {why}" for name in registry.names(FORMATS) if (why := _missing(path, name))]
    hint = f"nearest: {'; '.join(near[:_NEAREST])}" if near else f"name the format: {_names()}"
    return UsageError(f"this looks like none of the formats: {contents.seen(path)}", where=path, hint=hint)


_NEAREST = 3


def _not_there(path: Path, format: str) -> DataError:
    why, about = _missing(path, format), module(format).ABOUT
    hint = f"{why}; looked for {about}" if why else f"looked for {about}"
    return DataError(f"there is no {format} data set here, but {contents.seen(path)}", where=path, hint=hint)


def _missing(path: Path, format: str) -> str | None:
    found = module(format)
    why: str | None = found.missing(path) if hasattr(found, "missing") else None
    return why


def _told(path: Path, places: Mapping[str, Place]) -> str:
    """The splits at ``places``, and where the first of them has its annotations."""
    first = next(iter(places.values())).annotations
    where = first.relative_to(path) if first.is_relative_to(path) and first != path else first.name
    return f"{', '.join(places)}: {where}"


def one(datasets: dict[str, Dataset], path: Path, split: str | None) -> Dataset:
    """The split called ``split``, or the only one. Raises UsageError."""
    if split is None and len(datasets) == 1:
        return next(iter(datasets.values()))
    if split is None:
        raise UsageError("this holds several splits", where=path, hint=f"name one of {', '.join(datasets)}")
    return datasets[known(split, datasets, path)]


def known(split: str, datasets: Mapping[str, object], path: Path) -> str:
    """The name that ``split`` has among ``datasets``, where "val" is validation, too. Raises UsageError."""
    for name in (split, split_name(split)):
        if name in datasets:
            return name
    raise UsageError(f'there is no split "{split}" here', where=path, hint=f"there are {', '.join(datasets)}")


def formats(*, writing: bool) -> Mapping[str, str]:
    """See ``converters.known``."""
    modules = {name: registry.load(FORMATS, name) for name in registry.names(FORMATS)}
    return {name: each.ABOUT for name, each in modules.items() if not writing or hasattr(each, "Writer")}


def module(format: str, *, writing: bool = False) -> ModuleType:
    """The module of ``format``. Raises UsageError when there is none, or none that writes."""
    found = registry.load(FORMATS, format)
    if writing and not hasattr(found, "Writer"):
        raise UsageError(f"{format} can only be read", hint=f"formats to write: {_names(writing=True)}")
    return found


def _read(format: str, place: Place, coordinates: str | None = None, **options: Any) -> Dataset:
    names = classes.read(place.root)
    dataset: Dataset = module(format).read(place, classes=names, **options)
    if names is not None:
        classes.compare(names, dataset.categories, place)
    dataset = without(dataset)
    if coordinates is None:
        return dataset
    return replace(dataset, pictures=declared(dataset.pictures, coordinates))


def _names(*, writing: bool = False) -> str:
    return ", ".join(formats(writing=writing))


_INNER = ("images", "image", "image_2", "JPEGImages")


def _places_in(module: ModuleType, root: Path, images: Path | None) -> dict[str, Place]:
    """What the format finds at ``root``; with ``images`` also where there are annotations alone, if it knows how."""
    options: dict[str, Any] = {}
    if images is not None and "images" in inspect.signature(module.find).parameters:
        options["images"] = images
    places: dict[str, Place] = module.find(root, **options)
    return places


def _with_images(places: Mapping[str, Place], images: Path) -> dict[str, Place]:
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
    found = next((below[name] for name in _folder_names(split, place) if name in below), images)
    return next((found / name for name in _INNER if (found / name).is_dir()), found)


def _folder_names(split: str, place: Place) -> Iterator[str]:
    """What the folder of the split may be called, in lower case."""
    own = place.images.name
    yield from (split.casefold(), *([own.casefold()] if split_name(own) == split else []))
    yield from (alias for alias, known in CANONICAL.items() if known == split)
    yield own.casefold()
