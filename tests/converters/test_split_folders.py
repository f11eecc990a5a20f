"""Where VOC's splits are told: folders below Annotations and JPEGImages, lists in every usual place, paths in lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from tltpipe.errors import DataError

NAME = normalize("NFC", "café")
DECOMPOSED = normalize("NFD", NAME)
KITTI = "Car 0 0 0 10 10 40 30 0 0 0 0 0 0 0\n"
YOLO = "0 0.5 0.5 0.2 0.25\n"


def page(sets: Any, folder: str, stem: str, images: str) -> None:
    sets.page(f"{folder}/{stem}.xml", f"{stem}.jpg")
    sets.picture(f"{images}/{stem}.jpg")


@pytest.mark.parametrize(("labels", "images"), [("Annotations", "JPEGImages"), ("labels", "images")])
def test_folders_of_splits_below_those_of_files_and_images(sets: Any, labels: str, images: str) -> None:
    for split in ("train", "val", "test"):
        page(sets, f"{labels}/{split}", split[0], f"{images}/{split}")
    assert sets.convert().counts == {"train": (1, 1), "validation": (1, 1), "test": (1, 1)}
    assert list(sets.convert().boxes("validation")) == ["v.jpg"]


def test_folders_of_splits_for_the_files_alone(sets: Any) -> None:
    for split in ("train", "val"):
        page(sets, f"Annotations/{split}", split, "JPEGImages")
    sets.picture("JPEGImages/lone.jpg")
    made = sets.convert()
    assert (made.counts, list(made.boxes("validation"))) == ({"train": (1, 1), "validation": (1, 1)}, ["val.jpg"])
    assert made.done.losses.missing == (1, 0)


def test_folders_of_splits_for_the_images_alone(sets: Any) -> None:
    for split in ("train", "val"):
        page(sets, "Annotations", split, f"JPEGImages/{split}")
    sets.page("Annotations/lone.xml", "lone.jpg")
    made = sets.convert()
    assert (made.counts, list(made.boxes("validation"))) == ({"train": (1, 1), "validation": (1, 1)}, ["val.jpg"])
    assert made.done.losses.missing == (1, 1)
    sets.picture("JPEGImages/val/bare.jpg")
    with pytest.raises(DataError, match="no XML file"):
        sets.convert()


def test_two_folders_of_one_split_below_annotations(sets: Any) -> None:
    for split in ("train", "val", "valid"):
        page(sets, f"Annotations/{split}", split, f"JPEGImages/{split}")
    with pytest.raises(DataError, match="validation split"):
        sets.convert()


@pytest.mark.parametrize("folder", ["ImageSets/Main", "ImageSets", "ImageSets/Segmentation", "."])
def test_lists_are_read_where_they_lie(sets: Any, folder: str) -> None:
    sets.voc(".", "a b c d")
    (sets.root / folder).mkdir(parents=True, exist_ok=True)
    (sets.root / folder / "train.txt").write_text("a\nb\n")
    (sets.root / folder / "test.txt").write_text("c\n")
    made = sets.convert()
    assert made.counts == {"train": (2, 2), "test": (1, 1)}
    assert list(made.boxes("test")) == ["c.jpg"]
    assert made.codes["F113"] == 1, "d is in no list"


def test_a_text_that_names_no_image_is_no_list(sets: Any) -> None:
    sets.voc(".", "a b")
    (sets.root / "test.txt").write_text("this set was tested in May\n")
    assert sets.convert().counts == {"train": (2, 2)}


@pytest.mark.parametrize(
    "line",
    [
        "/data/VOC/JPEGImages/x.jpg",
        "C:\\data\\JPEGImages\\x.jpg",
        "JPEGImages/x.jpg",
        "./JPEGImages/x.jpg ./Annotations/x.xml",
        "Annotations/x.xml",
        "x.jpg",
        "x  1",
        "x -1",
    ],
)
def test_lines_that_hold_more_than_a_name(sets: Any, line: str) -> None:
    sets.voc(".", "x y")
    sets.lists(".", val="y")
    (sets.root / "ImageSets/Main/train.txt").write_text(f"{line}\n")
    made = sets.convert()
    assert (made.counts, list(made.boxes())) == ({"train": (1, 1), "validation": (1, 1)}, ["x.jpg"])


@pytest.mark.parametrize(("label", "image"), [(NAME, DECOMPOSED), (DECOMPOSED, NAME)])
@pytest.mark.parametrize("format", ["kitti", "visdrone", "yolo"])
def test_names_in_another_normal_form(sets: Any, format: str, label: str, image: str) -> None:
    """Nothing is lost by that, and nothing is said to be."""
    labels, images, text = {
        "kitti": ("train/label_2", "train/image_2", KITTI),
        "visdrone": ("VisDrone2019-DET-train/annotations", "VisDrone2019-DET-train/images", "10,10,30,20,1,4,0,0\n"),
        "yolo": ("labels/train", "images/train", YOLO),
    }[format]
    (sets.root / labels).mkdir(parents=True)
    for stem, own in ((label, image), ("b", "b")):
        (sets.root / labels / f"{stem}.txt").write_text(text)
        sets.picture(f"{images}/{own}.jpg")
    if format == "yolo":
        (sets.root / "data.yaml").write_text("train: images/train\nnames: [Car]\n")
    made = sets.convert()
    assert list(map(len, made.boxes().values())) == [1, 1]
    assert (made.done.losses.read, made.done.losses.lost) == ((2, 2), {})
    assert made.codes["F111"] == 1


@pytest.mark.parametrize("line", [NAME, "caf%C3%A9"])
def test_lists_of_yolo_name_images_in_another_normal_form(sets: Any, line: str) -> None:
    (sets.root / "obj_train_data").mkdir()
    sets.picture(f"obj_train_data/{DECOMPOSED}.jpg")
    (sets.root / f"obj_train_data/{NAME}.txt").write_text(YOLO)
    (sets.root / "obj.names").write_text("cat\n")
    (sets.root / "obj.data").write_text("classes = 1\ntrain = data/train.txt\nnames = data/obj.names\n")
    (sets.root / "train.txt").write_text(f"data/obj_train_data/{line}.jpg\n")
    made = sets.convert()
    assert (made.counts, made.done.losses.lost) == ({"train": (1, 1)}, {})


@pytest.mark.parametrize(
    ("labels", "images", "text"),
    [
        ("train/label_2", "train/image_2", KITTI),
        ("VisDrone2019-DET-train/annotations", "VisDrone2019-DET-train/images", "10,10,30,20,1,4,0,0\n"),
    ],
)
def test_label_files_in_upper_case(sets: Any, labels: str, images: str, text: str) -> None:
    sets.picture(f"{images}/A.PNG")
    (sets.root / labels).mkdir(parents=True)
    (sets.root / labels / "A.TXT").write_text(text)
    assert sets.convert().counts == {"train": (1, 1)}


def test_labelme_files_in_upper_case(files: Any, sets: Any, tmp_path: Path) -> None:
    files.picture("train/A.JPG")
    made = files.labelme("train/A.json", files.shape("vest", "rectangle", (1, 1), (30, 40)), image="A.JPG")
    made.rename(made.with_suffix(".JSON"))
    assert sets.convert(tmp_path / "data").counts == {"train": (1, 1)}
