"""Images in the folders of no split are lost with the items on them, where annotations lie as those of splits do."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters.files.strays import Claim, checksum, checksums, strays
from converters.model import Sample
from converters.model.findings import Findings
from converters.model.splits import Place
from converters.transfer.chunk_records import Records
from converters.transfer.convert import convert
from converters.transfer.selection import Selection
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


def test_a_name_that_is_known_in_one_folder_is_not_in_the_folder_beside_it(tmp_path: Path, files: Any) -> None:
    for name in ("bbbb/1.jpg", "cccc/1.jpg"):
        files.picture(name)
    places = [Place(tmp_path, tmp_path / "a.json", folder) for folder in (files.root, files.root / "bbbb")]
    names = array("I"), array("I", [checksum("1")])
    claims = [Claim(place, own, labels=False) for place, own in zip(places, names, strict=True)]
    assert [(stray.path, stray.claim) for stray in strays(claims)] == [("cccc/1.jpg", 0)]


def test_files_of_annotations_are_known_each_once() -> None:
    records = Records((), Selection(), frozenset(), (), annotated=False)
    for image, page in (("i/1.jpg", "a.json"), ("i/2.jpg", "a.json"), ("i/3.jpg", "b.json"), ("i/4.jpg", None)):
        records.add(Sample(image, image, 9, 9, annotations_path=page), Findings())
    paths = ["i/1", "a", "i/2", "i/3", "b", "i/4"]
    assert list(checksums(records.paths)) == list(map(checksum, paths))
    assert list(checksums(records.names)) == [checksum(f"i/{number}.jpg") for number in range(1, 5)]
