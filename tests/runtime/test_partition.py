"""Folds, shards and the sample modifier, against figures of NVIDIA's converter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np

from converters.formats.kitti.rows import Table
from converters.tfrecords.examples import stored_name
from converters.tfrecords.records import shard_name
from runtime.conversion import Annotated, partition
from runtime.conversion.layouts import Stored
from runtime.conversion.modifier import Modifier

COUNTS = json.loads((Path(__file__).parents[1] / "golden" / "kitti_split_counts.json").read_text())


def test_split_counts() -> None:
    assert len(COUNTS["rows"]) > 50
    for images, val_split, validation, training in COUNTS["rows"]:
        count = partition.validation_count(images, float(np.float32(val_split)))
        assert (count, images - count) == (validation, training), (images, val_split)


def test_binary_fractions_are_cut_off() -> None:
    assert partition.validation_count(100, 29.0) == 28
    assert partition.validation_count(100, 57.0) == 56


def test_random_order() -> None:
    eight = [str(number) for number in range(8)]
    assert [" ".join(part) for part in partition.random_partitions(eight, 25.0)] == ["0 1", "3 6 7 5 4 2"]
    assert [" ".join(part) for part in partition.random_partitions(eight, 50.0)] == ["1 0 3 2", "6 4 7 5"]


def test_sequences_stay_whole_and_are_dealt_longest_first() -> None:
    sequences = {"b": ["b1", "b2"], "a": ["a1", "a2"], "c": ["c1", "c2", "c3"], "d": ["d1"]}
    first, second = map(set, partition.sequence_partitions(sequences, 2))
    assert first == {"a1", "a2", "d1"}
    assert second == {"c1", "c2", "c3", "b1", "b2"}
    assert partition.sequence_partitions({"x": ["1"]}, 2) == [[], ["1"]]


def test_one_partition_shuffles_the_file_order_once() -> None:
    eight = [str(number) for number in range(8)]
    assert "".join(*partition.sequence_partitions({"z": eight[:5], "a": eight[5:]}, 0)) == "34672501"


def test_shards() -> None:
    assert list(partition.shard_bounds(7, 3)) == [(0, 2), (2, 4), (4, 7)]
    assert list(partition.shard_bounds(1, 3)) == [(0, 0), (0, 0), (0, 1)]
    assert list(partition.shard_bounds(7, 0)) == [(0, 7)]


def test_names() -> None:
    name = shard_name("TFRecords/", fold=0, folds=2, shard=3, shards=10)
    assert name == "TFRecords/-fold-000-of-002-shard-00003-of-00010"
    assert shard_name("x", fold=0, folds=0, shard=0, shards=0) == "x"


def test_boxes_kept() -> None:
    boxes = [(10.2, 0, 10.9, 5), (10.9, 0, 11.1, 5), (-0.5, 0, 0.9, 9), (0, 3, 9, 3), (0, 3, 9, 4)]
    numbers = [number for box in boxes for number in (0, 0, 0, *box, *[0] * 7)]
    frames = Annotated(["a", "b"], [(80, 60)] * 2, ["a.jpg", "b.jpg"])
    frames.keep(Table([3, 2], list("vwxyz"), numbers), Stored(), lambda *places: repr(places))
    assert frames.classes == [("w",), ("z",)]
    assert [numbers[3:7] for numbers in frames.numbers] == [[*boxes[1]], [*boxes[4]]]
    assert frames.dropped == {"(0, 0, 0)": [10, 0, 10, 5], "(0, 2, 0)": [0, 0, 0, 9], "(1, 3, 3)": [0, 3, 9, 3]}
    assert frames.lost == {0: (0, ["v", "x"]), 1: (0, ["y"])}


def test_frames_are_repeated_with_all_that_belongs_to_them() -> None:
    def of(*names: str) -> Annotated:
        frames = Annotated([*names], [(ord(name), 1) for name in names], [f"{name}.jpg" for name in names])
        frames.classes, frames.numbers = [(name,) for name in names], [[ord(name)] for name in names]
        frames.point_clouds, frames.calibrations = (
            [f"{name}.bin" for name in names],
            [cast("Any", name) for name in names],
        )
        return frames

    assert of("a", "b", "c").repeated([2, 0, 1]) == of("a", "a", "c")


def test_stored_names() -> None:
    assert stored_name("SHORT_ÄRMEL") == "short_Ärmel"
    assert stored_name("DontCare") == "dontcare"


def test_modifier() -> None:
    modifier = Modifier(
        target_of={"car": "auto", "truck": "auto", "bicycle": "bike"},
        only=frozenset({"auto"}),
        dominant=frozenset({"auto"}),
        imbalance={"bike": 3.0},
        duplicates=2,
        limit=4,
        exempt=0,
    )

    def copies(*classes: str, fold: int = 1) -> int:
        return modifier.copies(classes, fold=fold)

    assert copies("car", "truck") == 0
    assert copies("car", "truck", fold=0) == 1
    assert copies("person") == 1
    assert copies("bicycle") == 3
    assert copies("car", "bicycle", "bicycle", "bicycle") == 1
    assert copies("car", *["bicycle"] * 4) == 3
    assert modifier.room(fold=1, written=3) == 1
    assert modifier.room(fold=0, written=3) is None
