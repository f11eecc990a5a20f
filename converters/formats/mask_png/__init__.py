"""Masks: for each image a PNG of the same name and size, whose values are the classes of its pixels.

Images and masks lie in two folders (``places``); grey values or the numbers of a palette count, never its colours.
Value 0 is the background, 255 nobody says anything about; label_mapping.json or a list (``names``) says what the others
are. All pixels of a class are one object: a map tells no two of them apart.

Written maps are painted from masks and polygons in the order ``painting`` (``converters.model.painting``), which stands
in the line of the background of label_mapping.json.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from converters.files import listing
from converters.files.label_folders import LabelFolder
from converters.formats import FilesOfTheirOwn
from converters.formats.mask_png import names as label_names
from converters.formats.mask_png.places import PNG, Split, find, missing
from converters.model import Dataset, Object, Sample, painting, rules
from converters.model.findings import Findings
from converters.model.splits import Place
from converters.pictures import headers, index_maps
from tltpipe import inputs, staging
from tltpipe.errors import DataError, Location, UsageError

__all__ = ["ABOUT", "CARRIES", "Writer", "carries", "describe", "find", "layout", "missing", "read"]

ABOUT = "Masks: images/*.jpg, masks/*.png of class numbers, label_mapping.json"
CARRIES = frozenset({"box", "mask", "void"})
ONE_PER_CLASS = True


def carries(**options: str) -> frozenset[str]:  # noqa: ARG001
    """What survives when maps are painted: shapes. Regions to ignore become void."""
    return frozenset({"mask", "polygons", "void", "ignored"})


def layout(root: Path, split: str) -> Place:
    return Place(root, root / split / "masks", root / split / "images")


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``. Raises DataError where nothing says what the values mean."""
    if not isinstance(place, Split):
        place = Split(place.root, place.annotations, place.images)
    path = label_names.file_in((place.annotations, *_above(place)))
    if path is None and classes is None:
        hint = f'write {place.root / label_names.MAPPING}: one JSON object a line, {{"id": 1, "name": "skin"}}'
        raise DataError("nothing says what the values of the masks mean", where=place.annotations, hint=hint)
    values = label_names.read(path) if path is not None else label_names.numbered(classes or ())
    numbers = {name: value for value, name in values.items()}
    listed = tuple(_listed(place.names)) if place.names is not None else None
    pictures = Masks(place.annotations, place.images, names=values, table=path, listed=listed, shared=place.shared)
    in_order = list(values) == list(range(1, len(values) + 1))
    return Dataset(tuple(values.values()), pictures, ids={} if in_order else numbers)


def _above(place: Place) -> list[Path]:
    """The folders from that of the masks up to the data set."""
    above = [path for path in place.annotations.parents if path.is_relative_to(place.root)]
    return above or [place.root]


def _listed(path: Path) -> list[str]:
    """The names of the list ``path``, without extension. Raises DataError for one that is no text, or has one twice."""
    try:
        lines = inputs.content(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise DataError("this list of images cannot be read as text", where=path) from None
    found: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        stem, _, extension = name.rpartition(".")
        name = stem if extension.lower() in listing.PICTURES else name
        if not name:
            continue
        if name in found or not listing.is_below(name):
            what = f'"{name[:80]}" is in line {found[name]}, too' if name in found else f"{name[:80]!a} is no name"
            raise DataError(what, where=Location(path, number))
        found[name] = number
    return list(found)


@dataclass(frozen=True)
class Masks(LabelFolder):
    """Pairs of images and masks.

    ``names`` are the classes by value, from the file ``table``. ``listed`` are the names of this split where a list
    says so; ``shared``: images without a mask belong to others.
    """

    names: label_names.Names = field(default_factory=dict)
    table: Path | None = None
    listed: tuple[str, ...] | None = None
    shared: bool = False

    PAIRED = False

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.labels, self.images, *([self.table] if self.table is not None else []))

    def keys(self) -> list[tuple[str, ...]]:
        images = listing.pictures(self.images)
        if self.listed is not None:
            return [(stem, *images.get(stem, ())) for stem in self.listed]
        masks = listing.stems(self.labels, PNG)
        stems = sorted(masks) if self.shared else listing.together(masks, images)
        return [(stem, *images.get(stem, ())) for stem in stems]

    def items(self, key: tuple[str, ...]) -> list[str]:
        import numpy as np

        with headers.opened(self.label(key[0])) as image:
            values = np.unique(np.asarray(image)).tolist()
        return [self.names[value] for value in values if value in self.names]

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        from converters.model import run_lengths

        image, path = self.image(key), self.label(key[0])
        size = headers.look(image, findings)
        masks = run_lengths.by_value(index_maps.values(path, size, numbers="classes"))
        masks.pop(painting.BACKGROUND, None)
        void = masks.pop(painting.VOID, None)
        objects = []
        for value, mask in masks.items():
            box = run_lengths.box(mask)
            if value not in self.names or box is None:
                raise self._unnamed(value, path)
            objects.append(Object(self.names[value], box, mask=mask, origin=f"value {value}"))
        return Sample(key[0], image, *size, tuple(objects), annotations_path=str(path), void=void)

    def label(self, stem: str) -> Path:
        path, other = (self.labels / f"{stem}.{extension}" for extension in ("png", "PNG"))
        return other if not path.is_file() and other.is_file() else path

    def _unnamed(self, value: int, path: Path) -> DataError:
        table = self.table or f"the {len(self.names)} classes"
        hint = f"name it in {table}, or paint such pixels 0 (background) or 255 (ignored)"
        return DataError(
            f"there are pixels of value {value}, which has no name",
            where=path,
            hint=hint,
            code=rules.UNKNOWN_CLASS.code,
        )


@dataclass(frozen=True)
class Recorder:
    """Paints and writes the mask of each sample."""

    folder: str
    labels: Mapping[str, int]
    order: painting.Order

    def record(self, sample: Sample) -> None:
        """Raises DataError for an object without an outline, or of a class that was not announced."""
        try:
            labels = [self.labels[thing.category] for thing in sample.objects]
        except KeyError as problem:
            raise DataError(f"{problem.args[0]} is none of the categories", where=sample.where()) from None
        image = index_maps.image_of(painting.painted(sample, labels, self.order))
        stream = io.BytesIO()
        image.save(stream, "PNG")
        staging.write(self.folder, f"{sample.id}.png", stream.getvalue())


class Writer(FilesOfTheirOwn):
    """Writes ``<path>/<id>.png`` for every sample, painted in the order ``painting``."""

    def __init__(self, path: Path, categories: Sequence[str], *, painting: str = painting.DEFAULT) -> None:
        """Raises UsageError for another order, a class called background, and more classes than there are values."""
        labels = {name: value for value, name in label_names.numbered(categories).items()}
        self.recorder = Recorder(str(path), labels, _order(painting, categories))


def describe(
    root: Path,  # noqa: ARG001
    categories: Sequence[str],
    splits: Mapping[str, Place],  # noqa: ARG001
    *,
    painting: str = painting.DEFAULT,
) -> Mapping[str, str]:
    """label_mapping.json."""
    return {label_names.MAPPING: label_names.text(categories, _order(painting, categories))}


def _order(name: str, categories: Sequence[str]) -> painting.Order:
    if len(categories) > painting.MOST:
        what = f"there are {len(categories)} classes, but a map has values for {painting.MOST}"
        raise UsageError(what, hint="choose some with --classes, or merge them with --rename")
    if same := [each for each in categories if each.lower() == "background"]:
        what = f'there is a class "{same[0]}", which is the name of the value 0 of every map'
        raise UsageError(what, hint="choose the others with --classes, or call it something else with --rename")
    for order in painting.ORDERS:
        if order == name:
            return order
    raise UsageError(f'there is no painting order "{name[:40]}"', hint=f"one of {', '.join(painting.ORDERS)}")
