"""KITTI's DontCare is never a class: kept where the format has such regions, counted as lost where it has not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kept import Kept

import converters
from converters.health import examine
from converters.health.mending import mend
from converters.model import Box, Dataset, Object, Sample, rules
from converters.transfer import outputs
from converters.transfer.convert import convert
from converters.transfer.parts import Part
from converters.transfer.prepare import Target, prepare
from converters.transfer.transfer import transfer
from tltpipe.progress import Silent

CAR = "Car 0.00 0 -1.58 10.00 10.00 40.00 40.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
ROW = "DontCare -1 -1 -10 50.59 10.89 90.63 20.89 -1 -1 -1 -1000 -1000 -1000 -10\n"
REGION = Box(50.59, 10.89, 90.63, 20.89)


@pytest.fixture(params=["DontCare", "dontcare", "DONTCARE"])
def source(files: Any, request: pytest.FixtureRequest) -> Path:
    """Two images: a car and two regions; one region alone."""
    files.picture("train/image_2/1.png", "train/image_2/2.png")
    files.text("train/label_2/1.txt", ROW.replace("DontCare", request.param) + CAR + ROW)
    files.text("train/label_2/2.txt", ROW)
    root: Path = files.root
    return root


def converted(source: Path, target: Path, format: str) -> Any:
    return convert(source, target, format=format, progress=Silent()).splits["train"]


def test_read(source: Path) -> None:
    dataset = converters.read("kitti", source)
    first, second = dataset
    assert dataset.categories == ("Car",)
    assert [thing.category for thing in first.objects] == ["Car"]
    assert (first.ignored, second.objects, second.ignored) == ((REGION, REGION), (), (REGION,))


def test_rows_survive_in_kitti_and_in_records(source: Path, tmp_path: Path) -> None:
    converted(source, tmp_path / "records", "tfrecord")
    records = converters.read("tfrecord", tmp_path / "records")
    assert records.categories == ("Car",)
    assert [len(sample.ignored) for sample in records] == [2, 1]
    for name, format in (("records", "tfrecord"), ("data", "kitti")):
        done = converted(tmp_path / name, tmp_path / f"{name} again", "kitti")
        labels = tmp_path / f"{name} again/train/label_2"
        assert (labels / "1.txt").read_text().splitlines()[1:] == [ROW.rstrip(), ROW.rstrip()], format
        assert (labels / "2.txt").read_text() == ROW
        assert (done.items, rules.IGNORE_REGION in {found.rule for found in done.findings}) == (1, False)
    assert (tmp_path / "data again/classes.txt").read_text() == "Car\n"


@pytest.mark.parametrize("format", ["coco", "yolo", "voc", "csv", "open_images"])
def test_counted_as_lost_elsewhere(source: Path, tmp_path: Path, format: str) -> None:
    done = converted(source, tmp_path / "out", format)
    lost = {found.rule: found.count for found in done.findings if found.rule.loses}
    assert (done.images, done.items, dict(done.categories), lost) == (2, 1, {"Car": 1}, {rules.IGNORE_REGION: 3})
    assert (tmp_path / "out/classes.txt").read_text() == "Car\n"
    (dataset,) = converters.splits(tmp_path / "out", format)[1].values()
    assert [len(sample.objects) for sample in dataset] == [1, 0] if format != "csv" else [1, 0]


@pytest.mark.parametrize("format", ["coco", "yolo", "voc", "csv"])
def test_a_class_of_that_name_in_another_format(files: Any, tmp_path: Path, format: str) -> None:
    """Made by a tool that takes it for one."""
    files.picture("1.jpg")
    car, region = Object("Car", Box(10, 10, 40, 40)), Object("DontCare", Box(50, 10, 90, 20))
    sample = Sample("1", str(files.root / "1.jpg"), 100, 80, (car, region))
    part = Part("train", Dataset(("DontCare", "Car"), Kept((sample,))), outputs.plan(format, tmp_path / "in", "train"))
    texts = outputs.texts(format, tmp_path / "in", ("DontCare", "Car"), ["train"])
    transfer([part], journal=tmp_path / ".journal", progress=Silent(), texts=texts)
    (dataset,) = converters.splits(tmp_path / "in", format)[1].values()
    assert (dataset.categories, [len(each.ignored) for each in dataset]) == (("Car",), [1])
    done = converted(tmp_path / "in", tmp_path / "out", "kitti")
    assert dict(done.categories) == {"Car": 1}
    assert (tmp_path / "out/train/label_2/1.txt").read_text().splitlines()[1][:29] == "DontCare -1 -1 -10 50.00 10.0"


def test_prepare_has_it_in_the_labels_and_in_no_class(source: Path, tmp_path: Path) -> None:
    dataset, target = converters.read("kitti", source), Target(tmp_path / "train.json", tmp_path / "label")
    prepare({"train": (dataset, target)}, class_maps=(tmp_path,), journal=tmp_path / ".journal", progress=Silent())
    page = json.loads((tmp_path / "train.json").read_text())
    assert [entry["name"] for entry in page["categories"]] == ["Car"]
    assert len(page["annotations"]) == 1
    assert (tmp_path / "label/2.txt").read_text() == ROW
    assert (tmp_path / "classes.txt").read_text() == "Car\n"


def test_a_class_map_that_lists_it(source: Path) -> None:
    (source / "classes.txt").write_text("DontCare\nCar\n")
    assert converters.read("kitti", source).categories == ("Car",)


def test_check_tells_of_it_and_its_copy_keeps_it(source: Path, tmp_path: Path) -> None:
    report = examine(source, progress=Silent())
    (split,) = report.splits.values()
    assert dict(split.classes) == {"Car": 1}
    assert {found.rule: found.count for found in split.findings}[rules.IGNORE_REGION] == 3
    mend(source, tmp_path / "mended", progress=Silent())
    assert (tmp_path / "mended/train/label_2/2.txt").read_text() == ROW


def test_testing_without_labels_is_a_split_without_annotations(files: Any, tmp_path: Path) -> None:
    files.picture("training/image_2/1.png", "testing/image_2/7.png", "testing/image_2/8.png")
    files.text("training/label_2/1.txt", CAR)
    splits = converters.splits(files.root)[1]
    assert {name: dataset.annotated for name, dataset in splits.items()} == {"train": True, "test": False}
    assert [sample.id for sample in splits["test"]] == ["7", "8"]
    for format in ("coco", "kitti"):
        done = convert(files.root, tmp_path / format, format=format, progress=Silent())
        counts = {name: (split.images, split.items) for name, split in done.splits.items()}
        assert counts == {"train": (1, 1), "test": (2, 0)}
        again = converters.splits(tmp_path / format)[1]
        assert [len(list(dataset)) for dataset in again.values()] == [1, 2]
    assert {name: dataset.annotated for name, dataset in again.items()} == {"train": True, "test": False}
    assert list((tmp_path / "kitti/test/label_2").iterdir()) == []


def test_fiftyone_folders(files: Any) -> None:
    files.picture("data/1.png")
    files.text("labels/1.txt", CAR + ROW)
    format, splits = converters.splits(files.root)
    (sample,) = splits["train"]
    assert (format, len(sample.objects), len(sample.ignored)) == ("kitti", 1, 1)
