"""Formats that are only read: the items of images left out are counted by class, and no folder replaces another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.model import listed
from converters.model.findings import Findings
from converters.transfer.convert import convert
from tltpipe.errors import DataError
from tltpipe.losses import Count
from tltpipe.progress import Silent

Handmade = Mapping[str, Callable[[Path], None]]
ITEMS = {"cvat": 5, "labelme": 4, "via": 3, "visdrone": 2, "penn_fudan": 2}
"""On the first image of each data set; the second has none."""


@pytest.mark.parametrize("format", ITEMS)
def test_the_items_of_a_missing_image_are_lost_with_it(format: str, handmade: Handmade, tmp_path: Path) -> None:
    source = tmp_path / "in"
    handmade[format](source)
    classes = Counter(thing.category for sample in converters.read(format, source) for thing in sample.objects)
    next(source.rglob("1.[jp][pn]g")).unlink()
    with pytest.raises(DataError, match="lost"):
        convert(source, tmp_path / "out", format="coco", skip_bad=True, progress=Silent())
    done = convert(source, tmp_path / "out", format="coco", skip_bad=True, allow_loss=True, progress=Silent())
    assert (done.losses.written, done.losses.missing) == (Count(1, 0), Count(1, ITEMS[format]))
    assert done.losses.classes_read == classes
    done.losses.require_balance()


@pytest.mark.parametrize("format", ITEMS)
def test_items_are_those_that_a_readable_image_has(format: str, handmade: Handmade, tmp_path: Path) -> None:
    handmade[format](tmp_path)
    pictures = converters.splits(tmp_path, format)[1]["train"].pictures
    for key in pictures.keys():  # noqa: SIM118 - no mapping
        sample = pictures.load(key, Findings())
        assert sorted(listed(pictures, key)) == sorted(thing.category for thing in sample.objects)


def _labelme(files: Any, folder: str) -> None:
    files.picture(f"{folder}/{folder}.jpg")
    files.labelme(f"{folder}/{folder}.json", files.shape("vest", "rectangle", (1, 1), (30, 40)))


def _cvat(files: Any, folder: str) -> None:
    files.picture(f"{folder}/images/{folder}.jpg")
    box = '<box label="vest" occluded="0" xtl="1" ytl="2" xbr="30" ybr="40"/>'
    image = f'<image id="0" name="{folder}.jpg" width="100" height="80">{box}</image>'
    files.text(f"{folder}/annotations.xml", f"<annotations><version>1.1</version><meta/>{image}</annotations>")


def _via(files: Any, folder: str) -> None:
    files.picture(f"{folder}/{folder}.jpg")
    header = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    shape = '"{""name"":""rect"",""x"":1,""y"":2,""width"":30,""height"":40}","{""class"":""vest""}"'
    files.text(f"{folder}/via_region_data.csv", f'{header}\n{folder}.jpg,9,"{{}}",1,0,{shape}\n')


def _visdrone(files: Any, folder: str) -> None:
    files.picture(f"{folder}/images/{folder}.jpg")
    files.text(f"{folder}/annotations/{folder}.txt", "1,2,30,40,1,4,0,0\n")


def _penn_fudan(files: Any, folder: str) -> None:
    replace(files, root=files.root / folder).penn_fudan(folder, ("PASpersonWalking", (1, 2, 30, 40)))


WRITERS = {"cvat": _cvat, "labelme": _labelme, "via": _via, "visdrone": _visdrone, "penn_fudan": _penn_fudan}
ENDINGS = {"cvat": ("val", "validation"), "labelme": ("val", "valid"), "via": ("Val", "val_set")} | {
    "visdrone": ("DET-val", "DET-validation"),
    "penn_fudan": ("val", "valid"),
}


@pytest.mark.parametrize("format", WRITERS)
def test_two_folders_of_one_split_are_an_error(format: str, files: Any) -> None:
    for folder in ("train", *ENDINGS[format]):
        WRITERS[format](files, folder)
    error = error_of(DataError, converters.splits, files.root, format, match="validation split")
    assert all(folder in f"{error.where} {error}" for folder in ENDINGS[format])


@pytest.mark.parametrize("format", ["cvat", "labelme", "via", "penn_fudan"])
def test_two_years_of_one_split_are_two_splits(format: str, files: Any) -> None:
    for folder in ("train2014", "train2017", "val2017"):
        WRITERS[format](files, folder)
    datasets = converters.splits(files.root, format)[1]
    assert {name: [sample.id for sample in dataset] for name, dataset in datasets.items()} == {
        "train2014": ["train2014"],
        "train2017": ["train2017"],
        "validation": ["val2017"],
    }


def test_rows_to_ignore_are_no_items_of_an_image_that_is_left_out(files: Any, tmp_path: Path) -> None:
    files.picture("train/image_2/1.jpg", "train/image_2/2.jpg")
    row = " 0 0 0 10 10 40 40 0 0 0 0 0 0 0\n"
    for name in "123":
        files.text(f"train/label_2/{name}.txt", f"Car{row}DontCare{row}dontcare{row}")
    done = convert(files.root, tmp_path / "out", format="kitti", skip_bad=True, progress=Silent())
    assert (done.losses.read, done.losses.missing) == (Count(3, 3), Count(1, 1))
    assert done.losses.classes_read == {"Car": 3}


def test_a_class_dontcare_of_another_format_counts_as_such(sets: Any) -> None:
    Image.new("RGB", (100, 80)).save(sets.root / "1.jpg")
    Image.new("RGB", (100, 80)).save(sets.root / "2.jpg")
    (sets.root / "3.jpg").write_bytes(b"no image")
    notes = [{"image_id": image, "category_id": category} for image in (1, 2, 3) for category in (1, 2)]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "DontCare"}]
    sets.coco("train.json", "1.jpg", "2.jpg", "3.jpg", notes=notes, categories=categories)
    done = sets.convert(skip_bad=True, source_format="coco", format="kitti").done
    assert (done.losses.read, done.losses.missing) == (Count(3, 3), Count(1, 1))


def test_items_of_a_missing_image_are_counted_where_coordinates_are_named(sets: Any) -> None:
    sets.picture("a.jpg")
    sets.picture("b.jpg")
    rows = "".join(f"{name}.jpg,0.1,0.1,0.5,0.5,cat\n" for name in "aabc")
    (sets.root / "train.csv").write_text(f"filename,xmin,ymin,xmax,ymax,class\n{rows}")
    done = sets.convert(skip_bad=True, coordinates="shares").done
    assert (done.losses.read, done.losses.written, done.losses.missing) == (Count(3, 4), Count(2, 3), Count(1, 1))
