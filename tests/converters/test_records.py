"""Records: the framing, the Example, and what an independent reader makes of both."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
from kept import FEATURES
from refusals import error_of

from converters.tfrecords import examples, frames, records, summary
from converters.tfrecords.examples import Bytes, Floats, Integers
from tltpipe.errors import DataError


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "-fold-000-of-002"
    records.write_records(path, [examples.encode(FEATURES), b"", b"abc"])
    return path


def test_crc32c_vectors() -> None:
    assert google_crc32c.value(b"123456789") == 0xE3069283
    assert records.masked_crc(b"123456789") == (((0xE3069283 >> 15) | (0xE3069283 << 17)) + 0xA282EAD8) % 2**32


def test_framing_byte_for_byte() -> None:
    length = struct.pack("<Q", 3)
    expected = length + struct.pack("<I", records.masked_crc(length)) + b"abc"
    assert records.frame_record(b"abc") == expected + struct.pack("<I", records.masked_crc(b"abc"))


def test_records_come_back_in_order(shard: Path) -> None:
    assert list(records.read_records(shard)) == [examples.encode(FEATURES), b"", b"abc"]
    offsets = [offset for offset, _ in records.read_offsets(shard)]
    assert records.read_record(shard, offsets[2]) == b"abc"


def test_empty_file_has_no_records(tmp_path: Path) -> None:
    assert records.write_records(tmp_path / "empty", []) == 0
    assert (tmp_path / "empty").read_bytes() == b""
    assert list(records.read_records(tmp_path / "empty")) == []


def test_failing_writer_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Any:
        yield b"one"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        records.write_records(tmp_path / "shard", failing())
    assert list(tmp_path.iterdir()) == []


def test_independent_reader_agrees(tmp_path: Path) -> None:
    reader = pytest.importorskip("tfrecord.reader")
    path = tmp_path / "shard"
    records.write_records(path, [examples.encode(FEATURES)])
    (record,) = list(reader.tfrecord_loader(str(path), None))
    assert bytes(record["frame/id"]) == b"images/train/000001"
    assert list(record["target/object_class"]) == [b"shorts", "café".encode()]
    assert record["frame/height"].tolist() == [288]
    assert record["target/occlusion"].tolist() == [3, -1]
    assert record["target/coordinates_y2"].tolist() == np.float32([77.7, 1000.37]).tolist()


def test_a_record_put_together_by_hand_is_the_same_to_the_bit() -> None:
    for count in (2, 0, 300, 1):
        columns = [[value] * count for value in (0.1, -1, 0.0, *(1e30, -2.25, 3, 4), *[0.5] * 7)]
        given = [[b"images/1"], [288], [300], ["café".encode()] * count, *columns]
        features = {key: kind(each) for (key, kind), each in zip(examples.LAYOUT.items(), given, strict=True)}
        assert examples.encode_record(("images/1", 288, 300), ["café"] * count, columns) == examples.encode(features)


def test_decode_gives_float32_back() -> None:
    features = examples.decode(examples.encode(FEATURES))
    assert features["target/truncation"] == [float(np.float32(0.1)), 0.0]
    assert features["target/object_class"] == [b"shorts", "café".encode()]
    assert features.keys() == FEATURES.keys()


def test_empty_lists_keep_their_kind() -> None:
    from converters.tfrecords.schema.example_pb2 import Example

    example = Example.FromString(examples.encode({"a": Floats([]), "b": Bytes([]), "c": Integers([])}))
    kinds = {key: feature.WhichOneof("kind") for key, feature in example.features.feature.items()}
    assert kinds == {"a": "float_list", "b": "bytes_list", "c": "int64_list"}


@pytest.mark.parametrize("keep", [5, 20, -1])
def test_cut_file_names_file_and_offset(shard: Path, keep: int) -> None:
    shard.write_bytes(shard.read_bytes()[:keep])
    error = error_of(DataError, lambda: list(records.read_records(shard)), match=r"ends inside the record at byte \d+")
    assert error.where == shard


@pytest.mark.parametrize(
    ("position", "message"), [(30, "byte 0 is damaged"), (3, "not a TFRecord"), (-5, "is damaged")]
)
def test_flipped_bit_is_found(shard: Path, position: int, message: str) -> None:
    data = bytearray(shard.read_bytes())
    data[position] ^= 1
    shard.write_bytes(data)
    with pytest.raises(DataError, match=message):
        list(records.read_records(shard))


def test_frames_for_training(tmp_path: Path) -> None:
    empty = {key: type(value)([]) if key.startswith("target/") else value for key, value in FEATURES.items()}
    records.write_records(tmp_path / "-fold-000", [examples.encode(FEATURES), examples.encode(empty)])
    first, second = frames.frames(records.shards(tmp_path))
    assert (first.id, first.width, first.height) == ("images/train/000001", 300, 288)
    assert first.classes == ["shorts", "café"]
    assert first.boxes.dtype == np.float32
    assert first.boxes.tolist() == np.float32([[1.5, 2.5, 99.1, 77.7], [-2.25, 0, 300, 1000.37]]).tolist()
    assert second.boxes.shape == (0, 4)


def test_shards_of_folder_glob_and_file(shard: Path) -> None:
    for other in ("-fold-001-of-002", "_warning.json", "idx--fold-000-of-002", ".hidden", "status.json"):
        (shard.parent / other).touch()
    both = [shard, shard.parent / "-fold-001-of-002"]
    assert records.shards(shard.parent) == both
    assert records.shards(f"{shard.parent}/*") == both
    assert records.shards(shard) == [shard]
    with pytest.raises(DataError, match="no record files"):
        records.shards(shard.parent / "nothing*")


def test_foreign_records_are_refused(tmp_path: Path) -> None:
    for number, features in enumerate(
        [{"image/encoded": Bytes([b"x"])}, FEATURES | {"target/object_class": Bytes([])}]
    ):
        path = tmp_path / f"shard{number}"
        records.write_records(path, [examples.encode(features)])
        with pytest.raises(DataError, match="at byte 0 has no"):
            list(frames.frames([path]))
    records.write_records(tmp_path / "raw", [b"\xff\xff\xff"])
    with pytest.raises(DataError, match="not an Example"):
        list(frames.frames([tmp_path / "raw"]))


def test_claimed_lengths_ask_for_no_memory(tmp_path: Path) -> None:
    length = struct.pack("<Q", 1 << 62)
    (tmp_path / "bomb").write_bytes(length + struct.pack("<I", records.masked_crc(length)) + b"abc")
    with pytest.raises(DataError, match="ends inside the record at byte 0"):
        list(records.read_records(tmp_path / "bomb"))
    with pytest.raises(DataError, match="ends inside the record at byte 0"):
        records.read_record(tmp_path / "bomb", 0)


def test_offsets_end_with_the_damaged_record(shard: Path) -> None:
    good = list(records.offsets(shard))
    assert good == [offset for offset, _ in records.read_offsets(shard)]
    data = bytearray(shard.read_bytes())
    data[good[1] + 3] ^= 1
    shard.write_bytes(data)
    assert list(records.offsets(shard)) == good[:2]
    assert not records.looks_right(shard.parent)
    assert records.looks_right(shard)


def test_shares_in_a_summary_are_rounded_as_python_rounds() -> None:
    found = summary.RecordSummary()
    ties = [(number + step) / 2e5 for number in range(1, 4001, 2) for step in (-1e-3, 0, 1e-3)]
    found.add_boxes([(tie, -tie, tie + 1, 1e4) for tie in ties], (1, 1))
    shares = [share for tie in ties for share in (tie, -tie, tie + 1 - tie, 1e4 + tie)]
    assert found.boxes == [round(share, 5) for share in shares]
