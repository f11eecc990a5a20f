"""Shares from 0 to 1 in a file of pixels: an error of the split, in every format and command; scaled when asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

import converters
from converters.health import examine
from converters.model import Box, Object, Sample, rules
from converters.model.coordinates import Evidence
from converters.statistics import measure
from converters.transfer import passes
from converters.transfer.convert import convert
from specs.ssd.anchor_search import figures
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Silent

SHARES = [(0.25, 0.5, 0.75, 1), (0.1, 0.2, 0.5, 0.8)]
PIXELS = [Box(25, 40, 75, 80), Box(10, 16, 50, 64)]


def csv(files: Any, rows: list[tuple[float, ...]] = SHARES, name: str = "train.csv") -> Path:
    files.picture("images/1.jpg", "images/2.jpg")
    lines = ["filename,xmin,ymin,xmax,ymax,class"]
    lines += [f"{number}.jpg,{','.join(map(str, row))},cat" for number, row in enumerate(rows, start=1)]
    path: Path = files.text(name, "\n".join(lines) + "\n")
    return path


def coco(files: Any, boxes: list[list[float]] | None = None) -> Path:
    files.picture("images/1.jpg")
    page = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 100, "height": 80}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "bbox": box, "iscrowd": 0, "area": 1}
            for n, box in enumerate(boxes or [[0.9, 0.9, 0.3, 0.3], [0.1, 0.1, 0.2, 0.2]])
        ],
    }
    return Path(files.text("annotations/instances_train.json", json.dumps(page)))


def kitti(files: Any) -> Path:
    files.picture("image_2/1.jpg")
    return Path(files.text("label_2/1.txt", "Car 0 0 0 0.25 0.5 0.75 1 0 0 0 0 0 0 0\n"))


def voc(files: Any) -> Path:
    files.picture("JPEGImages/1.jpg")
    corners = "<xmin>0.25</xmin><ymin>0.5</ymin><xmax>0.75</xmax><ymax>1</ymax>"
    text = f"<annotation><object><name>cat</name><bndbox>{corners}</bndbox></object></annotation>"
    return Path(files.text("Annotations/1.xml", text))


def tfrecord(files: Any) -> Path:
    path: Path = files.root / "train"
    with converters.open_writer("tfrecord", path, ["cat"]) as writer:
        writer.add(Sample("1", "1.jpg", 100, 80, (Object("cat", Box(0.25, 0.5, 0.75, 1)),)))
    files.picture("images/1.jpg")
    return path


def labelme(files: Any) -> Path:
    files.picture("1.jpg")
    return Path(files.labelme("1.json", files.shape("cat", "rectangle", (0.25, 0.5), (0.75, 1))))


@pytest.mark.parametrize("made", [csv, coco, kitti, voc, tfrecord, labelme])
def test_an_error_with_its_place(files: Any, tmp_path: Path, made: Any) -> None:
    path = made(files)
    error = error_of(DataError, lambda: convert(files.root, tmp_path / "out", format="coco", progress=Silent()))
    assert (error.code, error.exit_code) == (rules.SHARES.code, 3)
    assert str(error.where).startswith(str(path))
    assert "--coordinates shares" in str(error.hint)
    assert not (tmp_path / "out").exists()


def test_scaled_when_asked(files: Any, tmp_path: Path) -> None:
    csv(files)
    convert(files.root, tmp_path / "out", format="coco", coordinates="shares", progress=Silent())
    assert [thing.box for sample in converters.read("coco", tmp_path / "out") for thing in sample.objects] == PIXELS


@pytest.mark.parametrize("made", [kitti, tfrecord])
def test_scaled_in_every_format(files: Any, made: Any) -> None:
    made(files)
    (dataset,) = converters.splits(files.root, coordinates="shares")[1].values()
    assert [thing.box for sample in dataset for thing in sample.objects] == [Box(25, 40, 75, 80)]


def test_polygons_are_scaled_too(files: Any) -> None:
    files.picture("1.jpg")
    files.labelme("1.json", files.shape("cat", "polygon", (0.1, 0.1), (0.5, 0.1), (0.5, 0.5)))
    (dataset,) = converters.splits(files.root, coordinates="shares")[1].values()
    ((thing,),) = (sample.objects for sample in dataset)
    assert (thing.box, thing.polygons[0]) == (Box(10, 8, 50, 40), pytest.approx((10, 8, 50, 8, 50, 40)))


def test_taken_for_pixels_when_asked(files: Any, tmp_path: Path) -> None:
    csv(files)
    done = convert(files.root, tmp_path / "out", format="coco", coordinates="pixels", progress=Silent())
    assert done.splits["train"].items == 2
    with pytest.raises(UsageError):
        converters.splits(files.root, coordinates="percent")


def test_one_box_in_pixels_is_enough(files: Any, tmp_path: Path) -> None:
    csv(files, [*SHARES[:1], (10, 10, 20, 20)])
    assert convert(files.root, tmp_path / "out", format="coco", progress=Silent()).splits["train"].items == 2


def test_every_split_is_judged(files: Any, tmp_path: Path) -> None:
    csv(files, [(10, 10, 20, 20)])
    path = csv(files, name="val.csv")
    error = error_of(DataError, lambda: convert(files.root, tmp_path / "out", format="coco", progress=Silent()))
    assert str(error.where) == f"{path}:2"


@pytest.mark.parametrize("pixels", [True, False])
def test_over_several_chunks_and_workers(files: Any, tmp_path: Path, pixels: bool) -> None:
    """A chunk of shares alone says nothing as long as another holds pixels."""
    names = [f"{number}.jpg" for number in range(2 * passes.CHUNK + 5)]
    files.picture(*(f"images/{name}" for name in names))
    rows = [f"{name},0.1,0.1,0.5,0.5,cat" for name in names[:-1]]
    rows.append(f"{names[-1]},1,1,50,50,cat" if pixels else f"{names[-1]},0,0,1,1,cat")
    files.text("train.csv", "\n".join(["filename,xmin,ymin,xmax,ymax,class", *rows]))
    codes = []
    for work in (
        lambda: convert(files.root, tmp_path / "out", format="coco", progress=Silent(), workers=2),
        lambda: measure(converters.splits(files.root)[1], fit=figures, progress=Silent(), workers=2),
    ):
        try:
            work()
            codes.append(None)
        except DataError as problem:
            codes.append(problem.code)
    assert codes == [None if pixels else rules.SHARES.code] * 2


def test_check_reports_it_and_goes_on(files: Any) -> None:
    csv(files)
    report = examine(files.root, progress=Silent())
    (split,) = report.splits.values()
    assert {found.rule: found.count for found in split.findings}[rules.SHARES] == 1
    assert (split.pictures, split.items) == (2, 2)


@pytest.mark.parametrize(
    ("boxes", "wrong"),
    [
        ([Box(0, 0, 1, 1)], False),  # the first pixel, or all of the image
        ([Box(0, 0, 1, 1), Box(0, 0, 0.5, 1)], True),
        ([Box(10, 10, 11, 11)], False),
        ([Box(10, 10, 10.5, 10.5)], True),
        ([Box(-0.75, -0.5, 0.75, 1)], True),  # counted from 1
        ([Box(0.5, 0.5, 1.5, 1.5)], False),
        ([Box(0.1, 0.1, 0.5, 80)], False),
        ([], False),
    ],
)
def test_what_counts_as_a_share(boxes: list[Box], wrong: bool) -> None:
    evidence = Evidence()
    evidence.look(Sample("1", "1.jpg", 100, 80, tuple(Object("cat", box) for box in boxes)))
    assert (bool(evidence.shares) and not evidence.pixels) is wrong
