"""Sizes that annotations record are held against the images by every command that writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from refusals import error_of

from converters.health import examine
from converters.health.mending import mend
from converters.model import Box, Sample, run_lengths
from converters.model.findings import Findings
from converters.partition import work
from converters.pictures import headers, image_sizes
from converters.transfer import opening
from converters.transfer.prepare import Target, prepare
from tltpipe.errors import DataError
from tltpipe.progress import Silent


def coco(sets: Any, size: tuple[int, int], name: str) -> Path:
    record = {"file_name": f"{name}.jpg", "width": size[0], "height": size[1]}
    path: Path = sets.coco("annotations/instances_train.json", record, {"file_name": "right.jpg"})
    return path


def voc(sets: Any, size: tuple[int, int], name: str) -> Path:
    sets.page("Annotations/right.xml", "right.jpg")
    path: Path = sets.page(f"Annotations/{name}.xml", f"{name}.jpg", size)
    return path


def csv(sets: Any, size: tuple[int, int], name: str) -> Path:
    header = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    rows = f"{name}.jpg,{size[0]},{size[1]},cat,10,10,40,30\nright.jpg,100,80,cat,10,10,40,30\n"
    path: Path = sets.root / "train.csv"
    path.write_text(header + rows)
    return path


FOLDERS = {coco: "images/train", voc: "JPEGImages", csv: "images/train"}
everywhere = pytest.mark.parametrize("write", FOLDERS)


def spoilt(write: Any, sets: Any, size: tuple[int, int] = (200, 160)) -> Path:
    for name in ("odd", "right"):
        sets.picture(f"{FOLDERS[write]}/{name}.jpg")
    path: Path = write(sets, size, "odd")
    return path


@everywhere
@pytest.mark.parametrize("size", [(200, 160), (99, 80), (80, 100)])
@pytest.mark.parametrize("format", ["yolo", "kitti", "coco"])
def test_another_size_stops_a_conversion(write: Any, size: tuple[int, int], format: str, sets: Any) -> None:
    path = spoilt(write, sets, size)
    error = error_of(DataError, sets.convert, match=f"100 x 80.*{size[0]} x {size[1]}", format=format)
    assert (error.code, error.exit_code, error.where.path) == ("I204", 3, path)
    made = sets.convert(format=format, skip_bad=True)
    assert made.counts == {"train": (1, 1)}
    assert made.codes["F106"] == 1
    assert (made.target / "left-out.txt").read_text().startswith("odd\t")


@everywhere
def test_another_size_stops_without_images_too_and_split_and_prepare(write: Any, sets: Any, tmp_path: Path) -> None:
    spoilt(write, sets)
    assert error_of(DataError, sets.convert, pictures="none").code == "I204"
    assert error_of(DataError, lambda: work.split(sets.root, tmp_path / "sides", progress=Silent())).code == "I204"
    assert error_of(DataError, prepared, sets.root, tmp_path).code == "I204"


@everywhere
def test_check_tells_of_it_and_scales(write: Any, sets: Any, tmp_path: Path) -> None:
    spoilt(write, sets)
    assert {found.rule.code: found.count for found in examine(sets.root, progress=Silent()).findings}["I204"] == 1
    mend(sets.root, tmp_path / "mended", progress=Silent())
    scaled = sets.convert(tmp_path / "mended").boxes()["odd.jpg"]
    assert [value for _, box in scaled for value in box] == pytest.approx([5, 5, 15, 10], abs=0.01)


def prepared(root: Path, out: Path, **options: Any) -> Any:
    dataset = opening.splits(root, None)[1]["train"]
    target = Target(out / "train.json", out / "label")
    return prepare(
        {"train": (dataset, target)}, class_maps=(out,), journal=out / "journal", progress=Silent(), **options
    )["train"]


def test_records_are_held_against_their_images(sets: Any) -> None:
    for name in ("odd", "right"):
        sets.picture(f"images/train/{name}.jpg")
    coco(sets, (100, 80), "odd")
    records = sets.convert(format="tfrecord").target
    odd = records / "images/train/odd.jpg"
    odd.unlink()
    Image.new("RGB", (50, 40)).save(odd)
    assert error_of(DataError, sets.convert, records).code == "I204"


# Images that are not there


@everywhere
def test_images_that_are_not_there(write: Any, sets: Any, tmp_path: Path) -> None:
    spoilt(write, sets, (100, 80))
    (sets.root / FOLDERS[write] / "odd.jpg").unlink()
    for stopped in (lambda: sets.convert(), lambda: prepared(sets.root, tmp_path)):
        error = error_of(DataError, stopped)
        assert (error.code, error.exit_code) == ("F101", 3)
    assert prepared(sets.root, tmp_path, skip_bad=True).images == 1
    if write is not voc:  # which says what is on pictures by their names
        made = sets.convert(pictures="none")
        assert made.counts == {"train": (2, 2)}
        assert made.codes == {"F112": 1}


def test_a_coco_file_alone_is_converted_without_images(sets: Any) -> None:
    sets.coco("train.json", "a.jpg", "b.jpg")
    made = sets.convert(pictures="none", format="yolo")
    assert made.counts == {"train": (2, 2)}
    assert made.codes == {"F112": 2}
    assert (made.target / "labels/train/a.txt").read_text() == "0 0.25 0.25 0.3 0.25\n"


# EXIF


def test_what_is_annotated_as_shown_is_turned_to_the_pixels_as_stored(sets: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise: 80 x 100
    sets.picture("images/train/a.jpg", exif=exif)
    sets.coco(
        "annotations/instances_train.json",
        {"file_name": "a.jpg", "width": 80, "height": 100},
        notes=[{"image_id": 1, "bbox": [10, 20, 30, 40], "segmentation": [[10, 20, 40, 20, 40, 60]]}],
    )
    made = sets.convert()
    assert made.codes == {"I208": 1}
    # A pixel x, y of 100 x 80 is shown at 80 - y, x: shown 10 to 40 across is stored 40 to 70 down.
    assert made.boxes() == {"a.jpg": [("cat", [20, 40, 40, 30])]}
    record = json.loads((made.target / "annotations/instances_train.json").read_text())
    assert [record["images"][0][side] for side in ("width", "height")] == [100, 80]
    assert record["annotations"][0]["segmentation"] == [[20, 70, 20, 40, 60, 40]]


def test_pixels_and_regions_to_ignore_are_turned_with_the_objects(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (100, 80)).save(tmp_path / "a.jpg", exif=exif)
    pixels = np.zeros((100, 80), np.uint8)
    pixels[20:60, 10:40] = 1
    shown = Sample("a", f"{tmp_path}/a.jpg", 80, 100, ignored=(Box(10, 20, 40, 60),), void=run_lengths.encode(pixels))
    stored = image_sizes.checked(shown, Findings())
    assert (stored.width, stored.height, stored.ignored) == (100, 80, (Box(20, 40, 60, 70),))
    assert stored.void is not None
    assert (stored.void.width, stored.void.height, run_lengths.box(stored.void)) == (100, 80, Box(20, 40, 60, 70))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.webp", "a.jpg", "a.tif"])
def test_all_kinds_of_images_are_measured(name: str, sets: Any) -> None:
    sets.picture(f"images/train/{name}", (120, 80))
    sets.coco("annotations/instances_train.json", name)
    assert error_of(DataError, sets.convert).code == "I204"


def test_a_size_is_held_against_a_header_that_was_just_read(sets: Any) -> None:
    path = str(sets.picture("a.jpg"))
    findings = Findings()
    width, height = headers.look(path, findings)
    right = Sample("a", path, width, height)
    assert image_sizes.checked(right, findings) is right
    assert error_of(DataError, image_sizes.checked, Sample("a", path, height, width), findings).code == "I204"
