"""What is said of a path that is no data set, of a format that is not there, and of one that may be several."""

from __future__ import annotations

import json
from typing import Any

import pytest
from refusals import error_of

import converters
from tltpipe.errors import DataError, TltpipeError, UsageError

KITTI = "Car 0 0 0 1 2 30 40 0 0 0 0 0 0 0\n"
COCO = json.dumps({"images": [], "annotations": [], "categories": []})
VOC = "<annotation><object/></annotation>"


def failure(files: Any, format: str | None = None) -> TltpipeError:
    error = error_of(TltpipeError, converters.splits, files.root, format)
    assert error.where == files.root
    return error


def test_what_was_seen_is_listed(files: Any) -> None:
    files.picture(*(f"pictures/{number}.jpg" for number in range(12)))
    for number in range(12):
        files.text(f"notes/{number}.xml", "<note/>")
    files.text("names.lst", "vest\n")
    problem = failure(files)
    assert isinstance(problem, UsageError)
    for word in ("12 .xml", "12 .jpg", "names.lst", "2 folders"):
        assert word in problem.what
    assert str(problem.hint).startswith("nearest: voc: ")
    assert "11 more" in str(problem.hint)


def test_an_empty_folder(files: Any) -> None:
    files.root.mkdir()
    problem = failure(files)
    assert "an empty folder" in problem.what
    assert "labelme" in str(problem.hint)  # all formats are named


@pytest.mark.parametrize(
    ("name", "text", "format", "word"),
    [
        ("x/a.xml", "<note/>", "voc", "a.xml"),
        ("x/y/z/a.xml", VOC, "voc", "Annotations"),
        ("x/a.json", "{}", "coco", "annotations"),
        ("x/y/z/a.json", COCO, "coco", "a.json lies in"),
        ("labels/a.txt", KITTI, "kitti", "image_2"),
        ("x/a.txt", "0 0.5 0.5 0.1 0.1\n", "yolo", "data.yaml"),
        ("a.csv", "id,size\n1,2\n", "csv", "id, size"),
        ("a.csv", "ImageID,Source\n1,2\n", "open_images", "LabelName"),
        ("x/a.tfrecord", "nothing", "tfrecord", "a.tfrecord"),
        ("x/y/annotations.xml", "<annotations></annotations>", "cvat", "name the file itself"),
    ],
)
def test_the_nearest_format_and_what_it_lacks(files: Any, name: str, text: str, format: str, word: str) -> None:
    files.text(name, text)
    hints = str(failure(files).hint).removeprefix("nearest: ").split("; ")
    (own,) = (hint for hint in hints if hint.startswith(f"{format}: "))
    assert word in own
    asked = failure(files, format)
    assert isinstance(asked, DataError)
    assert name in asked.what
    assert word in str(asked.hint)
    assert "looked for" in str(asked.hint)


def test_a_named_format_that_is_not_there(files: Any) -> None:
    files.picture("1.jpg")
    problem = failure(files, "deepfashion2")
    assert (problem.exit_code, "1 .jpg" in problem.what) == (3, True)
    assert "annos" in str(problem.hint)


def test_several_formats_are_named_with_their_places(files: Any) -> None:
    """Tables of one kind each, in one folder."""
    files.picture("train/images/1.jpg")
    files.text("train/annotations/1.txt", "1,2,30,40,1,4,0,0\n")
    files.text("open/train-annotations-bbox.csv", "")
    files.text("train/label_2/1.txt", KITTI)
    problem = failure(files)
    assert problem.what == "this may be kitti (train: train/label_2) or visdrone (train: train/annotations)"
    assert "--from" in str(problem.hint)
