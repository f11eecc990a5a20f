"""COCO's results format: a list with a record for every detection (https://cocodataset.org/#format-results)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from runtime.tasks import Images, Prediction, class_names
from runtime.tasks.detection import json_numbers
from tltpipe.errors import DataError
from tltpipe.files import atomic

if TYPE_CHECKING:
    from runtime.data.split import Split

NUMBERS = ("object", "part_of")
"""Fields of predictions that stand in records as they are: what belongs to what (``runtime.inference.cascade``)."""


@dataclass(frozen=True)
class Ids:
    """The ids of pictures by their paths, and of classes by their names; ``about`` says whose numbers these are."""

    pictures: Mapping[Path, Any] = field(default_factory=dict)
    classes: Mapping[str, Any] = field(default_factory=dict)
    about: tuple[str, ...] = ()


def count(pictures: Sequence[Path], classes: Sequence[str]) -> Ids:
    """The number that a picture is called by, as in COCO itself; where one has none, all are numbered from 1.

    Classes have their labels.
    """
    stems = [path.stem for path in pictures]
    numbers = [int(stem) for stem in stems if stem.isascii() and stem.isdigit()]
    own = len(set(numbers)) == len(stems)
    ids = numbers if own else list(range(1, len(stems) + 1))
    return Ids(
        dict(zip(pictures, ids, strict=True)),
        {name: label for label, name in enumerate(classes, start=1)},
        ("image ids are " + ("the numbers in their names" if own else "counted from 1"),),
    )


def of_split(split: Split, classes: Sequence[str]) -> Ids:
    """Those that the annotations of ``split`` give to its images and to ``classes``; where they give none, or the same
    one twice, what ``count`` makes of them."""
    paths = [path_of(split, number) for number in range(len(split))]
    counted = count(paths, classes)
    pictures, about = counted.pictures, counted.about
    numbers = [] if split.image_ids is None else split.image_ids.tolist()
    if numbers and min(numbers) >= 0 and len({*numbers}) == len(paths):
        pictures, about = dict(zip(paths, numbers, strict=True)), ("ids are those of the annotations",)
    known = {name: split.category_ids[name.lower()] for name in classes if name.lower() in split.category_ids}
    return Ids(pictures, known if len({*known.values()}) == len(classes) else counted.classes, about)


def path_of(images: Images, number: int) -> Path:
    """Image ``number`` as COCO files may know it."""
    place = images.image(number)
    return place if isinstance(place, Path) else place.path / images.name(number)


def of(annotations: Path, pictures: Sequence[Path], classes: Sequence[str]) -> Ids:
    """Those of the COCO file ``annotations``: pictures by the last part of their names, classes whatever their case.

    Raises DataError where a picture or class is not in it, or a picture's name twice.
    """
    from converters.formats.coco import lists

    known: dict[str, Any] = {}
    wanted, twice = {path.name for path in pictures}, set[str]()

    def take(record: Mapping[str, Any]) -> None:
        name = Path(str(record.get("file_name"))).name
        if name in wanted and known.setdefault(name, record.get("id")) != record.get("id"):
            twice.add(name)

    members = lists.walk(annotations, images=take, keep=("categories",))
    categories = category_ids(members)
    if missing := [path.name for path in pictures if path.name not in known]:
        some = ", ".join(missing[:3])
        what = f"{len(missing)} of {len(pictures)} pictures are not in it, among them {some}"
        raise DataError(what, where=annotations, hint="leave --coco_ids out to number them from 1")
    if twice:
        what = f"it has several pictures called {', '.join(sorted(twice)[:3])}: which one is meant?"
        raise DataError(what, where=annotations, hint="give COCO annotations of one folder of pictures")
    if strange := [name for name in classes if plain(name) not in categories]:
        what = f"it has no category {', '.join(strange)}"
        raise DataError(what, where=annotations, hint=f"it has: {', '.join(categories) or 'none at all'}")
    ids = {path: known[path.name] for path in pictures}
    return Ids(ids, {name: categories[plain(name)] for name in classes}, (f"ids are those of {annotations}",))


def category_ids(members: Mapping[str, Any]) -> dict[str, Any]:
    """The id of each of the "categories" of a COCO file, by its name as ``plain`` writes it."""
    return {
        plain(str(each["name"])): each["id"]
        for each in members.get("categories") or ()
        if isinstance(each, dict) and {"name", "id"} <= each.keys()
    }


class CocoResults:
    """Writes records as they come; memory does not grow with them."""

    def __init__(self, stream: IO[str], ids: Ids, classes: Sequence[str]) -> None:
        self.stream, self.ids, self.classes, self.empty = stream, ids, classes, True
        self.class_ids = {name: json.dumps(id) for name, id in ids.classes.items()}

    @property
    def about(self) -> Sequence[str]:
        """Whose ids these are."""
        return self.ids.about

    def add(self, image: Path, name: str, prediction: Prediction) -> None:
        if not len(prediction["labels"]):
            return
        columns = self.columns(image, name, prediction)
        record = "{" + ", ".join(f'"{key}": %s' for key in columns) + "}"
        self.stream.write("[\n" if self.empty else ",\n")
        self.stream.write(",\n".join(map(record.__mod__, zip(*columns.values(), strict=True))))
        self.empty = False

    @np.errstate(invalid="ignore")
    def columns(self, image: Path, name: str, prediction: Prediction) -> dict[str, Sequence[str]]:
        """What records of the objects on ``image``, called ``name`` there, have, each member a column of JSON; boxes
        become left, top, width, height."""
        corners = json_numbers.rounded(prediction["boxes"], 2)
        sides = json_numbers.rounded(corners[:, 2:] - corners[:, :2], 2)
        count, known = len(corners), self.class_ids
        return {
            "image_id": [json.dumps(self.ids.pictures[image])] * count,
            "category_id": [known[of_class] for of_class in class_names(prediction, self.classes)],
            "bbox": json_numbers.texts(np.concatenate([corners[:, :2], sides], axis=1)),
            "score": json_numbers.texts(json_numbers.rounded(prediction["scores"], 5)),
            "file_name": [json.dumps(name)] * count,
            **{field: [*map(str, map(int, prediction[field]))] for field in NUMBERS if field in prediction},
        }


@contextmanager
def writing(
    path: Path, ids: Ids, classes: Sequence[str], *, kind: type[CocoResults] = CocoResults
) -> Iterator[CocoResults]:
    """The file appears when the block ends well; ``kind`` makes its records."""
    with atomic(path) as stream:
        results = kind(stream, ids, classes)
        yield results
        stream.write("[]\n" if results.empty else "\n]\n")


def plain(name: str) -> str:
    """A class name whatever its case, spaces as KITTI files have them."""
    return name.lower().replace(" ", "_")
