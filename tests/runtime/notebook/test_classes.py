"""Class numbers in DALI's records: those of the spec that converted them, or nothing is trained."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.programs import dataset_convert, train
from runtime.weights.checkpoint import load

Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")
CLASSES = ("car", "cyclist", "pedestrian")
PREFIX = "/data/tfrecords/kitti_train"


@pytest.fixture
def converted(street: Any) -> Any:
    assert dataset_convert.main(["ssd", "-d", str(street.conversion(classes=CLASSES)), "-o", PREFIX]) == 0
    return street


def run(street: Any, *classes: str, epochs: int = 1) -> int:
    spec = street.training("tlt3", classes=classes, epochs=epochs)
    return train.main(["ssd", "-e", str(spec), "-r", str(street.root / "out")])


def test_the_same_classes_train_under_their_names(converted: Any) -> None:
    assert run(converted, "pedestrian", "car", "cyclist") == 0  # the order in the spec does not count
    [model] = (converted.root / "out/weights").glob("*_epoch_001.safetensors")
    assert load(model, key=None).classes == CLASSES


@pytest.mark.parametrize("classes", [(*CLASSES, "bus"), ("bus", "cyclist", "pedestrian"), ("car", "cyclist")])
def test_other_classes_are_refused(converted: Any, classes: tuple[str, ...], capsys: Capture) -> None:
    assert run(converted, *classes) == 3
    told = capsys.readouterr().err
    assert "kitti_train-fold-000-of-002" in told
    assert "car, cyclist, pedestrian;" in told
    assert ", ".join(sorted(classes)) in told
    assert not (converted.root / "out").exists()


@pytest.mark.parametrize(
    ("classes", "code", "told"),
    [
        ((*CLASSES, "bus"), 0, "go to 3, the spec has 4 classes"),
        (("bus", "car", "cyclist"), 0, "1 bus, 2 car, 3 cyclist"),
        (("car", "cyclist"), 3, "class number 3, but the spec has 2 classes"),
    ],
)
def test_records_of_nvidias_converter_have_no_list(
    converted: Any, classes: tuple[str, ...], code: int, told: str, capsys: Capture
) -> None:
    (converted.root / "tfrecords/kitti_train_classes.txt").unlink()
    assert run(converted, *classes) == code
    assert told in capsys.readouterr().err


def test_a_class_without_objects_is_no_doubt_where_there_is_a_list(street: Any, capsys: Capture) -> None:
    """ "van" is the last of four, and no box has it."""
    four = (*CLASSES, "van")
    assert dataset_convert.main(["ssd", "-d", str(street.conversion(classes=four)), "-o", PREFIX]) == 0
    assert run(street, *four) == 0
    told = capsys.readouterr().err
    assert "no box in the training data for: van" in told
    assert "the spec has 4 classes" not in told


def test_records_of_png_images_with_a_spec_that_cannot_name_their_extension(street: Any, capsys: Capture) -> None:
    """TLT 3.0 has no image_extension: images of plain records are those with the frame's name."""
    assert dataset_convert.main(["-d", str(street.conversion()), "-o", PREFIX]) == 0
    data = """
      data_sources: { tfrecords_path: "/data/tfrecords/*" image_directory_path: "/data/training" }"""
    spec = street.training("tlt3", epochs=1, data=data)
    assert train.main(["ssd", "-e", str(spec), "-r", str(street.root / "out")]) == 0
    printed = capsys.readouterr()
    assert "training    16 images, 48 boxes" in printed.out
    assert "image_extension" not in printed.err


def test_boxes_that_are_shares_are_told_when_they_are_converted(street: Any, capsys: Capture) -> None:
    for path in (street.root / "training/label_2").iterdir():
        rows = [row.split() for row in path.read_text().splitlines()]
        shares = [[*row[:4], *(f"{float(value) / 96:.4f}" for value in row[4:8]), *row[8:]] for row in rows]
        path.write_text("".join(" ".join(row) + "\n" for row in shares))
    line = ["-d", str(street.conversion()), "-o", PREFIX]
    assert dataset_convert.main(line) == 3
    assert "shares of the image" in capsys.readouterr().err
    assert not list(street.root.glob("tfrecords/*"))
    assert dataset_convert.main([*line, "--allow-loss"]) == 0
    told = capsys.readouterr().err
    assert "48 boxes of no area" in told
    assert "shares of the image" in told
