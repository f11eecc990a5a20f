"""Names in annotations that lead out of the data set: refused with their place, and nothing is written elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from converters.tfrecords.examples import WORLD, encode_record
from converters.tfrecords.records import frame_record
from runtime.data import sources
from runtime.programs import inspect_records
from tltpipe.errors import DataError

Make = Callable[[Path, str], None]


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (80, 60), (9, 90, 9)).save(path)


def coco(root: Path, name: str) -> None:
    images = [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}]
    images.append({"id": 2, "file_name": name, "width": 80, "height": 60})
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 2, 30, 40], "area": 1200} for n in (1, 2)]
    page = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "vest"}]}
    picture(root / "images/a.jpg")
    (root / "train.json").write_text(json.dumps(page))


def csv(root: Path, name: str) -> None:
    rows = "".join(f"{each},80,60,vest,1,2,30,40\n" for each in ("a.jpg", name))
    picture(root / "images/a.jpg")
    (root / "train.csv").write_text(f"filename,width,height,class,xmin,ymin,xmax,ymax\n{rows}")


def voc(root: Path, name: str) -> None:
    for number, each in enumerate(("a.jpg", name)):
        box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
        size = "<size><width>80</width><height>60</height><depth>3</depth></size>"
        text = f"<annotation><filename>{each}</filename>{size}<object><name>vest</name>{box}</object></annotation>"
        path = root / f"Annotations/{'ab'[number]}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    picture(root / "JPEGImages/a.jpg")


def open_images(root: Path, name: str) -> None:
    header = (
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
    )
    rows = "".join(f"{each},x,/m/1,1,0.1,0.5,0.1,0.5,0,0,0,0,0\n" for each in ("a", name.removesuffix(".jpg")))
    picture(root / "train/a.jpg")
    (root / "train-annotations-bbox.csv").write_text(f"{header}\n{rows}")
    (root / "class-descriptions-boxable.csv").write_text("/m/1,vest\n")


def records(root: Path, name: str) -> None:
    picture(root / "images/train/a.jpg")
    (root / "train").mkdir()
    columns = [[0.0], [0.0], [0.0], [1.0], [2.0], [30.0], [40.0], *([[0.0]] * len(WORLD))]
    ids = ("images/train/a", name.removesuffix(".jpg"))
    framed = [frame_record(encode_record((each, 60, 80), ["vest"], columns)) for each in ids]
    (root / "train/train-fold-000-of-001").write_bytes(b"".join(framed))


FORMATS: dict[str, Make] = {"coco": coco, "csv": csv, "voc": voc, "open_images": open_images, "tfrecord": records}


@pytest.mark.parametrize("where", ["above", "absolute"])
@pytest.mark.parametrize("format", FORMATS)
def test_a_name_that_leads_out_of_the_data_set(tmp_path: Path, format: str, where: str, tltpipe: Any) -> None:
    picture(tmp_path / "victim.jpg")
    before = (tmp_path / "victim.jpg").read_bytes()
    name = str(tmp_path / "victim.jpg") if where == "absolute" else "../../victim.jpg"
    (tmp_path / "data").mkdir()
    FORMATS[format](tmp_path / "data", name)
    done = tltpipe("convert", tmp_path / "data", tmp_path / "made/out", "--from", format, "--to", "yolo")
    made = [path for path in (tmp_path / "made").rglob("*") if path.is_file()] if (tmp_path / "made").exists() else []
    assert {path.name for path in tmp_path.iterdir()} <= {"data", "made", "victim.jpg"}
    assert (tmp_path / "victim.jpg").read_bytes() == before
    assert done.returncode == 3, done.stderr + done.stdout
    assert f"{tmp_path}/data" in done.stderr, "the place is named"
    assert "Traceback" not in done.stderr
    assert not made


@pytest.mark.parametrize("name", ["../../victim.jpg", "/victim.jpg", "a/../../victim.jpg"])
def test_training_reads_no_frame_from_outside_its_image_folder(tmp_path: Path, name: str) -> None:
    records(tmp_path, name)
    with pytest.raises(DataError, match="victim"):
        list(sources.of_records(tmp_path / "train/train-fold-000-of-001", named=lambda frame: f"{frame}.jpg"))


def test_training_takes_frames_of_sub_folders(tmp_path: Path) -> None:
    records(tmp_path, "images/train/deep/b..c.jpg")
    read = list(sources.of_records(tmp_path / "train/train-fold-000-of-001", named=lambda frame: f"{frame}.jpg"))
    assert [each.name for each in read] == ["images/train/a.jpg", "images/train/deep/b..c.jpg"]


def test_drawing_records_writes_nothing_outside(tmp_path: Path) -> None:
    picture(tmp_path / "victim.jpg")
    before = (tmp_path / "victim.jpg").read_bytes()
    (tmp_path / "data").mkdir()
    records(tmp_path / "data", "../../victim.jpg")
    assert inspect_records.main([str(tmp_path / "data/train"), "--draw", str(tmp_path / "drawn")]) == 0
    assert (tmp_path / "victim.jpg").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"data", "drawn", "victim.jpg"}
    assert [path.name for path in (tmp_path / "drawn").rglob("*.jpg") if "victim" in path.name] == []


@pytest.mark.parametrize("line", ["../../victim.jpg", "{absolute}"])
def test_a_list_of_yolo_may_name_pictures_elsewhere_and_changes_none(tmp_path: Path, line: str, tltpipe: Any) -> None:
    """Such lists are how Darknet works: pictures are read from where they are, outputs stay in their folder."""
    picture(tmp_path / "victim.jpg")
    before = (tmp_path / "victim.jpg").read_bytes()
    picture(tmp_path / "data/images/a.jpg")
    (tmp_path / "data/labels").mkdir()
    (tmp_path / "data/labels/a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    listed = line.format(absolute=tmp_path / "victim.jpg")
    (tmp_path / "data/train.txt").write_text(f"./images/a.jpg\n{listed}\n")
    (tmp_path / "data/data.yaml").write_text("path: .\ntrain: train.txt\nnames: [vest]\n")
    done = tltpipe("convert", tmp_path / "data", tmp_path / "made/out", "--from", "yolo", "--to", "kitti")
    assert "Traceback" not in done.stderr
    assert (tmp_path / "victim.jpg").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} <= {"data", "made", "victim.jpg"}
