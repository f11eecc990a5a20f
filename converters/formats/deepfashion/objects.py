"""What the files of DeepFashion say of an image, as an object of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converters.formats.deepfashion import attribute_rows, places, tables
from converters.formats.deepfashion.index import Key, Values
from converters.formats.deepfashion.places import Part
from converters.formats.deepfashion.tables import Cell, shown
from converters.model import Attribute, Box, Keypoint, Keypoints, KeypointSlot, Object, rules
from converters.model.deepfashion import CATEGORIES, FINE, FULL, TYPES
from converters.model.deepfashion import LANDMARKS as OWN
from converters.model.findings import Findings
from tltpipe.errors import DataError, Location

COARSE = ("texture", "fabric", "shape", "part", "style")

LANDMARKS = (
    *("left collar", "right collar", "left sleeve", "right sleeve"),
    *("left waistline", "right waistline", "left hem", "right hem"),
)
SLOT = KeypointSlot(LANDMARKS, 0, len(LANDMARKS))
"""All categories have one vector: what a type does not have is not labelled."""

_VISIBILITY = {0: 2, 1: 1, 2: 0}
"""Visible, occluded and cut off, as the model has it."""


def categories(place: Part) -> tuple[tuple[str, ...], dict[str, str]]:
    """The names in order, and the type of each. Raises DataError.

    Fine lists may do without: those beside them count then, or the published ones.
    """
    path = next((path for path in place.category_lists if path.is_file()), place.category_lists[0])
    if place.fine and not path.is_file():
        return tuple(CATEGORIES), {name: TYPES[kind - 1] for name, kind in CATEGORIES.items()}
    names, types = _listed(path, "category_name", TYPES)
    if len(set(names)) < len(names):
        row = next(row for row, name in enumerate(names) if name in names[:row])
        raise DataError(f"a second category {shown(names[row].encode())}", where=Location(path, 3 + row))
    return names, dict(zip(names, types, strict=True))


def attributes(place: Part) -> tuple[Attribute, ...]:
    """Those of the lists at ``place``, in order; none where it has no such file. Raises DataError."""
    if not place.has_attributes:
        return ()
    path = place.lists / places.ATTRIBUTES
    if place.fine and not path.is_file():
        return tuple(Attribute(name, group) for group, names in FINE.items() for name in names)
    return _apart(*_listed(path, "attribute_name", tuple(FINE) if place.fine else COARSE))


def _apart(names: Sequence[str], groups: Sequence[str]) -> tuple[Attribute, ...]:
    """Attributes whose names differ: where two groups have one name, or one of them has it twice, that says so."""
    found: dict[str, str] = {}
    for name, group in zip(names, groups, strict=True):
        tries = (name, f"{name} ({group})", *(f"{name} ({group} {number})" for number in range(2, len(names) + 2)))
        found[next(each for each in tries if each not in found)] = group
    return tuple(Attribute(*pair) for pair in found.items())


def _listed(path: Path, column: str, kinds: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names, which may hold blanks, and what the number behind each stands for: the first of ``kinds`` is 1."""
    rows = tables.headed(path, column)
    names, found = [], []
    for row, name in enumerate(rows.names()):
        kind = rows.text(row).split()[-1]
        if not kind.isdigit() or not 1 <= int(kind[:9]) <= len(kinds):
            told = ", ".join(f"{number} {each}" for number, each in enumerate(kinds, start=1))
            raise rows.error(row, f"the type {shown(kind)} is none of {told}")
        names.append(name.decode("utf-8", "backslashreplace"))
        found.append(kinds[int(kind) - 1])
    return tuple(names), tuple(found)


@dataclass(frozen=True)
class Reader:
    """Makes the object of an image, of the files at ``place``. Picklable."""

    place: Part
    categories: tuple[str, ...]
    types: tuple[str, ...]
    attributes: int

    @property
    def listed(self) -> Path:
        """The file that lists the images."""
        return self.place.lists / f"{self.place.prefix}.txt" if self.place.fine else self.place.table(places.CATEGORY)

    def category(self, key: Key) -> str:
        """Raises DataError."""
        cell = self._needed(key, key.category, places.CATEGORY)
        numbers = cell.numbers(self.place.table(places.CATEGORY))
        if len(numbers) != 1 or not 1 <= numbers[0] <= len(self.categories):
            what = f"a category from 1 to {len(self.categories)} is needed, not {shown(cell.text.strip())}"
            raise self._error(places.CATEGORY, cell.line, what)
        return self.categories[numbers[0] - 1]

    def object(self, key: Key, findings: Findings) -> Object:
        """Raises DataError for the first row that is not as it should be."""
        category = self.category(key)
        cell = self._needed(key, key.box, places.BOX)
        corners = cell.numbers(self.place.table(places.BOX))
        if len(corners) != 4:
            raise self._error(places.BOX, cell.line, f"4 numbers are needed, not {len(corners)}")
        points: Sequence[Keypoint] = ()
        extra: dict[str, int | float | str] = {}
        if self.place.has_landmarks:
            own = self._needed(key, key.landmarks, places.LANDMARKS)
            points, extra = self._bare(own, category) if self.place.fine else self._points(own)
            if not points:
                findings.add(rules.NO_LANDMARKS, key.id)
        yes, unknown = self._judged(key)
        return Object(
            category,
            Box(*corners),
            keypoints=points,
            pair_id=key.garment or None,
            style=1 if key.garment else None,
            extra=extra,
            origin=cell.line,
            attributes=yes,
            unknown_attributes=unknown,
        )

    def _points(self, cell: Cell) -> tuple[Sequence[Keypoint], dict[str, int | float | str]]:
        """Type, variation, and then visibility, x and y of each landmark that the type has."""
        numbers = cell.numbers(self.place.table(places.LANDMARKS))
        kind, variation = (*numbers, 0, 0)[:2]
        if not 1 <= kind <= len(TYPES):
            told = ", ".join(f"{number} {name}" for number, name in enumerate(TYPES, start=1))
            raise self._error(places.LANDMARKS, cell.line, f"the clothes type {kind} is none of {told}")
        own = OWN[kind]
        if len(numbers) != 2 + 3 * len(own):
            what = f"clothes type {kind} has {len(own)} landmarks of 3 numbers, but {len(numbers) - 2} numbers follow"
            raise self._error(places.LANDMARKS, cell.line, what, code=rules.LANDMARK_COUNT.code)
        flat = [0] * (3 * len(LANDMARKS))
        for slot, (told, x, y) in zip(own, zip(*[iter(numbers[2:])] * 3, strict=True), strict=True):
            if told not in _VISIBILITY:
                raise self._error(places.LANDMARKS, cell.line, f"the visibility {told} is none of 0, 1, 2")
            if _VISIBILITY[told]:  # where a landmark is that is cut off means nothing
                flat[3 * slot : 3 * slot + 3] = x, y, _VISIBILITY[told]
        return Keypoints(flat) if any(flat[2::3]) else (), {"variation": variation}

    def _bare(self, cell: Cell, category: str) -> tuple[Sequence[Keypoint], dict[str, int | float | str]]:
        """Eight pairs without visibility: those of the type, then zeros; or all eight, zeros for what it lacks."""
        numbers = cell.numbers(self.place.table(places.LANDMARKS))
        if len(numbers) != 2 * len(LANDMARKS):
            what = f"{2 * len(LANDMARKS)} numbers are needed, x and y of 8 landmarks, not {len(numbers)}"
            raise self._error(places.LANDMARKS, cell.line, what, code=rules.LANDMARK_COUNT.code)
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        own = OWN[1 + TYPES.index(self.types[self.categories.index(category)])]
        if any(any(pair) for pair in pairs[len(own) :]):
            own = OWN[FULL]
        flat = [0] * (3 * len(LANDMARKS))
        for slot, pair in zip(own, pairs, strict=False):
            if any(pair):
                flat[3 * slot : 3 * slot + 3] = *pair, 2
        return Keypoints(flat) if any(flat[2::3]) else (), {}

    def _judged(self, key: Key) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Places of attributes that it has, and of those that nobody judged."""
        if not self.place.has_attributes:
            return (), ()
        values: Values | None = key.attributes
        if values is None:
            raise self._lacking(key, places.ATTRIBUTE)
        if values.problem is not None:
            raise self._error(places.ATTRIBUTE, values.line, values.problem)
        yes, unknown = (np.frombuffer(bits, np.uint8) for bits in (values.yes, values.unknown))
        return attribute_rows.places(yes), attribute_rows.places(unknown) if unknown.any() else ()

    def _needed(self, key: Key, cell: Cell | None, name: str) -> Cell:
        if cell is None:
            raise self._lacking(key, name)
        return cell

    def _lacking(self, key: Key, name: str) -> DataError:
        what = f"there is no row for {shown(key.name.encode('utf-8', 'surrogateescape'))}"
        hint = "add it, or leave such images out with --skip-bad"
        return DataError(what, where=self.place.table(name), hint=hint, code=rules.NO_ANNOTATIONS.code)

    def _error(self, name: str, line: int, what: str, *, code: str | None = None) -> DataError:
        return DataError(what, where=Location(self.place.table(name), line), hint="correct the row", code=code)
