"""Examples put together by hand are what protobuf makes of the same features, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from converters.tfrecords import examples, wire
from converters.tfrecords.examples import CORNERS, LAYOUT, WORLD
from converters.tfrecords.schema.example_pb2 import Example
from runtime.conversion import Annotated
from runtime.conversion.layouts import Plain, Stored

NUMBERS = [0.0, -0.0, 1.0, 0.1, -1e39, 1e39, 1e-45, 16777217.0, float("nan"), float("inf"), 3.4028235e38, 1e300]


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**31, 2**63 - 1, -1, -(2**63)])
def test_varints(number: int) -> None:
    ours = wire.example([wire.integers("k", (number,))])
    assert ours == examples.encode({"k": examples.Integers([number])})


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 16383, 16384, 3_000_000])
def test_lengths(size: int) -> None:
    value = b"x" * size
    assert wire.example([wire.text("frame/encoded", value)]) == examples.encode(
        {"frame/encoded": examples.Bytes([value])}
    )


def test_a_feature_without_a_list() -> None:
    feature = Example.FromString(wire.example([wire.nothing("k")])).features.feature["k"]
    assert feature.WhichOneof("kind") is None


@pytest.mark.parametrize("seed", range(200))
def test_frames(seed: int) -> None:
    chance = random.Random(seed)
    frames, expected = Annotated([], [], []), []
    for number in range(3):
        count = chance.choice([0, 1, 2, 5, 31, 32, 200])
        classes = tuple(chance.choice(["car", "Ärmel", "a" * 200, ""]) for _ in range(count))
        objects = [[chance.choice(NUMBERS) for _ in range(14)] for _ in range(count)]
        for numbers in objects:
            numbers[1] = float(chance.choice([0, 1, 3, -1, 2**40, 2.9]))
        id, width = f"images/{number}" + "x" * chance.randint(0, 300), chance.randint(1, 1 << 31)
        frames.ids, frames.sizes = [*frames.ids, id], [*frames.sizes, (width, 480)]
        frames.classes.append(classes)
        frames.numbers.append([number for numbers in objects for number in numbers])
        expected.append(_encoded(id, width, classes, objects))
    assert [*Plain(Stored()).examples(frames)] == expected


def _encoded(id: str, width: int, classes: Sequence[str], objects: Sequence[Sequence[float]]) -> bytes:
    columns = list(zip(*objects, strict=True)) or [()] * 14
    names = ["truncation", "occlusion", "observation_angle", *(f"coordinates_{each}" for each in CORNERS)]
    names += [f"world_bbox_{each}" for each in WORLD]
    values: dict[str, Any] = {f"target/{name}": list(column) for name, column in zip(names, columns, strict=True)}
    values["target/occlusion"] = [int(value) for value in values["target/occlusion"]]
    values["target/object_class"] = [name.encode() for name in classes]
    values |= {"frame/id": [id.encode()], "frame/height": [480], "frame/width": [width]}
    return examples.encode({key: kind(values[key]) for key, kind in LAYOUT.items()})
