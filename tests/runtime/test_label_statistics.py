"""labels.csv and labels.png: what a training is about to learn from, counted by hand."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runtime.data.columns import Annotated
from runtime.data.fields import BOXES, Fields, Value
from runtime.data.split import Gathered, Split
from runtime.training import label_statistics
from runtime.training.label_statistics import Labels
from tltpipe.progress import Silent

CLASSES = ("shirt", "skirt", "dress")
A, B = (0, 0, 40, 20), (20, 30, 40, 80)


def split(*images: list[tuple[Any, str]], fields: Fields = BOXES) -> Split:
    """Images of 100 x 200 with boxes and their classes."""
    gathered = Gathered(fields, {name: k for k, name in enumerate(CLASSES, 1)}, CLASSES, hard=True, crowds=True)
    with Silent().bar("", total=None) as bar:
        for number, things in enumerate(images):
            boxes = np.array([box for box, _ in things], np.float32).reshape(-1, 4)
            names = [name for _, name in things]
            gathered.take([Annotated(f"{number}.png", 100, 200, names, boxes, [False] * len(names))], Path("/"), bar)
    return gathered.split((), ())


TRAINING = split([(A, "shirt"), (B, "shirt")], [(A, "skirt")], [], [(B, "shirt")])
VALIDATION = split([(B, "skirt")])


def test_the_table_counts_images_and_objects_of_each_class(tmp_path: Path) -> None:
    written = label_statistics.write(tmp_path, {"training": TRAINING, "validation": VALIDATION}, CLASSES)
    assert [path.name for path in written] == ["labels.csv", "labels.png"]
    with (tmp_path / "labels.csv").open() as stream:
        rows = [[*row.values()] for row in csv.DictReader(stream)]
    # class, images and objects in training, the same in validation, median width and height of training
    assert rows == [
        ["shirt", "2", "3", "0", "0", "20.0", "50.0"],
        ["skirt", "1", "1", "1", "1", "40.0", "20.0"],
        ["dress", "0", "0", "0", "0", "", ""],
        ["all", "4", "4", "1", "1", "30.0", "35.0"],
    ]


def test_centres_sides_and_shapes_are_shares_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = Labels(TRAINING, len(CLASSES))
    one, other = [0.2, 0.05, 0.4, 0.1], [0.3, 0.275, 0.2, 0.25]
    np.testing.assert_allclose(labels.relative, [one, other, one, other])
    np.testing.assert_allclose(labels.aspect, [0.5, 2.5, 0.5, 2.5])
    monkeypatch.setattr(label_statistics, "MOST", 2)
    np.testing.assert_allclose(Labels(TRAINING, len(CLASSES)).relative, [one, one])


def test_a_split_without_objects_or_a_task_without_boxes_has_its_picture_too(tmp_path: Path) -> None:
    label_statistics.write(tmp_path, {"training": TRAINING, "validation": split([], [])}, CLASSES)
    with Image.open(tmp_path / "labels.png") as boxes:
        wide = boxes.size
    of_images: Fields = {"label": Value(np.int64, lambda image: image.labels[:1], per="image")}
    written = label_statistics.write(
        tmp_path, {"training": split([(A, "dress")], [(A, "shirt")], fields=of_images)}, CLASSES
    )
    with Image.open(written[1]) as classes:
        assert (classes.size[0] < wide[0], classes.size[1] < wide[1]) == (True, True), "no panels of boxes"
    assert written[0].read_text().splitlines() == [
        "class,training_images,training_objects", "shirt,1,1", "skirt,0,0", "dress,1,1", "all,2,2",
    ]  # fmt: skip
    assert label_statistics.write(tmp_path, {"training": split([], fields={})}, CLASSES) == []


def test_the_picture_of_very_many_classes_does_not_grow_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_statistics, "NAMED", 10)
    many = tuple(f"class {number}" for number in range(1, 71))
    label_statistics.write(tmp_path, {"training": TRAINING}, many)
    with Image.open(tmp_path / "labels.png") as drawn:
        assert drawn.size[0] == 1600
