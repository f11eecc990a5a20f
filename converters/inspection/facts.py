"""What one record is: a frame of tlt-dataset-convert in one of its two layouts, or something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from converters.tfrecords import examples
from converters.tfrecords.examples import CORNERS, Bytes, Feature, Floats, Integers

Layout = Literal["detectnet_v2", "dali", "other"]

LAYOUTS: Mapping[Layout, str] = {
    "detectnet_v2": "class names, boxes in pixels, pictures in files of their own",
    "dali": "class numbers, boxes as shares of the picture, pictures in the records",
    "other": "no frames of tlt-dataset-convert",
}
KINDS: Mapping[type[Feature], str] = {Bytes: "bytes", Floats: "float", Integers: "int64"}

_LONGEST = 200
"""Characters of a name that are kept: records come from anywhere."""


@dataclass(frozen=True)
class Facts:
    """One record. ``features`` is None where it is no Example at all, ``problem`` says why it is no frame."""

    features: Mapping[str, Feature | None] | None
    layout: Layout = "other"
    problem: str | None = None
    id: str = ""
    size: tuple[int, int] = (0, 0)
    _classes: Sequence[bytes] | Sequence[float] = field(default=())

    @cached_property
    def classes(self) -> list[str]:
        """The class of each object; in the DALI layout, which knows numbers alone, ``class 3``."""
        names = (
            each.decode(errors="replace") if isinstance(each, bytes) else f"class {each:g}" for each in self._classes
        )
        return [name[:_LONGEST] for name in names]

    @property
    def boxes(self) -> list[tuple[float, float, float, float]]:
        """Left, top, right, bottom of each object in pixels, as the numbers have it."""
        width, height = self.size if self.layout == "dali" else (1, 1)
        columns = [_values(self.features or {}, key, Floats) for key in _BOXES]
        scaled = (
            [value * scale for value in column] for column, scale in zip(columns, (width, height) * 2, strict=True)
        )
        return list(zip(*scaled, strict=True))

    @property
    def kinds(self) -> dict[str, str]:
        """The name of each feature and the kind of its list; "none" for one that has no list."""
        found = (self.features or {}).items()
        return {key[:_LONGEST]: KINDS[type(feature)] if feature is not None else "none" for key, feature in found}


_BOXES = tuple(f"target/coordinates_{corner}" for corner in CORNERS)
_NAMES: tuple[str, type[Feature]] = ("target/object_class", Bytes)
_NUMBERS: tuple[str, type[Feature]] = ("target/object_class_id", Floats)
_FRAME: Mapping[str, type[Feature]] = {"frame/id": Bytes, "frame/width": Integers, "frame/height": Integers}


def facts(data: bytes) -> Facts:
    """What the record ``data`` is; never raises for what it holds."""
    try:
        features = examples.features(data)
    except ValueError as problem:
        return Facts(None, problem=str(problem))
    if not features:
        return Facts(features, problem="holds no features")
    for key, kind in _FRAME.items():
        if len(_values(features, key, kind)) != 1:
            return Facts(features, problem=f'has no "{key}"')
    numbered, named = (isinstance(features.get(key), kind) for key, kind in (_NUMBERS, _NAMES))
    if numbered and len(_values(features, "frame/encoded", Bytes)) != 1:
        return Facts(features, problem='has class numbers, but no picture in "frame/encoded"')
    if not numbered and not named:
        return Facts(features, problem='has no "target/object_class"')
    classes = (
        _values(features, "target/object_class_id", Floats)
        if numbered
        else _values(features, "target/object_class", Bytes)
    )
    if any(len(_values(features, key, Floats)) != len(classes) for key in _BOXES):
        return Facts(features, problem="has not one box for each class")
    id, width, height = (_values(features, key, kind)[0] for key, kind in _FRAME.items())
    layout: Layout = "dali" if numbered else "detectnet_v2"
    return Facts(features, layout, None, id.decode(errors="replace"), (width, height), classes)


def _name(stored: bytes | float) -> str:
    return stored.decode(errors="replace") if isinstance(stored, bytes) else f"class {stored:g}"


def _values(features: Mapping[str, Feature | None], key: str, kind: type[Feature]) -> Sequence[Any]:
    """The values of the feature ``key``; none where it is of another kind."""
    found = features.get(key)
    return found.values if isinstance(found, kind) else ()
