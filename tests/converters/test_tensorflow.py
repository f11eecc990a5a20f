"""TensorFlow itself reads our record files, and we read those of TensorFlow.

It runs in a process of its own: this Python, or the one that TLTPIPE_TENSORFLOW_PYTHON names, which needs nothing else.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converters
from converters import inspection
from converters.inspection.drawing import draw
from converters.inspection.facts import KINDS
from converters.model import Box, Object, Sample
from converters.tfrecords import examples, frames, records
from converters.tfrecords.examples import Bytes, Feature, Floats, Integers
from runtime.programs import dataset_convert
from tltpipe.progress import Silent

PROGRAM = Path(__file__).parent / "tensorflow" / "records.py"
OTHER = os.environ.get("TLTPIPE_TENSORFLOW_PYTHON")
DAMAGED = int(os.environ.get("TLTPIPE_FUZZ", "150"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        OTHER is None and importlib.util.find_spec("tensorflow") is None,
        reason="needs TensorFlow: CONTRIBUTING.md says how",
    ),
]

ODD_FLOATS = (0.1, -0.0, 1e-45, 3.4028235e38, float("inf"), float("-inf"), float("nan"), 16777217.0, 1 / 3)
SPEC = """kitti_config {
  root_directory_path: "%(root)s" image_dir_name: "images" label_dir_name: "labels" image_extension: ".png"
  partition_mode: "random" num_partitions: 2 val_split: 40 num_shards: 3
}
image_directory_path: "%(root)s"
"""


def tensorflow(what: str, **asked: object) -> Any:
    """What TensorFlow answers."""
    command = [OTHER or sys.executable, str(PROGRAM), what]
    ended = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=600)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)["answer"]


def bits(values: Sequence[float]) -> list[int]:
    """Floats as the integers that their 32 bits are."""
    return np.array(list(values), np.float32).view(np.uint32).tolist()  # type: ignore[no-any-return]


def plain(feature: Feature | None) -> list[Any]:
    """The values of ``feature`` as they travel."""
    match feature:
        case Bytes(values):
            return [value.hex() for value in values]
        case Floats(values):
            return bits(values)
        case Integers(values):
            return list(values)
    return []


def kind(feature: Feature | None) -> str:
    return "none" if feature is None else KINDS[type(feature)]


def same(paths: Sequence[Path]) -> int:
    """Hold every record of ``paths`` as we read it against what TensorFlow reads; return how many there are."""
    ours = [examples.features(data) for path in paths for data in records.read_records(path)]
    kinds = {key: kind(feature) for each in ours for key, feature in each.items() if feature is not None}
    theirs = tensorflow("read", paths=[str(path) for path in paths], kinds=kinds)
    assert len(ours) == len(theirs)
    lists = {"bytes": "bytes_list", "float": "float_list", "int64": "int64_list", "none": None}
    for mine, yours in zip(ours, theirs, strict=True):
        assert {key: lists[kind(feature)] for key, feature in mine.items()} == yours["kinds"]
        assert {key: plain(mine.get(key)) for key in kinds} == yours["features"]
    return len(ours)


def jpeg(width: int = 80, height: int = 60) -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(stream, "JPEG")
    return stream.getvalue()


def dali(picture: bytes, *ids: float) -> dict[str, Feature | None]:
    """A record of the DALI layout, with the feature without a list that NVIDIA's converter leaves there."""
    corners = {"x1": 0.1, "y1": 0.2, "x2": 0.7, "y2": 0.8}
    return {
        "frame/id": Bytes([b"images/000001"]),
        "frame/height": Integers([60]),
        "frame/width": Integers([80]),
        "frame/encoded": Bytes([picture]),
        "target/object_class": None,
        "target/object_class_id": Floats(ids),
        "target/truncation": Floats([0.25] * len(ids)),
        "target/occlusion": Integers([1] * len(ids)),
        **{f"target/coordinates_{name}": Floats([side] * len(ids)) for name, side in corners.items()},
    }


def written(path: Path, *given: dict[str, Feature | None]) -> Path:
    """A file of ``given`` that TensorFlow has written."""
    told = [{key: [kind(feature), plain(feature)] for key, feature in each.items()} for each in given]
    tensorflow("write", path=str(path), records=told)
    return path


def test_tensorflow_reads_what_the_converter_writes(tmp_path: Path) -> None:
    chance = random.Random(7)
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for number in range(25):
        Image.new("RGB", (80 + number, 60)).save(tmp_path / "images" / f"{number:06d}.png")
        boxes = [sorted(chance.uniform(0, 80) for _ in range(4)) for _ in range(number % 4)]
        names = chance.choices(["Skirt", "café", "1"], k=len(boxes))
        lines = [
            f"{name} 0.{n} {n} -1.57 {left} {top} {right + 2} {bottom + 2} 1 2 3 4 5 6 {n / 7}\n"
            for n, (name, (left, top, right, bottom)) in enumerate(zip(names, boxes, strict=True))
        ]
        (tmp_path / "labels" / f"{number:06d}.txt").write_text("".join(lines))
    (tmp_path / "convert.conf").write_text(SPEC % {"root": tmp_path})
    assert dataset_convert.main(["-d", str(tmp_path / "convert.conf"), "-o", str(tmp_path / "out" / "a")]) == 0
    paths = records.shards(tmp_path / "out")
    assert len(paths) == 6
    assert same(paths) == 25
    assert sum(len(frame.classes) for frame in frames.frames(paths)) > 30


def test_tensorflow_reads_what_convert_writes(tmp_path: Path) -> None:
    thing = Object("Vest", Box(0.1, 2.37, 1000.37, 77.7), occlusion=3, truncation=0.1)
    with converters.open_writer("tfrecord", tmp_path / "train", ["Vest"], shards=3) as writer:
        for number in range(5):
            writer.add(Sample(f"{number}", f"{number}.jpg", 1200, 80, (thing,) * number))
    assert same(records.shards(tmp_path / "train")) == 5


def test_tensorflow_reads_every_value_and_an_empty_file(tmp_path: Path) -> None:
    edge = {
        "float": Floats(ODD_FLOATS),
        "int": Integers([0, -1, (1 << 63) - 1, -(1 << 63)]),
        "bytes": Bytes([b"", b"\0\xff", "é".encode(), b"x" * 100_000]),
        **{
            f"none of {name}": kind([]) for name, kind in (("floats", Floats), ("bytes", Bytes), ("integers", Integers))
        },
        "schlüssel": Integers([1]),
    }
    picture = {key: feature for key, feature in dali(jpeg(), 1.0, 2.0).items() if feature is not None}
    records.write_records(tmp_path / "a", [examples.encode(each) for each in (edge, picture, {})])
    records.write_records(tmp_path / "b", [])
    assert same([tmp_path / "a", tmp_path / "b"]) == 3


def test_we_read_what_tensorflow_writes(tmp_path: Path) -> None:
    full: dict[str, Feature | None] = {
        "frame/id": Bytes([b"images/000001"]),
        "frame/height": Integers([60]),
        "frame/width": Integers([80]),
        "target/object_class": Bytes([b"skirt", "café".encode()]),
        **{key: Floats([0.1, 77.7]) for key, each in examples.LAYOUT.items() if each is Floats},
        "target/truncation": Floats([0.1, 1.0]),
        "target/occlusion": Integers([3, -1]),
        "a key that nobody knows": Floats(ODD_FLOATS),
        "image/encoded": Bytes([jpeg()]),
        "no list at all": None,
    }
    nothing = full | {key: each([]) for key, each in examples.LAYOUT.items() if key.startswith("target/")}
    path = written(tmp_path / "a", full, nothing, {})
    ours = [examples.features(data) for data in records.read_records(path)]
    for mine, given in zip(ours, (full, nothing, {}), strict=True):
        assert {key: (kind(each), plain(each)) for key, each in mine.items()} == {
            key: (kind(each), plain(each)) for key, each in given.items()
        }
    first, second = (frames.frame(data, path=path, offset=0) for data in list(records.read_records(path))[:2])
    assert (first.id, first.width, first.height, first.classes) == ("images/000001", 80, 60, ["skirt", "café"])
    assert first.boxes.tolist() == [[np.float32(side)] * 4 for side in (0.1, 77.7)]
    assert (second.classes, second.boxes.shape) == ([], (0, 4))
    (dataset,) = converters.splits(written(tmp_path / "b", full, nothing), "tfrecord")[1].values()
    assert [[thing.category for thing in sample.objects] for sample in dataset] == [["skirt", "café"], []]
    report = inspection.inspect([path], progress=Silent())
    assert report.problem() is None
    assert report.layouts == {"detectnet_v2": 2, "dali": 0, "other": 1}
    assert report.features.counts["no list at all", "none"] == 2


def test_we_inspect_and_draw_the_dali_layout_of_tensorflow(tmp_path: Path) -> None:
    path = written(tmp_path / "a", dali(jpeg(), 1.0, 3.0), dali(jpeg()))
    report = inspection.inspect([path], progress=Silent(), choose=5)
    assert report.layouts == {"detectnet_v2": 0, "dali": 2, "other": 0}
    assert report.objects.counts == {"class 1": 1, "class 3": 1}
    assert len(draw(report, tmp_path / "out", progress=Silent()).written) == 2
    assert same([path]) == 2


def test_tensorflow_and_we_agree_on_damaged_files(tmp_path: Path) -> None:
    """As many good records before the damage. In one thing we say more: TensorFlow takes a file that is
    cut off inside the first twelve bytes of a record for one that ends before it.
    """
    good = b"".join(records.frame_record(struct.pack("<Q", n) * (n * 3)) for n in range(6))
    chance, paths = random.Random(4), []
    for number in range(DAMAGED):
        data = bytearray(good)
        place = chance.randrange(len(data))
        match number % 4:
            case 0:
                data[place] ^= 1 << chance.randrange(8)
            case 1:
                del data[place:]
            case 2:
                del data[place : place + chance.randint(1, 30)]
            case _:
                data[place:place] = data[place : place + chance.randint(1, 90)]
        paths.append(tmp_path / f"{number:05d}")
        paths[-1].write_bytes(data)
    report = inspection.inspect(paths, progress=Silent())
    ours = [[file.records, "damaged" if _is_told(file) else "end"] for file in report.files]
    assert ours == tensorflow("count", paths=[str(path) for path in paths])
    assert {end for _, end in ours} == {"damaged", "end"}
    assert len(report.damaged) > DAMAGED * 3 // 4


def _is_told(file: inspection.File) -> bool:
    """Whether TensorFlow tells of the damage, too."""
    return file.damage is not None and file.bytes - file.damage.byte >= records.HEADER.size
