"""tlt-dataset-convert: equal to what NVIDIA's converter answered, and better mannered where that one fails."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from converters import examples, frames
from converters.records import read_records
from runtime import dataset_convert

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "kitti_convert.json").read_text())
CASES: dict[str, dict[str, Any]] = GOLDEN["cases"]
SUCCEEDS = [name for name, case in CASES.items() if case["error"] is None]
OUTCOMES = {"err_cols14": "000002.txt:1", "err_missing_label": "000002.txt", "err_class_with_space": "000002.txt:1"}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def draw_base(work: Path) -> None:
    inputs = GOLDEN["inputs"]
    root = work / "data_base"
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for name, size in inputs["sizes"].items():
        exif = Image.Exif()
        exif[0x0112] = 6 if name == "000030" else 1
        Image.new("RGB", tuple(size)).save(root / "images" / f"{name}.jpg", exif=exif)
    for name, text in inputs["labels"].items():
        (root / "labels" / f"{name}.txt").write_bytes(text.encode())


def draw_other(work: Path, name: str) -> None:
    content = GOLDEN["inputs_other_datasets"][name]
    root = work / f"data_{name}"
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for image in content["image_files"]:
        Image.new("RGB", (32, 24)).save(root / "images" / image)
    for label, text in content["labels"].items():
        (root / "labels" / f"{label}.txt").write_bytes(text.encode())


def convert(work: Path, name: str, *options: str, prefix: str = "out/tfr") -> int:
    """Run a golden case with the files it needs."""
    case = CASES[name]
    if not (work / f"data_{case['dataset']}").exists():
        draw_base(work) if case["dataset"] == "base" else draw_other(work, case["dataset"])
    if case["seqmap"] is not None:
        (work / "data_base" / f"seqmap_{name}.json").write_text(json.dumps(case["seqmap"]))
    spec = work / "convert.conf"
    spec.write_text(case["spec"].replace("$W", str(work)))
    return dataset_convert.main(["-d", str(spec), "-o", prefix, *case["args"], *options])


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def plain(features: dict[str, Any]) -> dict[str, list[Any]]:
    """The golden form of a feature (kind, values; nan and inf as text) as ``decode`` gives it."""
    read = {"bytes_list": str.encode, "float_list": float, "int64_list": int}
    return {key: [read[kind](value) for value in values] for key, (kind, values) in features.items()}


@pytest.mark.parametrize("name", SUCCEEDS)
def test_golden_files(work: Path, name: str) -> None:
    assert convert(work, name) == 0
    case = CASES[name]
    assert visible(work / "out") == [entry["file"] for entry in case["files"]]
    for entry in case["files"]:
        path = work / "out" / entry["file"]
        if "json" in entry:
            expected = json.loads(json.dumps(entry["json"]).replace("$W", str(work)))
            assert json.loads(path.read_text()) == expected
            continue
        assert path.stat().st_size == entry["bytes"]
        records = list(read_records(path))
        assert [hashlib.sha256(record).hexdigest() for record in records] == entry.get("record_det_sha256", [])
        for record, expected in zip(records, entry.get("records", []), strict=True):
            decoded = examples.decode(record)
            if isinstance(expected, str):
                assert decoded["frame/id"] == [expected.encode()]
            else:
                assert decoded == plain(expected)


@pytest.mark.parametrize("name", SUCCEEDS)
def test_golden_status(work: Path, name: str) -> None:
    assert convert(work, name, "-r", "results") == 0
    lines = [json.loads(line) for line in (work / "results" / "status.json").read_text().splitlines()]
    for line in lines:
        assert line.pop("date").count("/") == 2
        assert line.pop("time").count(":") == 2
    assert lines[:-1] == CASES[name]["status_json"]
    assert (lines[-1]["status"], lines[-1]["message"]) == ("SUCCESS", "Dataset convert finished successfully.")


@pytest.mark.parametrize(("name", "place"), OUTCOMES.items())
def test_bad_labels_are_named_and_nothing_is_left(
    work: Path, capsys: pytest.CaptureFixture[str], name: str, place: str
) -> None:
    assert convert(work, name, "-r", "results") == 3
    message = capsys.readouterr().err
    assert f"{work}/data_{name}/labels/{place}: " in message
    assert not (work / "out").exists()
    last = json.loads((work / "results" / "status.json").read_text().splitlines()[-1])
    assert last["status"] == "FAILURE"
    assert place in last["message"]


def test_prefix_without_folder_is_the_current_one(work: Path) -> None:
    assert convert(work, "err_output_without_dir", prefix="tfr") == 0
    assert len(list(work.glob("tfr-fold-*"))) == 20


def test_prefix_ending_in_slash(work: Path) -> None:
    assert convert(work, "random_val20_shard0", prefix="TFRecords/") == 0
    assert visible(work / "TFRecords") == ["-fold-000-of-002", "-fold-001-of-002", "_warning.json"]


def test_failure_keeps_earlier_records(work: Path) -> None:
    assert convert(work, "random_val20_shard0") == 0
    before = {path: path.read_bytes() for path in (work / "out").iterdir()}
    (work / "data_base" / "labels" / "000030.txt").unlink()
    assert convert(work, "random_val20_shard0") == 3
    assert {path: path.read_bytes() for path in (work / "out").iterdir()} == before


def test_stale_shards_go_and_other_files_stay(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(work, "random_val20_shard10") == 0
    for name in ("notes.md", "tfr-2-fold-000-of-002", "idx-tfr-fold-000-of-002"):
        (work / "out" / name).write_text("mine")
    assert convert(work, "random_val20_shard0") == 0
    kept = ["notes.md", "tfr-2-fold-000-of-002", "tfr-fold-000-of-002", "tfr-fold-001-of-002", "tfr_warning.json"]
    assert visible(work / "out") == kept
    assert "removed 21 files of an earlier conversion" in capsys.readouterr().out


def test_sixteenth_column_is_dropped_and_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw_base(work)
    for path in (work / "data_base" / "labels").iterdir():
        lines = [f"{line} 0.9" if line.strip() else line for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines))
    assert convert(work, "random_val20_shard0") == 0
    expected = CASES["random_val20_shard0"]["files"][0]["record_det_sha256"]
    records = list(read_records(work / "out" / "tfr-fold-000-of-002"))
    assert [hashlib.sha256(record).hexdigest() for record in records] == expected
    assert "had a 16th column" in capsys.readouterr().err


def test_console_tells_objects_and_class_map(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(work, "random_val20_shard0", "-v") == 0
    out = capsys.readouterr().out
    assert out.count("Wrote the following numbers of objects:\n") == 3
    assert "\nb'car': 22\n" in out
    assert "\nb'Traffic_Light': b'traffic_light'\n" in out
    assert "Num images in\nTrain: 24\tVal: 6\n" in out
    assert "Writing partition 1, shard 0\n" in out
    assert "wrote 30 records in 3 files" in out


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ('"images"', '"image"', 3, 'did you mean "images"?'),
        ("/data_base", "/nowhere", 3, "data set folder does not exist"),
        ('".jpg"', '".JPG"', 3, "there are .jpg"),
        ("num_partitions: 2", "num_partitions: 3", 2, "convert.conf:7:"),
        ("val_split: 20", "val_splitt: 20", 2, "convert.conf:8:"),
    ],
)
def test_mistakes_in_the_spec(
    work: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, code: int, message: str
) -> None:
    draw_base(work)
    case = CASES["random_val20_shard0"]
    spec = work / "convert.conf"
    spec.write_text(case["spec"].replace(old, new).replace("$W", str(work)))
    assert dataset_convert.main(["-d", str(spec), "-o", "out/tfr"]) == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (work / "out").exists()


def test_damaged_image_is_named(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw_base(work)
    (work / "data_base" / "images" / "000004.jpg").write_bytes(b"no picture")
    assert convert(work, "random_val20_shard0") == 3
    assert "images/000004.jpg: " in capsys.readouterr().err


def test_fold_that_does_not_exist_is_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(work, "random_val20_shard0", "-f", "2") == 0
    assert "warning: -f 2: there is no such fold, the folds are 0 to 1" in capsys.readouterr().err


def test_hidden_files_of_macos_do_not_count(work: Path) -> None:
    draw_base(work)
    (work / "data_base" / "images" / "._000001.jpg").write_bytes(b"finder")
    assert convert(work, "random_val20_shard0") == 0


def test_workspace_is_mapped(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_base(work)
    monkeypatch.setenv("TLTPIPE_WORKSPACE", str(work))
    (work / "convert.conf").write_text(CASES["random_val20_shard0"]["spec"].replace("$W", "/workspace"))
    assert dataset_convert.main(["-d", "/workspace/convert.conf", "-o", "/workspace/TFRecords/"]) == 0
    assert visible(work / "TFRecords") == ["-fold-000-of-002", "-fold-001-of-002", "_warning.json"]


def test_coco(work: Path) -> None:
    boxes = {7: [1, 2, 3, 4], 8: [5.5, 6, 0.2, 9]}
    content = {
        "images": [
            {"id": 5, "file_name": "b.jpg", "width": 40, "height": 30},
            {"id": 4, "file_name": "sub/a.x.jpg", "width": 20, "height": 10},
        ],
        "annotations": [{"id": id, "image_id": 4, "category_id": 2, "bbox": box} for id, box in boxes.items()],
        "categories": [{"id": 2, "name": "Long Coat"}],
    }
    (work / "coco.json").write_text(json.dumps(content))
    (work / "convert.conf").write_text(
        f'coco_config {{ root_directory_path: "{work}" img_dir_names: "pictures" annotation_files: "coco.json" '
        "num_partitions: 1 num_shards: 2 }"
    )
    assert dataset_convert.main(["-d", "convert.conf", "-o", "out/c", "-r", "results"]) == 0
    names = [f"c-fold-000-of-001-shard-0000{shard}-of-00002" for shard in (0, 1)]
    assert visible(work / "out") == [*names, "c_warning.json"]
    first, second = (frame for name in names for frame in frames.frames([work / "out" / name]))
    assert (first.id, first.width, first.boxes.shape) == ("pictures/b", 40, (0, 4))
    assert (second.id, second.classes, second.boxes.tolist()) == ("pictures/sub/a.x", ["longcoat"], [[1, 2, 4, 6]])
    assert json.loads((work / "out" / "c_warning.json").read_text()) == {"8": [5, 6, 5, 15]}
    messages = [json.loads(line)["message"] for line in (work / "results" / "status.json").read_text().splitlines()]
    assert messages[:4] == [
        "Starting Object Detection Dataset Convert.",
        "Instantiating a coco converter",
        "Generating partitions",
        "Writing partition 0, shard 0",
    ]


def test_floats_keep_every_bit(work: Path) -> None:
    """000008 holds numbers that float32 must round, denormals and negative zero among them."""
    assert convert(work, "random_val20_shard0") == 0
    for record in read_records(work / "out" / "tfr-fold-001-of-002"):
        features = examples.decode(record)
        if features["frame/id"] == [b"images/000008"]:
            assert math.copysign(1, features["target/world_bbox_z"][0]) == -1
            assert features["target/world_bbox_rot_y"] == [1.401298464324817e-45]
            return
    pytest.fail("no frame 000008")
