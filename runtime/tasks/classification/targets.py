"""What is true of an image as a whole: the value of each task with a single choice, attributes, one box.

Where an image has several objects, the largest is the one that it is classified by.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from converters.model import Attribute
from runtime.data.columns import Annotated, Column, Fixed
from runtime.imaging.placement import Seen, thick
from tltpipe.errors import DataError

SMALLER = "not the largest object of their image, which it is classified by"
NOTHING = np.zeros(4, np.float32)
LISTED = 3
"""Names in a message."""


def main_object(annotated: Annotated) -> int | None:
    """The place of the object that the image is classified by: of those of a trained class that with the largest box,
    the first of equals; None where there is none."""
    if len(annotated.labels) == 1:
        places = [0] if annotated.labels[0] else []
    else:
        places = [place for place, label in enumerate(annotated.labels) if label]
    if (sample := annotated.sample) is not None:
        places = [place for place in places if not sample.objects[place].crowd]
    if len(places) < 2:
        return places[0] if places else None
    boxes = annotated.boxes[places].astype(np.float64)
    return places[int(np.argmax((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])))]


def category(annotated: Annotated) -> Sequence[int]:
    """The class of the image from 1, 0 where it is not known."""
    place = main_object(annotated)
    return [0 if place is None else annotated.labels[place]]


@dataclass(frozen=True)
class Choices:
    """Int64 [T]: the place of the value of each of ``tasks`` (name -> values) from 1, 0 where it is not known. The
    first task is the class of the object, whatever it is called; the others are scalar fields of it.
    """

    tasks: Mapping[str, tuple[str, ...]]
    per: Literal["image"] = "image"
    to_model: bool = True
    ignores: str = "values of tasks that are missing, or that the spec does not name"

    def column(self) -> Column:
        return Fixed(np.int16, (len(self.tasks),))

    def read(self, annotated: Annotated) -> Sequence[Any]:
        place = main_object(annotated)
        if place is None:
            return [[0] * len(self.tasks)]
        return [[annotated.labels[place], *self._others(annotated, place)]]

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:  # noqa: ARG002
        return np.asarray(values[0], np.int64)

    def unusable(self, annotated: Annotated) -> Mapping[int, str]:
        if len(annotated.labels) < 2:
            return {}
        main = main_object(annotated)
        return {place: SMALLER for place, label in enumerate(annotated.labels) if label and place != main}

    def ignored(self, annotated: Annotated) -> int:
        place = main_object(annotated) if self._numbers else None
        return 0 if place is None else self._others(annotated, place).count(0)

    def _others(self, annotated: Annotated, place: int) -> list[int]:
        """The values of all tasks but the first."""
        if not self._numbers:
            return []
        extra = annotated.rich("values of several tasks").objects[place].extra
        return [known.get(str(extra.get(task, "")), 0) for task, known in self._numbers.items()]

    @cached_property
    def _numbers(self) -> dict[str, dict[str, int]]:
        """The values of each task but the first, counted from 1."""
        others = list(self.tasks.items())[1:]
        return {task: {value: number for number, value in enumerate(values, 1)} for task, values in others}


class _Places:
    """The place among ``names`` of each attribute that a data set lists, -1 for those that are not among them; made
    anew where another data set begins."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.listed: Sequence[Attribute] | None = None
        self.own = np.zeros(0, np.int64)

    def __call__(self, annotated: Annotated) -> NDArray[np.int64]:
        if annotated.attributes is not self.listed:
            numbers = {name: number for number, name in enumerate(self.names)}
            self._require_all(annotated)
            self.listed = annotated.attributes
            self.own = np.array([numbers.get(each.name, -1) for each in self.listed], np.int64)
        return self.own

    def _require_all(self, annotated: Annotated) -> None:
        """Raises DataError where the data set was not judged by one of ``names``."""
        listed = [each.name for each in annotated.attributes]
        missing = sorted(set(self.names).difference(listed))
        if not missing:
            return
        if not listed:
            hint = "train on a format that has them, such as deepfashion, or leave attributes out of the spec"
            raise DataError(
                "these annotations hold no attributes, which the spec names", where=annotated.file, hint=hint
            )
        near = difflib.get_close_matches(missing[0], listed, n=1)
        what = f"these annotations have no attribute {', '.join(missing[:LISTED])}, which the spec names"
        raise DataError(
            what if len(missing) <= LISTED else f"{what}, nor {len(missing) - LISTED} more of them",
            where=annotated.file,
            hint=f'did you mean "{near[0]}"?' if near else "name attributes that all data sources have",
        )


@dataclass(frozen=True)
class Attributes:
    """Int8 [A]: 1 for each attribute of ``names`` that the object has, 0 for those that it has not, -1 where nobody
    knows. Kept as two bits each."""

    names: tuple[str, ...]
    per: Literal["image"] = "image"
    to_model: bool = True
    ignores: str = "attributes that the spec does not name"

    def column(self) -> Column:
        return Fixed(np.uint8, (2, -(-len(self.names) // 8)))

    def read(self, annotated: Annotated) -> NDArray[Any]:
        own, place = self._places(annotated), main_object(annotated)
        bits = np.zeros((2, len(self.names) + 1), np.bool_)  # the last is of attributes that the spec does not name
        if place is None:
            bits[1] = True
        else:
            thing = annotated.rich("attributes").objects[place]
            bits[0, own[list(thing.attributes)]] = True
            bits[1, own[list(thing.unknown_attributes)]] = True
        return np.packbits(bits[None, :, :-1], axis=2)

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:  # noqa: ARG002
        has, unknown = np.unpackbits(values[0], axis=1, count=len(self.names)).astype(np.int8)
        return np.asarray(has - unknown, np.int8)

    def unusable(self, annotated: Annotated) -> Mapping[int, str]:  # noqa: ARG002
        return {}

    def ignored(self, annotated: Annotated) -> int:
        own, place = self._places(annotated), main_object(annotated)
        if place is None or len(own) == len(self.names):
            return 0
        return int((own[list(annotated.rich("attributes").objects[place].attributes)] < 0).sum())

    @cached_property
    def _places(self) -> _Places:
        return _Places(self.names)


@dataclass(frozen=True)
class ObjectBox:
    """Float32 [4] left, top, right, bottom of the object in pixels of the input, clipped to it; zeros where there is
    none on it."""

    per: Literal["image"] = "image"
    to_model: bool = True

    def column(self) -> Column:
        return Fixed(np.float32, (4,))

    def read(self, annotated: Annotated) -> NDArray[Any]:
        place = main_object(annotated)
        return NOTHING[None] if place is None else annotated.boxes[[place]]

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:
        width, height = seen.placement.size
        moved = np.clip(seen.placement.boxes(values), 0, np.array((width, height) * 2, np.float32))
        return np.asarray(moved[0] if thick(moved)[0] else NOTHING, np.float32)
