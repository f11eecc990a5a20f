"""The class map of a workspace: COCO files whose ids of classes, and of the pictures in them, results refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from converters.pictures import headers as images
from runtime.tasks.detection import coco_results
from runtime.tasks.detection.coco_results import Ids, plain
from tltpipe.errors import DataError

MEASURED = 64
"""Of so many pictures it is made sure that they have the size that the file says: others may have the same names."""


@dataclass
class ClassMap:
    """What a COCO file says: ``names`` of its categories in their order and ``ids`` by ``plain`` names; its images by
    ``file_name`` as id, width and height; ``last`` is the highest id of an image."""

    path: Path
    names: tuple[str, ...] = ()
    ids: Mapping[str, Any] = field(default_factory=dict)
    images: dict[str, tuple[Any, Any, Any]] = field(default_factory=dict)
    last: int = 0


def read(path: Path, pictures: Sequence[Path] = ()) -> ClassMap:
    """The map at ``path``, with those of its images that may be among ``pictures``. Raises DataError for no COCO."""
    from converters.formats.coco import lists

    found, wanted = ClassMap(path), {picture.name for picture in pictures}

    def take(record: Mapping[str, Any]) -> None:
        name, id = str(record.get("file_name")), record.get("id")
        found.last = max(found.last, id) if isinstance(id, int) else found.last
        if name.rpartition("/")[2] in wanted:
            found.images[name] = id, record.get("width"), record.get("height")

    members = lists.walk(path, images=take, keep=("categories",))
    found.ids = coco_results.category_ids(members)
    found.names = tuple(str(each["name"]) for each in members.get("categories") or () if "name" in each)
    return found


def ids(paths: Sequence[Path], pictures: Sequence[Path], classes: Sequence[str], *, measure: bool = True) -> Ids:
    """The ids that the COCO files ``paths`` give to ``classes`` and ``pictures``.

    Pictures are known by name and, with ``measure``, by size; the file that has most of them is theirs. Those it lacks
    are counted after its last id, classes that the first file lacks after its last one. Raises DataError for no COCO.
    """
    numbers: dict[str, Any] = {}
    best: dict[Path, Any] = {}
    theirs: ClassMap | None = None
    for path in paths:
        known = read(path, pictures)
        numbers = numbers or _class_ids(known, classes)
        if len(matching := _matching(known, pictures, measure=measure)) > len(best):
            best, theirs = matching, known
        if len(best) == len(pictures):  # the others may be large
            break
    about = [f"class ids are those of {paths[0]}"]
    if theirs is None:
        own = coco_results.count(pictures, classes)
        return Ids(own.pictures, numbers, (*about, *own.about))
    free = count(theirs.last + 1)
    chosen = {path: best[path] if path in best else next(free) for path in pictures}
    about.append(f"image ids are those of {theirs.path}")
    if missing := len(pictures) - len(best):
        about.append(f"{missing} of {len(pictures)} pictures are not in it: counted from {theirs.last + 1}")
    return Ids(chosen, numbers, tuple(about))


def order(path: Path, classes: Sequence[str]) -> list[int]:
    """The places of ``classes`` in the order of the map at ``path``; those that it lacks come last."""
    names = [plain(name) for name in read(path).names]
    ranks = [names.index(plain(name)) if plain(name) in names else len(names) for name in classes]
    return sorted(range(len(classes)), key=ranks.__getitem__)


def _class_ids(known: ClassMap, classes: Sequence[str]) -> dict[str, Any]:
    free = count(1 + max((id for id in known.ids.values() if isinstance(id, int)), default=0))
    return {name: known.ids[plain(name)] if plain(name) in known.ids else next(free) for name in classes}


def _matching(known: ClassMap, pictures: Sequence[Path], *, measure: bool) -> dict[Path, Any]:
    """The id of each of ``pictures`` that is in the file; none where names mean several, or sizes are others."""
    deepest = max((name.count("/") for name in known.images), default=0) + 1
    found = {path: known.images[name] for path in pictures if (name := _name(path, known.images, deepest)) is not None}
    if len({id for id, _, _ in found.values()}) < len(found):
        return {}
    if measure and not all(_has_size(path, found[path][1:]) for path in list(found)[:: 1 + len(found) // MEASURED]):
        return {}
    return {path: id for path, (id, _, _) in found.items()}


def _name(path: Path, known: Mapping[str, Any], deepest: int) -> str | None:
    """The longest end of ``path`` that is one of the ``known`` names."""
    parts = path.parts[-deepest:]
    return next((name for n in range(len(parts)) if (name := "/".join(parts[n:])) in known), None)


def _has_size(path: Path, size: tuple[Any, ...]) -> bool:
    try:
        return images.size(path) == size
    except DataError:
        return True  # said when it is read
