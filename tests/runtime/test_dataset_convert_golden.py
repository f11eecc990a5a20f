"""Every case that NVIDIA's converter was run on, through our program: files, records, what is said, what fails.

Where that converter fails it leaves the files begun; ours leaves nothing. Where it fails for reasons of its own (a
prefix without a folder part) ours goes on. The last line of status.json is that of its script.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from converters.tfrecords import examples
from converters.tfrecords.records import offsets, read_records
from runtime.programs import dataset_convert

FOLDER = Path(__file__).parents[1] / "golden"
CASES: dict[str, dict[str, Any]] = json.loads((FOLDER / "kitti_convert.json").read_text())["cases"]
ROWS = json.loads((FOLDER / "kitti_split_counts.json").read_text())["rows"]
OURS = {"err_output_without_dir"}
"""Cases that fail with NVIDIA's converter alone."""
SUCCEEDS = [name for name, case in CASES.items() if case["error"] is None]
FAILS = {"err_cols14": "000002.txt:1", "err_missing_label": "000002.txt", "err_class_with_space": "000002.txt:1"}


def test_no_case_is_left_out() -> None:
    assert {*SUCCEEDS, *FAILS, *OURS} == set(CASES)


def features(told: dict[str, Any]) -> dict[str, tuple[type, list[Any]]]:
    """The golden form of a record (kind, values; nan and inf as text): kind and values of each feature."""
    kinds: dict[str, Any] = {
        "bytes_list": (examples.Bytes, str.encode),
        "float_list": (examples.Floats, lambda value: float(np.float32(float(value)))),
        "int64_list": (examples.Integers, int),
    }
    return {key: (kinds[kind][0], [kinds[kind][1](value) for value in values]) for key, (kind, values) in told.items()}


def read(record: bytes) -> dict[str, tuple[type, list[Any]]]:
    return {key: (type(each), list(each.values)) for key, each in examples.features(record).items() if each is not None}


def status_lines(folder: Path) -> list[dict[str, Any]]:
    """Those of status.json, but for when they were written."""
    lines = [json.loads(line) for line in (folder / "status.json").read_text().splitlines()]
    for line in lines:
        assert line.pop("date").count("/") == 2
        assert line.pop("time").count(":") == 2
    return lines


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", SUCCEEDS)
def test_files_and_records(nvidia: Any, name: str, workers: int) -> None:
    assert nvidia.convert(name, "--workers", str(workers)) == 0
    told = CASES[name]["files"]
    written = [path.name for path in (nvidia.work / "out").iterdir() if not path.name.startswith(".")]
    assert sorted(written) == [entry["file"] for entry in told]
    for entry in told:
        path = nvidia.work / "out" / entry["file"]
        if "json" in entry:
            content = json.loads(path.read_text())
            assert content == json.loads(json.dumps(entry["json"]).replace("$W", str(nvidia.work)))
            assert path.read_text() == json.dumps(content, indent=2)
            continue
        assert path.stat().st_size == entry["bytes"]
        records = list(read_records(path))
        assert len(records) == entry["n_records"]
        assert [len(record) for record in records] == entry.get("record_bytes", [])
        assert [hashlib.sha256(record).hexdigest() for record in records] == entry.get("record_det_sha256", [])
        for record, expected in zip(records, entry.get("records", []), strict=True):
            found = read(record)
            if isinstance(expected, str):
                assert found["frame/id"] == (examples.Bytes, [expected.encode()])
            else:
                assert found == features(expected)


@pytest.mark.parametrize("name", SUCCEEDS)
def test_status(nvidia: Any, name: str) -> None:
    assert nvidia.convert(name, "-r", "results") == 0
    *lines, last = status_lines(nvidia.work / "results")
    assert lines == CASES[name]["status_json"]
    assert (last["status"], last["message"]) == ("SUCCESS", "Dataset convert finished successfully.")


@pytest.mark.parametrize(("name", "place"), FAILS.items())
def test_failures(nvidia: Any, capsys: pytest.CaptureFixture[str], name: str, place: str) -> None:
    assert CASES[name]["error"] is not None
    assert nvidia.convert(name, "-r", "results") == 3
    message = capsys.readouterr().err
    assert f"error: {nvidia.work}/data_{name}/labels/{place}: " in message
    assert "hint: " in message
    assert not (nvidia.work / "out").exists()
    *lines, last = status_lines(nvidia.work / "results")
    assert lines == CASES[name]["status_json"]
    assert last["status"] == "FAILURE"
    assert place in last["message"]


@pytest.mark.parametrize("name", OURS)
def test_prefix_without_folder(nvidia: Any, name: str) -> None:
    assert nvidia.convert(name, prefix="tfr_nodir") == 0
    whole = CASES["random_val20_shard10"]["files"]
    names = sorted(path.name for path in nvidia.work.glob("tfr_nodir*"))
    assert names == [entry["file"].replace("tfr", "tfr_nodir", 1) for entry in whole]


def test_split_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number of images with every percentage; none at all is an error with us."""
    monkeypatch.chdir(tmp_path)
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "one.jpg")
    (tmp_path / "empty.txt").touch()
    drawn = 0
    assert len(ROWS) == 90
    for count, percent, validation, training in sorted(ROWS):
        for number in range(drawn, count):
            os.link("one.jpg", f"images/{number}.jpg")
            os.link("empty.txt", f"labels/{number}.txt")
        drawn = count
        Path("convert.conf").write_text(
            f"""kitti_config {{ root_directory_path: "{tmp_path}" image_dir_name: "images" label_dir_name: "labels"
            image_extension: ".jpg" partition_mode: "random" num_partitions: 2 val_split: {percent} }}"""
        )
        code = dataset_convert.main(["-d", "convert.conf", "-o", "out/x", "--workers", "1"])
        if not count:
            assert code == 3
            continue
        assert code == 0
        found = [len(list(offsets(path))) for path in sorted(Path("out").glob("[!.]*"))]
        assert found == [part for part in (validation, training) if part], (count, percent)
