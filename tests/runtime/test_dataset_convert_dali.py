"""Records for DALI: pictures, class numbers and relative coordinates, with their index files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from converters.inspection.facts import facts
from converters.tfrecords.examples import Bytes, Floats, Integers, features
from converters.tfrecords.records import read_offsets, read_record
from converters.tfrecords.schema.example_pb2 import Example
from runtime.conversion import work
from runtime.programs import dataset_convert

MAPPING = {"Car": "car", "van": "Car", "Person": "pedestrian", "cyclist": "Bike"}
LABELS = {
    "a": "van 0.5 1 0.25 1 2 30.1 20 1 2 3 4 5 6 7\nDontCare 0 0 0 1 1 9 9 0 0 0 0 0 0 0\n",
    "b": "",
    "c": "PERSON 0 0 0 5 5 5 9 0 0 0 0 0 0 0\ndog 0 0 0 5 5 5 9 0 0 0 0 0 0 0\n"
    "cyclist 0 3 0 -3 0 90 70 0 0 0 0 0 0 0\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("image", "label"):
        (tmp_path / name).mkdir()
    for number, (name, text) in enumerate(LABELS.items()):
        Image.new("RGB", (70 + number, 50)).save(tmp_path / "image" / f"{name}.jpg")
        (tmp_path / "label" / f"{name}.txt").write_text(text)
    write_spec(tmp_path)
    return tmp_path


def write_spec(folder: Path, mapping: dict[str, str] = MAPPING, more: str = "num_shards: 2") -> None:
    pairs = "".join(f'target_class_mapping {{ key: "{key}" value: "{value}" }}\n' for key, value in mapping.items())
    (folder / "convert.conf").write_text(
        f'kitti_config {{ root_directory_path: "{folder}" image_dir_name: "image" label_dir_name: "label" '
        f'image_extension: ".jpg" partition_mode: "random" num_partitions: 2 {more} }}\n{pairs}'
    )


def convert(*options: str) -> int:
    """The only person has no area, and so the class is lost."""
    return dataset_convert.main([*options, "-d", "convert.conf", "-o", "out/x", "--allow-loss"])


def records(folder: Path) -> dict[str, dict[str, Any]]:
    paths = sorted((folder / "out").glob("x-fold*"))
    found = [features(data) for path in paths for _, data in read_offsets(path)]
    return {each["frame/id"].values[0].decode(): each for each in found}


def floats(*values: float) -> Floats:
    return Floats([float(np.float32(value)) for value in values])


@pytest.mark.parametrize("options", [["ssd"], ["retinanet"], ["--dali"], ["dssd", "--dali"]])
def test_records(folder: Path, options: list[str]) -> None:
    assert convert(*options) == 0
    found = records(folder)
    assert set(found) == {"image/a", "image/b", "image/c"}
    first = found["image/a"]
    assert first["frame/encoded"] == Bytes([(folder / "image/a.jpg").read_bytes()])
    assert (first["frame/width"], first["frame/height"]) == (Integers([70]), Integers([50]))
    assert first["target/object_class_id"] == floats(2)
    assert first["target/coordinates_x1"] == floats(1 / 70)
    assert first["target/coordinates_x2"] == floats(30.1 / 70)
    assert first["target/coordinates_y1"] == floats(2 / 50)
    assert first["target/coordinates_y2"] == floats(20 / 50)
    assert first["target/occlusion"] == Integers([1])
    assert first["target/truncation"] == floats(0.5)
    assert first["target/observation_angle"] == floats(0.25)
    assert first["target/world_bbox_h"] == floats(1)
    assert first["target/world_bbox_rot_y"] == floats(7)
    assert "target/object_class" not in first
    assert found["image/b"]["target/object_class_id"] == Floats([])
    last = found["image/c"]
    assert last["target/object_class_id"] == floats(1)
    assert last["target/coordinates_x1"] == floats(-3 / 72)
    assert last["target/coordinates_y2"] == floats(70 / 50)


def test_keys_are_sorted_as_protobuf_sorts_them(folder: Path) -> None:
    assert convert("ssd") == 0
    path = next(path for path in sorted((folder / "out").glob("x-fold*")) if path.stat().st_size)
    for _, data in read_offsets(path):
        assert Example.FromString(data).SerializeToString(deterministic=True) == data


def test_strict_leaves_an_empty_feature(folder: Path) -> None:
    assert convert("ssd", "--strict-tlt") == 0
    found = records(folder)["image/a"]
    assert found["target/object_class"] is None
    assert len(found) == 20


def test_inspection_knows_them(folder: Path) -> None:
    assert convert("--dali") == 0
    for path in (folder / "out").glob("x-fold*"):
        assert all(facts(data).layout == "dali" for _, data in read_offsets(path))


def test_index_files(folder: Path) -> None:
    for _ in range(2):
        assert convert("--dali") == 0
        for path in (folder / "out").glob("x-fold*"):
            index = path.with_name(f"idx-{path.name}")
            lines = [list(map(int, line.split())) for line in index.read_text().splitlines()]
            assert [offset for offset, _ in lines] == [offset for offset, _ in read_offsets(path)]
            assert sum(length for _, length in lines) == path.stat().st_size
            assert all(read_record(path, offset) for offset, _ in lines)
            index.write_text("stale")


def test_index_files_go_with_their_records(folder: Path) -> None:
    assert convert("--dali") == 0
    assert convert() == 0
    assert not list((folder / "out").glob("idx-*"))


def test_unknown_classes_are_silent_and_empty_boxes_are_told(folder: Path) -> None:
    assert convert("ssd") == 0
    assert json.loads((folder / "out" / "x_warning.json").read_text()) == {f"{folder}/label/c.txt_0": [5, 5, 5, 9]}


def test_classes_from_a_file(folder: Path) -> None:
    write_spec(folder, {})
    (folder / "names.txt").write_text("\n Van \nDOG\nCyclist\n\n")
    assert convert("ssd", "-c", "names.txt") == 0
    assert records(folder)["image/a"]["target/object_class_id"] == floats(3)
    assert records(folder)["image/c"]["target/object_class_id"] == floats(1)


def test_the_mapping_wins(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert("ssd", "-c", "nowhere.txt") == 0
    assert "is not read" in capsys.readouterr().err


def test_a_class_that_is_only_a_value_is_unknown(folder: Path) -> None:
    write_spec(folder, {"other": "van"})
    assert convert("ssd") == 0
    assert records(folder)["image/a"]["target/object_class_id"] == Floats([])


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["ssd"], 2, "nothing says which class has which"),
        (["ssd", "-c", "nowhere.txt"], 3, "nowhere.txt: this file of class names cannot be read"),
        (["ssd", "-c", "blank.txt"], 3, "blank.txt: this file names no class"),
        (["-c", "blank.txt"], 2, "add --dali"),
        (["--strict-tlt"], 2, "add --dali"),
        (["yolo_v4", "--dali"], 2, "yolo_v4 reads no records for DALI"),
        (["sdd"], 2, '"sdd" is no network'),
        (["--workers", "0"], 2, "--workers 0"),
    ],
)
def test_mistakes(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, message: str
) -> None:
    write_spec(folder, {})
    (folder / "blank.txt").write_text("\n")
    assert convert(*options) == code
    assert message in capsys.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.parametrize("network", [None, "detectnet_v2", "yolo_v4_tiny"])
def test_the_mapping_alone_changes_nothing(folder: Path, network: str | None) -> None:
    assert convert(*([network] if network else [])) == 0
    assert records(folder)["image/a"]["target/object_class"] == Bytes([b"van", b"dontcare"])


def test_validation_fold_has_no_effect(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert("ssd", "-f", "0") == 0
    assert "-f has no effect" in capsys.readouterr().err


def test_of_the_modifier_the_limit_alone_counts(folder: Path) -> None:
    with (folder / "convert.conf").open("a") as stream:
        stream.write(
            """sample_modifier_config { filter_samples_containing_only: "car" dominant_target_classes: "car"
            source_to_target_class_mapping { key: "car" value: "car" } num_duplicates: 3 max_training_samples: 4 }"""
        )
    assert convert("ssd") == 0
    assert len(records(folder)) == 2


def test_coco(folder: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "b.jpg", "width": 40, "height": 20}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 2, "bbox": [4, 5, 8, 10]}],
        "categories": [{"id": 2, "name": "Per son"}, {"id": 3, "name": "x"}],
    }
    (folder / "coco.json").write_text(json.dumps(content))
    with (folder / "convert.conf").open("w") as stream:
        stream.write(
            f'coco_config {{ root_directory_path: "{folder}" img_dir_names: "image" annotation_files: "coco.json" '
            'num_partitions: 1 num_shards: 1 } target_class_mapping { key: "person" value: "person" }'
        )
    assert convert("ssd") == 0
    found = records(folder)["image/b"]
    assert found["target/coordinates_x1"] == floats(0.1)
    assert found["target/coordinates_y2"] == floats(0.75)
    assert found["frame/encoded"] == Bytes([(folder / "image/b.jpg").read_bytes()])
    (folder / "image/b.jpg").unlink()
    assert convert("ssd") == 3


def test_stretches_are_cut_by_the_bytes_of_pictures(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "BYTES", 1)
    assert convert("ssd", "--workers", "2") == 0
    assert set(records(folder)) == {"image/a", "image/b", "image/c"}
