"""What is in a record: an Example of TensorFlow, and its features as tlt-dataset-convert lays them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from converters.tfrecords import wire


class Bytes(NamedTuple):
    """A feature of byte strings."""

    values: Sequence[bytes]


class Floats(NamedTuple):
    """A feature of float32 numbers (rounded to float32 when written)."""

    values: Sequence[float]


class Integers(NamedTuple):
    """A feature of int64 numbers."""

    values: Sequence[int]


Feature = Bytes | Floats | Integers

_KINDS: Mapping[type[Feature], str] = {Bytes: "bytes_list", Floats: "float_list", Integers: "int64_list"}
_FEATURES: Mapping[str, type[Feature]] = {kind: feature for feature, kind in _KINDS.items()}

CORNERS = ("x1", "y1", "x2", "y2")
WORLD = ("h", "w", "l", "x", "y", "z", "rot_y")

LAYOUT: Mapping[str, type[Feature]] = {
    "frame/id": Bytes,
    "frame/height": Integers,
    "frame/width": Integers,
    "target/object_class": Bytes,
    "target/truncation": Floats,
    "target/occlusion": Integers,
    "target/observation_angle": Floats,
    **{f"target/coordinates_{corner}": Floats for corner in CORNERS},
    **{f"target/world_bbox_{name}": Floats for name in WORLD},
}
"""The features that detectnet_v2's converter writes, SSD of TLT 2.0 included; all are there, lists may be empty."""

NUMBERS = tuple(key for key, kind in LAYOUT.items() if key.startswith("target/") and kind is not Bytes)
"""Those of an object that are numbers, in the order of a KITTI label's columns."""

OCCLUSION = NUMBERS.index("target/occlusion")
_KEYS = tuple(sorted(key for key in NUMBERS if LAYOUT[key] is Floats))
_GROUPS = (_KEYS[: len(CORNERS)], _KEYS[len(CORNERS) : len(CORNERS) + 1], _KEYS[len(CORNERS) + 1 :])
FLOATS = tuple(map(NUMBERS.index, _KEYS))
"""The places in ``NUMBERS`` of the features of floats, as these are sorted: left, right, top, bottom and others."""


def encode(features: Mapping[str, Feature]) -> bytes:
    """The Example that holds ``features``; equal features give equal bytes (keys sorted on the wire)."""
    from converters.tfrecords.schema.example_pb2 import Example

    example = Example()
    slots = example.features.feature
    for key, feature in features.items():
        target: Any = getattr(slots[key], _KINDS[type(feature)])
        target.SetInParent()  # an empty list still says of what kind it is
        target.value.extend(feature.values)
    return example.SerializeToString(deterministic=True)


def encode_record(frame: tuple[str, int, int], classes: Sequence[str], columns: Sequence[Sequence[float]]) -> bytes:
    """The Example of one picture with the features of ``LAYOUT``, the same bytes as ``encode`` makes of them.

    ``frame`` is id, height and width; ``columns`` the numbers of the objects, one list for each of ``NUMBERS``.
    """
    identity, height, width = frame
    named, occlusions = wire.names("target/object_class", tuple(classes)), tuple(columns[OCCLUSION])
    floats = [number for place in FLOATS for number in columns[place]]
    return record(identity, (width, height), named, floats, occlusions)


def record(
    id: str,
    size: tuple[int, int],
    classes: bytes,
    floats: Sequence[float],
    occlusions: tuple[float, ...],
    *,
    first: bytes = b"",
    cloud: bytes = b"",
) -> bytes:
    """The Example of the picture ``id`` of ``size``, width and height.

    ``classes`` are the entries that name the objects; ``floats`` their numbers, those of each of ``FLOATS`` after the
    other. ``first`` are entries before all others, ``cloud`` those of a point cloud.
    """
    corners, angle, others = wire.floats(_GROUPS, floats, len(occlusions))
    width, height = wire.integers("frame/width", size[:1]), wire.integers("frame/height", size[1:])
    named = wire.text("frame/id", id.encode())
    occluded = wire.integers("target/occlusion", occlusions)
    return wire.example((first, height, named, width, cloud, corners, classes, angle, occluded, others))


def decode(data: bytes) -> dict[str, list[Any]]:
    """The features of an Example by name: lists of bytes, floats or ints. Raises ValueError for other bytes."""
    return {key: list(feature.values) if feature is not None else [] for key, feature in features(data).items()}


def features(data: bytes) -> dict[str, Feature | None]:
    """The features of an Example by name, each with its kind; None for one that holds no list, not even an empty one.

    Lists are those of the Example, not copied. Raises ValueError for other bytes.
    """
    found = _parsed(data)
    kinds = {key: feature.WhichOneof("kind") for key, feature in found.items()}
    return {key: _FEATURES[kind](getattr(found[key], kind).value) if kind else None for key, kind in kinds.items()}


@dataclass(frozen=True, slots=True)
class Record:
    """What a record says of its picture: ``id`` is ``<image folder>/<stem>``, sizes in pixels.

    For each object its class, occlusion and truncation, and in ``corners`` four lists of left, top, right, bottom.
    """

    id: str
    width: int
    height: int
    classes: Sequence[bytes]
    occlusions: Sequence[int]
    truncations: Sequence[float]
    corners: Sequence[Sequence[float]]


def decode_record(data: bytes) -> Record:
    """The record of one picture; raises ValueError for an Example that is no such record, or no Example."""
    features = _parsed(data)

    def values(key: str) -> Any:
        return getattr(features[key], _KINDS[LAYOUT[key]]).value  # of another kind: empty

    for key in ("frame/id", "frame/width", "frame/height"):
        if len(values(key)) != 1:
            raise ValueError(f'has no "{key}"')
    classes = values("target/object_class")
    corners = [values(f"target/coordinates_{corner}") for corner in CORNERS]
    if any(len(each) != len(classes) for each in corners):
        raise ValueError("has not one box for each class")
    occlusions, truncations = values("target/occlusion"), values("target/truncation")
    none = [0] * len(classes)
    return Record(
        id=values("frame/id")[0].decode(errors="replace"),
        width=values("frame/width")[0],
        height=values("frame/height")[0],
        classes=classes,
        occlusions=occlusions if len(occlusions) == len(classes) else none,
        truncations=truncations if len(truncations) == len(classes) else none,
        corners=corners,
    )


@lru_cache(maxsize=4096)
def stored_name(category: str) -> str:
    """``category`` as records hold it: ASCII letters in lower case, all else as it is."""
    return category.encode().lower().decode()


def _parsed(data: bytes) -> Any:
    """The features of the Example ``data`` by name."""
    from google.protobuf.message import DecodeError

    from converters.tfrecords.schema.example_pb2 import Example

    try:
        return Example.FromString(data).features.feature
    except DecodeError as error:
        raise ValueError(f"is not an Example: {error}") from error
