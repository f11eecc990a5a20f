"""TFRecords as a data set: what is written and found again, and what becomes of damaged or odd records."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept import FEATURES

import converters
from converters.formats import tfrecord
from converters.model import Box, Object, Sample
from converters.model.findings import Findings
from converters.tfrecords import examples, frames, records
from converters.tfrecords.examples import Bytes, Feature, Floats, Integers
from converters.tfrecords.records import write_records
from tltpipe.errors import DataError


def put(root: Path, *changes: dict[str, Feature], name: str = "-fold-000-of-002") -> Path:
    """Records of ``FEATURES``, each with ``changes``."""
    write_records(root / name, [examples.encode(FEATURES | each) for each in changes or ({},)])
    return root


def sample(id: str, *objects: Object) -> Sample:
    return Sample(id, f"{id}.jpg", 80, 60, objects)


def write(path: Path, samples: Sequence[Sample], **options: Any) -> Path:
    with converters.open_writer("tfrecord", path, ["Vest", "skirt"], **options) as writer:
        for each in samples:
            writer.add(each)
    return path


def test_names_of_shards_are_those_of_the_converter(tmp_path: Path) -> None:
    folder = write(tmp_path / "train", [sample(str(n)) for n in range(5)], images_dir="images/train", shards=3)
    assert [path.name for path in sorted(folder.iterdir())] == [
        "train-fold-000-of-001-shard-00000-of-00003",
        "train-fold-000-of-001-shard-00001-of-00003",
        "train-fold-000-of-001-shard-00002-of-00003",
    ]
    ids = [[frame.id for frame in frames.frames([path])] for path in records.shards(folder)]
    assert ids == [["images/train/0", "images/train/3"], ["images/train/1", "images/train/4"], ["images/train/2"]]


def test_a_record_is_what_the_converter_makes_of_the_same_labels(tmp_path: Path) -> None:
    from runtime.conversion import Annotated
    from runtime.conversion.layouts import Plain, Stored

    thing = Object("skirt", Box(1, 2, 30.5, 40), occlusion=2, truncation=0.25)
    label = (0.25, 2.0, 0.0, 1.0, 2.0, 30.5, 40.0, *(0.0,) * 7)
    frames = Annotated(["pictures/a", "pictures/b"], [(80, 60)] * 2, [], [("skirt",), ()], [label, ()])
    folder = write(tmp_path / "train", [sample("a", thing), sample("b")], images_dir="pictures", shards=1)
    written = [data for path in records.shards(folder) for data in records.read_records(path)]
    assert written == [*Plain(Stored()).examples(frames)]


def test_there_and_back_to_the_last_float32(tmp_path: Path) -> None:
    thing = Object("Vest", Box(0.1, 2.37, 1000.37, 77.7), occlusion=3, truncation=0.1)
    (tmp_path / "classes.txt").write_text("Vest\nskirt\n")
    (tmp_path / "images" / "train" / "b").mkdir(parents=True)
    (tmp_path / "images" / "train" / "b" / "c d.png").touch()
    before = [sample("1", thing, Object("skirt", Box(-3, 0, 5, 6))), sample("b/c d"), sample("2")]
    write(tmp_path / "train", before, images_dir="images/train", shards=2)
    dataset = converters.read("tfrecord", tmp_path)
    assert dataset.categories == ("Vest", "skirt")
    after = {each.id: each for each in dataset}
    assert [after[each.id].objects for each in before] == [each.objects for each in before]
    assert Path(after["b/c d"].image) == tmp_path / "images" / "train" / "b" / "c d.png"
    assert Path(after["1"].image) == tmp_path / "images" / "train" / "1.jpg"
    assert [dataset.pictures.name(key) for key in dataset.pictures.keys()] == list(after)  # noqa: SIM118


def test_classes_alike_in_lower_case_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='"Vest" and "vest" have the same name'):
        tfrecord.Writer(tmp_path, ["Vest", "vest"])


def test_reads_what_the_converter_writes(tmp_path: Path) -> None:
    root = put(tmp_path / "TFRecords", {}, {"frame/id": Bytes([b"images/train/000002"])})
    (tmp_path / "images" / "train").mkdir(parents=True)
    for other in ("_warning.json", "idx--fold-000-of-002", "status.json"):
        (root / other).touch()
    found = tfrecord.find(root)
    assert (list(found), found["train"].images) == (["train"], tmp_path / "images" / "train")
    dataset = converters.read("tfrecord", root)
    assert dataset.categories == ("café", "shorts")
    assert list(dataset) == list(dataset)
    first, second = dataset
    assert (first.id, second.id, first.width, first.height) == ("000001", "000002", 300, 288)
    shorts, cafe = first.objects
    assert shorts == Object("shorts", Box(1.5, 2.5, 99.1, 77.7), occlusion=3, truncation=0.1)
    assert (cafe.occlusion, cafe.box) == (3, Box(-2.25, 0, 300, 1000.37))
    assert cafe.origin == "object 2 of the record at byte 0"


def test_finds_splits_files_and_no_more_than_records(tmp_path: Path) -> None:
    put(tmp_path / "val")
    put(tmp_path / "train")
    (tmp_path / "train" / "-a-shard-00000-of-00002").touch()  # too few pictures for the shards
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"\xff\xd8" * 100)
    found = tfrecord.find(tmp_path)
    assert {name: place.annotations.name for name, place in found.items()} == {"train": "train", "validation": "val"}
    assert list(tfrecord.find(tmp_path / "val" / "-fold-000-of-002")) == ["validation"]
    assert tfrecord.find(tmp_path / "images") == tfrecord.find(tmp_path / "images" / "a.jpg") == {}


def test_the_index_is_an_array(tmp_path: Path) -> None:
    put(tmp_path, *[{}] * 4, name="a")
    put(tmp_path, *[{}] * 3, name="b")
    keys = converters.read("tfrecord", tmp_path).pictures.keys()
    assert len(keys) == 7
    assert keys[0] == (0, 0)
    assert keys[4] == keys[-3] == (1, 0)
    assert list(keys[4:5]) == [(1, 0)]
    assert list(keys)[3] == keys[3]
    assert all(type(number) is int for number in keys[3])
    with pytest.raises(IndexError):
        keys[7]


def told(root: Path) -> dict[str, str]:
    """The name of every picture that cannot be read, and why."""
    pictures = converters.read("tfrecord", root).pictures
    problems = {}
    for key in pictures.keys():  # noqa: SIM118
        try:
            pictures.load(key, Findings())
        except DataError as problem:
            problems[pictures.name(key)] = str(problem)
    return problems


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame/width": Bytes([b"300"])}, 'at byte 0 has no "frame/width"'),
        ({"frame/height": Integers([0])}, "300 x 0 pixels: that cannot be a picture"),
        ({"frame/id": Bytes([b"../../etc/passwd"])}, "cannot be a picture"),
        ({"frame/id": Bytes([b"images/a\0b"])}, "cannot be a picture"),
        ({"frame/id": Bytes([b""])}, "cannot be a picture"),
        ({"target/object_class": Bytes([])}, "not one box for each class"),
        ({"target/coordinates_x1": Floats([float("nan"), 1])}, "numbers that cannot be pixels"),
        ({"target/coordinates_x1": Floats([float("inf"), 1])}, "numbers that cannot be pixels"),
        ({"target/coordinates_x1": Floats([1e30, 1])}, "numbers that cannot be pixels"),
        ({"target/occlusion": Integers([0, 1 << 60])}, "object 2 of the record at byte 0 has occlusion"),
        ({"target/truncation": Floats([0, 7])}, "truncation 7"),
    ],
)
def test_odd_records_are_told_with_their_place(tmp_path: Path, change: dict[str, Feature], message: str) -> None:
    root = put(tmp_path, change, {})
    ((_, problem),) = told(root).items()
    assert message in problem
    assert str(tmp_path / "-fold-000-of-002") in problem


def test_a_damaged_record_costs_those_behind_it_alone(tmp_path: Path) -> None:
    put(tmp_path, {}, {}, {}, name="a")
    put(tmp_path, {}, name="b")
    data = bytearray((tmp_path / "a").read_bytes())
    second = list(records.offsets(tmp_path / "a"))[1]
    data[second] ^= 1
    (tmp_path / "a").write_bytes(data)
    assert len(converters.read("tfrecord", tmp_path).pictures.keys()) == 3
    ((name, problem),) = told(tmp_path).items()
    assert name == f"a at byte {second}"
    assert f"length of the record at byte {second} is damaged" in problem


def test_class_map_knows_names_in_any_case_and_refuses_others(tmp_path: Path) -> None:
    root = put(tmp_path, {}, {"target/object_class": Bytes([b"SHORTS", b"hat"])})
    (root / "classes.txt").write_text("Shorts\ncafé\n")
    pictures = converters.read("tfrecord", root).pictures
    first, second = pictures.keys()
    assert [thing.category for thing in pictures.load(first, Findings()).objects] == ["Shorts", "café"]
    with pytest.raises(DataError, match=r'object 2 of the record at byte \d+ is a "hat"') as caught:
        pictures.load(second, Findings())
    assert caught.value.code == "C604"


def test_mutated_files_end_in_samples_or_a_data_error(tmp_path: Path) -> None:
    chance = random.Random(1)
    good = (put(tmp_path) / "-fold-000-of-002").read_bytes()
    payload = good[12:-4]
    for number in range(600):
        data = bytearray(payload if number % 2 else good)
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(data))
            data[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        # Half of them with check sums that fit, or nothing but those would be tested.
        (tmp_path / "-fold-000-of-002").write_bytes(records.frame_record(bytes(data)) if number % 2 else data)
        with contextlib.suppress(DataError):
            for each in converters.read("tfrecord", tmp_path):
                assert all(np.isfinite(thing.box.area) for thing in each.objects)
        tfrecord.find(tmp_path)
