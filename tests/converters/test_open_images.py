"""Open Images tables: shares of a picture, flags that may be unknown, names behind codes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.formats import csv, open_images
from converters.model import Box, Object, Sample
from converters.transfer import outputs
from tltpipe.errors import DataError, Location

HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
ROW = "000a,xclick,/m/01g317,1,0.125,0.5,0.25,0.75,1,0,0,0,0"


def split(root: Path, *rows: str, name: str = "train-annotations-bbox.csv", end: str = "\n") -> Path:
    """A table as it is published, with pictures of 80 x 60."""
    folder = root / name.removesuffix("-annotations-bbox.csv")
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        with contextlib.suppress(OSError, ValueError):
            Image.new("RGB", (80, 60)).save(folder / f"{row.split(',')[0]}.jpg")
    (root / name).write_text(end.join((HEADER, *rows)), "utf-8", newline="")
    return root / name


def samples(path: Path) -> list[Sample]:
    return list(converters.read("open_images", path))


def told(path: Path) -> DataError:
    return error_of(DataError, samples, path)


@pytest.mark.parametrize("descriptions", ["/m/01g317,Person\n", "\ufeffLabelName,DisplayName\r\n/m/01g317,Person\r\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_reads_what_is_published(tmp_path: Path, descriptions: str, end: str) -> None:
    rows = [ROW, "000b,xclick,/m/0,1,0,1,0,1,-1,-1,-1,-1,-1", ROW.replace("1,0,0,0,0", "0,1,1,0,0")]
    split(tmp_path, *rows, end=end)
    (tmp_path / "class-descriptions-boxable.csv").write_text(descriptions, "utf-8", newline="")
    dataset = converters.read("open_images", tmp_path)
    assert dataset.categories == ("/m/0", "Person")
    first, second = dataset
    box = Box(10, 15, 40, 45)
    assert first.objects == (Object("Person", box, occlusion=1), Object("Person", box, truncation=1.0, crowd=True))
    assert [thing.origin for thing in first.objects] == [2, 4]
    assert second.objects == (Object("/m/0", Box(0, 0, 80, 60), occlusion=3),)
    assert (first.id, Path(first.image), first.width, first.height) == ("000a", tmp_path / "train" / "000a.jpg", 80, 60)


def test_finds_splits_that_csv_leaves_alone(tmp_path: Path) -> None:
    for name in ("validation-annotations-bbox.csv", "oidv6-train-annotations-bbox.csv", "test-annotations-bbox.csv"):
        split(tmp_path, ROW, name=name)
    (tmp_path / "class-descriptions-boxable.csv").write_text("/m/01g317,Person\n")
    assert list(open_images.find(tmp_path)) == ["train", "validation", "test"]
    assert list(open_images.find(tmp_path / "validation-annotations-bbox.csv")) == ["validation"]
    assert csv.find(tmp_path) == {}
    assert open_images.find(tmp_path / "class-descriptions-boxable.csv") == {}


def test_there_and_back_with_names_that_need_quotes(tmp_path: Path) -> None:
    (tmp_path / "train" / "sub").mkdir(parents=True)
    for name in ("a, b.png", "sub/2.jpg", "3.jpg"):
        Image.new("RGB", (300, 123)).save(tmp_path / "train" / name)
    things = (
        Object('Bow "tie", red', Box(0.1, 2.37, 299.9999, 77.77), occlusion=2, truncation=0.1),
        Object("vest", Box(3, 4, 5, 6), occlusion=3, crowd=True),
        Object("vest", Box(-1, 4, 301, 6), occlusion=1, truncation=1.0),
    )
    before = [
        Sample("a, b", f"{tmp_path}/train/a, b.png", 300, 123, things),
        Sample("sub/2", f"{tmp_path}/train/sub/2.jpg", 300, 123),
        Sample("3", f"{tmp_path}/train/3.jpg", 300, 123, things[1:]),
    ]
    path = tmp_path / "train-annotations-bbox.csv"
    with converters.open_writer("open_images", path, ["vest", 'Bow "tie", red']) as writer:
        for each in before:
            writer.add(each)
    for where, text in outputs.texts("open_images", tmp_path, ["vest", 'Bow "tie", red'], ["train"]).items():
        where.write_text(text)
    dataset = converters.read("open_images", tmp_path)
    assert list(dataset) == before
    assert dataset.categories == ("vest", 'Bow "tie", red')
    assert path.read_text().splitlines()[4].startswith("sub/2,,,")
    assert path.read_text().splitlines()[5] == (
        "3,xclick,vest,1,0.01,0.0166666667,0.0325203252,0.0487804878,-1,0,1,0,0,3,0"
    )


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        *((ROW.replace("0.125", bad), 25, "XMin must be a number") for bad in ("x", "nan", "1e400", "٣")),
        (ROW.replace("0.125", "120"), 25, "XMin is 120, but must be from 0 to 1"),
        (ROW.replace(",1,0,0,0,0", ",7,0,0,0,0"), 45, "IsOccluded is 7"),
        (ROW.replace("/m/01g317", ""), 13, "class is missing"),
        (ROW.replace("000a", ".."), 1, "cannot be the name"),
        (ROW.replace("000a", ""), 1, "cannot be the name"),
        ("000a,xclick,/m/01g317,1,0.125", None, "must be a number"),
    ],
)
def test_errors_name_line_and_column(tmp_path: Path, row: str, column: int | None, message: str) -> None:
    path = split(tmp_path, ROW, row)
    problem = told(path)
    assert message in str(problem)
    assert problem.where == Location(path, 3, column)


def test_missing_pictures_descriptions_and_classes_are_told(tmp_path: Path) -> None:
    path = split(tmp_path, ROW)
    (tmp_path / "classes.txt").write_text("vest\n")
    assert (told(path).code, told(path).where) == ("C604", Location(path, 2, 13))
    (tmp_path / "classes.txt").unlink()
    (tmp_path / "train" / "000a.jpg").unlink()
    assert told(path).code == "F101"
    (tmp_path / "class-descriptions-boxable.csv").write_text("/m/0,a\n/m/1\n")
    assert told(path).where == Location(tmp_path / "class-descriptions-boxable.csv", 2)


@pytest.mark.parametrize("split", ["", "train", "validation"])
def test_fiftyone_folders(files: Any, split: str) -> None:
    below = f"{split}/" if split else ""
    files.picture(f"{below}data/aa.jpg")
    header = HEADER.partition(",Occlusion")[0]
    files.text(f"{below}labels/detections.csv", f"{header}\naa,x,/m/01,1,0.1,0.5,0.25,0.5,0,0,0,0,0\n")
    files.text(f"{below}labels/classifications.csv", "ImageID,Source,LabelName,Confidence\naa,x,/m/01,1\n")
    files.text(f"{below}metadata/classes.csv", "/m/01,Dog\n/m/02,Cat\n")
    format, splits = converters.splits(files.root)
    ((name, dataset),) = splits.items()
    (sample,) = dataset
    assert (format, name, Path(sample.image)) == ("open_images", split or "train", files.root / f"{below}data/aa.jpg")
    assert [(thing.category, thing.box) for thing in sample.objects] == [("Dog", Box(10, 20, 50, 40))]
