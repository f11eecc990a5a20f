"""The lines of YOLO label files: text to objects and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from converters.files import label_folders
from converters.files.numerals import is_number
from converters.formats.yolo import labels
from converters.model import (
    Box,
    Keypoints,
    KeypointSlot,
    Object,
    Polygon,
    Sample,
    flat,
    geometry,
    mask_outlines,
    rules,
)
from tltpipe.errors import DataError, Location

TASKS = ("detect", "segment", "pose")

_PLAIN = re.compile(r"\s*[0-9]{1,9}(?:\s+-?[0-9]{1,40}(?:\.[0-9]{0,40})?)*\s*")  # a line without exponents, or ".5"
_DECIMALS = 4  # of a pixel: what nine decimals of a share can tell


def parse(path: str, names: Sequence[str], keypoints: tuple[int, int] | None, width: int, height: int) -> list[Object]:
    """The objects in the label file ``path``, in pixels; none where there is no file. Raises DataError with its place.

    ``keypoints`` are how many a line has and how many values each (2 or 3); without them a line of more than five
    numbers is a polygon.
    """
    try:
        content = label_folders.read(path)
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            words = line.decode().split()
        except UnicodeDecodeError:
            raise DataError("this line is not UTF-8 text", where=Location(Path(path), number)) from None
        if words:
            found.append(_object(_Line(path, number, line.decode(), words), names, keypoints, width, height))
    return found


class _Line:
    def __init__(self, path: str, number: int, text: str, words: list[str]) -> None:
        self.path, self.number, self.text, self.words = path, number, text, words

    def numbers(self) -> list[float]:
        if _PLAIN.fullmatch(self.text):
            values = list(map(float, self.words[1:]))
            if not values or (max(values) < labels.FAR and min(values) > -labels.FAR):
                return values
        for column, word in enumerate(self.words[1:], start=1):
            if not labels.is_share(word):
                raise self.error(column, f"{word[:40]} is no share of the picture's size")
        return [float(word) for word in self.words[1:]]

    def error(self, column: int, what: str, *, hint: str | None = None, code: str | None = None) -> DataError:
        place = 1
        for word in self.words[:column]:
            place = self.text.index(word, place - 1) + len(word) + 1
        place = self.text.index(self.words[column], place - 1) + 1
        return DataError(what, where=Location(Path(self.path), self.number, place), hint=hint, code=code)


def _object(line: _Line, names: Sequence[str], keypoints: tuple[int, int] | None, width: int, height: int) -> Object:
    word = line.words[0]
    if not is_number(word) or not float(word).is_integer():
        raise line.error(0, f"a line begins with a class number, not {word[:40]}")
    number = int(float(word))
    if not 0 <= number < len(names):
        what = f"there is no class {word[:40]}: they go from 0 to {len(names) - 1}"
        raise line.error(0, what, code=rules.UNKNOWN_CLASS.code)
    values, category = line.numbers(), names[number]
    if keypoints is not None and len(values) != 4:
        return _pose(line, category, values, keypoints, width, height)
    if len(values) == 4:
        return Object(category, _box(values, width, height), origin=line.number)
    if len(values) < 6 or len(values) % 2:
        hint = "class cx cy w h, or class x1 y1 x2 y2 x3 y3 ..."
        if len(values) == 5:
            hint = "class cx cy w h; is the sixth a confidence? predictions are no labels"
        raise line.error(0, f"a line has 5 numbers, or pairs of x and y, not {len(line.words)}", hint=hint)
    ring = tuple(round(v * (height if place % 2 else width), _DECIMALS) for place, v in enumerate(values))
    return Object(category, geometry.extent([ring]), polygons=(ring,), origin=line.number)


def _box(values: Sequence[float], width: int, height: int) -> Box:
    x, y, w, h = values
    corners = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
    return Box(*(round(corner, _DECIMALS) for corner in corners))


def _pose(
    line: _Line, category: str, values: Sequence[float], shape: tuple[int, int], width: int, height: int
) -> Object:
    count, each = shape
    if len(values) != 4 + count * each:
        what = f"a line has 5 numbers and {count} x {each} of keypoints, not {len(line.words)}"
        raise line.error(0, what, code=rules.LANDMARK_COUNT.code)
    points: list[float] = []
    for start in range(4, len(values), each):
        x, y = round(values[start] * width, _DECIMALS), round(values[start + 1] * height, _DECIMALS)
        seen = values[start + 2] if each == 3 else 2 if x or y else 0
        if seen not in (0, 1, 2):
            raise line.error(start + 3, f"the visibility {seen:g} must be 0, 1 or 2")
        points += (x, y, seen) if seen else (0, 0, 0)
    keypoints = Keypoints(points) if any(points[2::3]) else ()
    return Object(category, _box(values[:4], width, height), keypoints=keypoints, origin=line.number)


def encode(sample: Sample, categories: Sequence[str], task: str, slots: Mapping[str, KeypointSlot], points: int) -> str:
    """The text of the label file of ``sample``; ``points`` is how many keypoints a line of a pose has."""
    return "".join(_line(thing, sample, categories, task, slots, points) for thing in sample.objects)


def _line(
    thing: Object, sample: Sample, categories: Sequence[str], task: str, slots: Mapping[str, KeypointSlot], points: int
) -> str:
    try:
        number = categories.index(thing.category)
    except ValueError:
        raise DataError(f"{thing.category} is none of the categories", where=sample.where(thing)) from None
    width, height = sample.width, sample.height
    box = geometry.clip(thing.box, width, height)
    if task == "segment":
        return _joined(number, _shares(_outline(thing, sample), width, height))
    shares = [
        (box.left + box.right) / 2 / width,
        (box.top + box.bottom) / 2 / height,
        (box.right - box.left) / width,
        (box.bottom - box.top) / height,
    ]
    if task == "pose":
        shares += _points(thing, slots.get(thing.category), points, width, height)
    return _joined(number, shares)


def _outline(thing: Object, sample: Sample) -> Polygon:
    """All rings joined; else the outline of the mask, or the corners of the box. Raises DataError for a broken mask."""
    if len(thing.polygons) > 1:
        return mask_outlines.united(thing.polygons, sample.width, sample.height)
    if thing.polygons:
        return thing.polygons[0]
    if thing.mask is not None and (thing.mask.width, thing.mask.height) == (sample.width, sample.height):
        try:
            if ring := mask_outlines.outline(thing.mask):
                return ring
        except ValueError as problem:
            raise DataError(
                f"{thing.category}: {problem}", where=sample.where(thing), code=rules.ODD_MASK.code
            ) from None
    box = thing.box
    return (box.left, box.top, box.right, box.top, box.right, box.bottom, box.left, box.bottom)


def _shares(ring: Polygon, width: int, height: int) -> list[float]:
    return [min(1.0, max(0.0, value / (height if place % 2 else width))) for place, value in enumerate(ring)]


def _points(thing: Object, slot: KeypointSlot | None, points: int, width: int, height: int) -> list[float]:
    vector = [0.0] * (3 * points)
    if slot is not None and thing.keypoints:
        own = flat(thing.keypoints)
        for place in range(0, len(own), 3):
            if own[place + 2]:
                start = 3 * slot.offset + place
                x, y = min(max(own[place] / width, 0.0), 1.0), min(max(own[place + 1] / height, 0.0), 1.0)
                vector[start : start + 3] = x, y, own[place + 2]
    return vector


def _joined(number: int, shares: Sequence[float]) -> str:
    return f"{number} {' '.join(map(_short, shares))}\n"


def _short(share: float) -> str:
    """Nine decimals, a hundred thousandth of a pixel in ten thousand, without the zeros at the end."""
    return f"{share:.9f}".rstrip("0").rstrip(".")
