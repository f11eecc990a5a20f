"""Images in the folders of no split are lost with the items on them, where annotations lie as those of splits do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters.transfer.convert import convert
from tltpipe.errors import DataError
from tltpipe.losses import Count
from tltpipe.progress import Silent

CLASSES = {"cat": 0, "dog": 1}


def yolo(files: Any, split: str, category: str) -> None:
    files.picture(f"images/{split}/1.jpg")
    files.text(f"labels/{split}/1.txt", f"{CLASSES[category]} 0.5 0.5 0.2 0.25\n" * 2)
    files.text("data.yaml", "train: images/train\nval: images/val\nnames: [cat, dog]\n")


def labelme(files: Any, split: str, category: str) -> None:
    files.picture(f"{split}/1.jpg")
    shape = files.shape(category, "rectangle", (1, 1), (30, 40))
    files.labelme(f"{split}/1.json", shape, shape)


def voc(files: Any, split: str, category: str) -> None:
    files.picture(f"JPEGImages/{split}/1.jpg")
    box = "<bndbox><xmin>11</xmin><ymin>11</ymin><xmax>40</xmax><ymax>30</ymax></bndbox>"
    thing = f"<object><name>{category}</name>{box}</object>"
    files.text(f"Annotations/{split}/1.xml", f"<annotation><filename>1.jpg</filename>{thing * 2}</annotation>")


@pytest.mark.parametrize("make", [yolo, labelme, voc])
def test_items_outside_the_splits_are_counted(make: Callable[..., None], files: Any, tmp_path: Path) -> None:
    for split in ("train", "val", "holdout"):
        make(files, split, "cat")
    done = convert(files.root, tmp_path / "out", format="coco", progress=Silent())
    assert (done.losses.read, done.losses.written, done.losses.missing) == (Count(3, 6), Count(2, 4), Count(1, 2))
    make(files, "holdout", "dog")
    with pytest.raises(DataError, match="dog"):
        convert(files.root, tmp_path / "other", format="coco", progress=Silent())
    done = convert(files.root, tmp_path / "other", format="coco", progress=Silent(), allow_loss=True)
    assert {name: reasons for name, (_, reasons) in done.losses.emptied().items()} == {
        "dog": {"images outside the folders of every split": 2}
    }
