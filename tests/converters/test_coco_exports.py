"""COCO as other programs export it: texts for numbers, boxes left out, splits under their own names, LVIS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

import converters
from converters.formats import coco
from converters.model.splits import Place, by_name, split_name
from tltpipe.errors import DataError, UsageError

TRAIN = "annotations/instances_train.json"
RLE = {"size": [80, 100], "counts": [80 * 10 + 10, 20, 60, 20, 8000 - 80 * 10 - 10 - 100]}


def box(sets: Any, **fields: Any) -> list[float]:
    """The box of the one item with these fields."""
    sets.picture("images/train/a.jpg")
    sets.coco(TRAIN, "a.jpg", notes=[{"image_id": 1} | fields])
    made = sets.convert()
    assert made.counts == {"train": (1, 1)}
    ((_, found),) = made.boxes()["a.jpg"]
    return list(found)


POLYGON = [[10, 10, 40, 10, 40, 30]]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"bbox": [], "segmentation": POLYGON}, [10, 10, 30, 20]),
        ({"bbox": None, "segmentation": POLYGON}, [10, 10, 30, 20]),
        ({"bbox": ..., "segmentation": POLYGON}, [10, 10, 30, 20]),
        ({"bbox": [0, 0, 0, 0], "segmentation": POLYGON}, [10, 10, 30, 20]),
        ({"bbox": [0.0, 0.0, 0.0, 0.0], "segmentation": POLYGON}, [10, 10, 30, 20]),
        ({"bbox": [], "segmentation": [*POLYGON, [50, 40, 60, 40, 60, 70]]}, [10, 10, 50, 60]),
        ({"bbox": [], "segmentation": POLYGON[0]}, [10, 10, 30, 20]),
        ({"bbox": [], "segmentation": RLE}, [10, 10, 2, 20]),
        ({"bbox": ..., "segmentation": RLE, "iscrowd": 1}, [10, 10, 2, 20]),
        ({"segmentation": []}, [10, 10, 30, 20]),
        ({"segmentation": ...}, [10, 10, 30, 20]),
        ({"segmentation": None, "iscrowd": ..., "area": ...}, [10, 10, 30, 20]),
        ({"bbox": ["10", "10.0", "30", "20"]}, [10, 10, 30, 20]),
        ({"bbox": [10.5, 10.0, 30.25, 20.0]}, [10.5, 10, 30.25, 20]),
        ({"iscrowd": "0", "area": "600"}, [10, 10, 30, 20]),
        ({"iscrowd": 0.0, "category_id": 1.0, "image_id": 1.0}, [10, 10, 30, 20]),
        ({"category_id": "1", "image_id": "1"}, [10, 10, 30, 20]),
    ],
)
def test_boxes_as_exports_write_them(fields: dict[str, Any], expected: list[float], sets: Any) -> None:
    assert box(sets, **fields) == expected


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"bbox": []}, "bbox"),
        ({"bbox": ...}, "bbox"),
        ({"bbox": [], "segmentation": [[]]}, "bbox"),
        ({"bbox": ["10", "x", 3, 4]}, 'the string "x"'),
        ({"category_id": "one"}, 'the string "one"'),
        ({"category_id": "5"}, 'the string "5"'),
        ({"image_id": "one"}, 'the string "one"'),
    ],
)
def test_what_cannot_be_read_has_its_place(fields: dict[str, Any], word: str, sets: Any) -> None:
    sets.picture("images/train/a.jpg")
    path = sets.coco(TRAIN, "a.jpg", notes=[{"image_id": 1} | fields])
    error = error_of(DataError, sets.convert, match=word)
    assert error.exit_code == 3
    assert (error.where.path, error.where.line) == (path, 1)


@pytest.mark.parametrize("kind", [int, str, float])
@pytest.mark.parametrize("other", [int, str, float])
def test_ids_may_be_texts_on_one_side(kind: type, other: type, sets: Any) -> None:
    """As pylabel has them, from 0 on; which is which stays what the file says."""
    for name in "ab":
        sets.picture(f"images/train/{name}.jpg")

    def texts(number: int, type: type) -> Any:
        return str(number) if type is str else type(number)

    images = [{"id": texts(number, other), "file_name": f"{name}.jpg"} for number, name in enumerate("ab")]
    notes = [
        {"image_id": texts(1, kind), "category_id": texts(0, kind)},
        {"image_id": texts(0, kind), "category_id": texts(1, kind), "bbox": [1, 2, 3, 4]},
    ]
    categories = [{"id": texts(number, other), "name": name} for number, name in enumerate(("LP", "car"))]
    sets.coco(TRAIN, *images, notes=notes, categories=categories)
    made = sets.convert()
    assert made.boxes() == {"a.jpg": [("car", [1, 2, 3, 4])], "b.jpg": [("LP", [10, 10, 30, 20])]}


def test_texts_and_numbers_are_two_things_where_both_are_listed(sets: Any) -> None:
    for name in "ab":
        sets.picture(f"images/train/{name}.jpg")
    categories = [{"id": 0, "name": "number"}, {"id": "0", "name": "text"}]
    images = [{"id": 7, "file_name": "a.jpg"}, {"id": "7", "file_name": "b.jpg"}]
    notes = [{"image_id": 7, "category_id": "0"}, {"image_id": "7", "category_id": 0}]
    sets.coco(TRAIN, *images, notes=notes, categories=categories)
    assert {name: items[0][0] for name, items in sets.convert().boxes().items()} == {"a.jpg": "text", "b.jpg": "number"}


def test_an_area_of_nothing_is_counted_anew(sets: Any) -> None:
    import json

    sets.picture("images/train/a.jpg")
    sets.coco(TRAIN, "a.jpg", notes=[{"image_id": 1, "bbox": [], "area": 0, "segmentation": POLYGON}])
    page = json.loads((sets.convert().target / TRAIN).read_text())
    assert [each["area"] for each in page["annotations"]] == [600]


def test_texts_of_voc_do_not_become_difficult(sets: Any) -> None:
    sets.picture("images/train/a.jpg")
    sets.coco(TRAIN, "a.jpg", notes=[{"image_id": 1, "difficult": "0", "truncated": "0", "pose": "Unspecified"}])
    (page,) = sets.convert(format="voc").target.rglob("a.xml")
    assert "<difficult>0</difficult>" in page.read_text()


# LVIS, and other fields that name the image


def test_lvis_has_urls_and_two_folders(sets: Any) -> None:
    for name in ("train2017/000000000009.jpg", "val2017/000000000025.jpg"):
        sets.picture(name)
    urls = [
        f"http://images.cocodataset.org/{name}" for name in ("train2017/000000000009.jpg", "val2017/000000000025.jpg")
    ]
    sets.coco("annotations/lvis_v1_val.json", *({"coco_url": url, "neg_category_ids": [5]} for url in urls))
    made = sets.convert()
    assert made.counts == {"validation": (2, 2)}
    assert made.codes == {}
    assert made.boxes("validation") == {
        "train2017/000000000009.jpg": [("cat", [10, 10, 30, 20])],
        "val2017/000000000025.jpg": [("cat", [10, 10, 30, 20])],
    }


def test_lvis_in_one_folder(sets: Any) -> None:
    sets.picture("images/train2017/9.jpg")
    sets.coco("annotations/lvis_v1_train.json", {"coco_url": "http://images.cocodataset.org/train2017/9.jpg"})
    assert list(sets.convert().boxes().values()) == [[("cat", [10, 10, 30, 20])]]


@pytest.mark.parametrize(
    "fields",
    [
        {"path": "/datasets/x/a.jpg"},
        {"file_name": "", "url": "https://x/y/a.jpg"},
        {"file_name": None, "coco_url": "http://x/y/a.jpg"},
    ],
)
def test_other_fields_name_the_image(fields: dict[str, Any], sets: Any) -> None:
    sets.picture("images/train/a.jpg")
    sets.coco(TRAIN, fields)
    assert sets.convert().boxes() == {"a.jpg": [("cat", [10, 10, 30, 20])]}


def test_nothing_names_the_image(sets: Any) -> None:
    sets.coco(TRAIN, {"width": 100})
    with pytest.raises(DataError, match="file_name"):
        sets.convert(pictures="none")


# Splits


@pytest.mark.parametrize(
    ("names", "known"),
    [
        ("train Train TRAINING trn train2017 Train_2017 trainset", "train"),
        ("val Val valid Valid Validation VALIDATION dev val2017 valset", "validation"),
        ("test Test testing test2017 test_set", "test"),
        ("test-dev shop2017 traffic values minival trainval detest", None),
    ],
)
def test_names_of_splits(names: str, known: str | None) -> None:
    assert {name: split_name(name) for name in names.split()} == {name: known or name for name in names.split()}


@pytest.mark.parametrize(("train", "val"), [("Train", "Validation"), ("training", "VALID"), ("train2017", "val2017")])
@pytest.mark.parametrize("format", ["yolo", "kitti", "voc", "coco"])
def test_splits_are_written_under_their_usual_names(train: str, val: str, format: str, sets: Any) -> None:
    for name in (train, val):
        sets.picture(f"images/{name}/Data/{name}.bmp")
        sets.coco(f"annotations/instances_{name}.json", f"Data/{name}.bmp")
    made = sets.convert(format=format)
    assert made.counts == {"train": (1, 1), "validation": (1, 1)}
    assert converters.splits(made.target)[1].keys() == {"train", "validation"}
    if format == "yolo":
        text = (made.target / "data.yaml").read_text()
        assert "train: images/train\nval: images/validation\n" in text


@pytest.mark.parametrize("asked", ["validation", "Validation", "val", "VALID"])
def test_a_split_may_be_asked_for_under_any_of_its_names(asked: str, sets: Any) -> None:
    for name in ("Train", "Validation"):
        sets.picture(f"images/{name}/{name}.jpg")
        sets.coco(f"annotations/instances_{name}.json", f"{name}.jpg")
    assert sets.convert(splits=(asked,)).counts == {"validation": (1, 1)}
    assert "train, validation" in str(error_of(UsageError, sets.convert, splits=("test",)).hint)


@pytest.mark.parametrize(
    "names", [("train.csv", "Train.csv"), ("val.csv", "valid.csv"), ("train.csv", "annotations.csv")]
)
def test_two_tables_of_one_split_are_an_error(names: tuple[str, str], sets: Any) -> None:
    for name in names:
        (sets.root / name).write_text("filename,class,xmin,ymin,xmax,ymax\na.jpg,cat,1,2,3,4\n")
    with pytest.raises(DataError, match="split"):
        converters.splits(sets.root, "csv")


def test_a_file_in_lower_case_finds_its_folder(sets: Any) -> None:
    sets.picture("images/Train/a.jpg")
    sets.picture("images/Val/a.jpg")
    for name in ("train", "val"):
        sets.coco(f"annotations/instances_{name}.json", "a.jpg")
    assert sets.convert().counts == {"train": (1, 1), "validation": (1, 1)}


def test_two_years_are_two_splits(sets: Any) -> None:
    for year in ("2014", "2017"):
        sets.picture(f"train{year}/{year}.jpg")
        sets.coco(f"annotations/instances_train{year}.json", f"{year}.jpg")
    made = sets.convert()
    assert made.counts == {"train2014": (1, 1), "train2017": (1, 1)}
    assert list(made.boxes("train2014")) == ["2014.jpg"]


@pytest.mark.parametrize("names", [("train", "Train"), ("val", "valid"), ("train", "train2017")])
def test_two_files_of_one_split_are_an_error(names: tuple[str, str], sets: Any) -> None:
    for name in names:
        sets.coco(f"annotations/instances_{name}.json", "a.jpg")
    assert all(name in str(error_of(DataError, coco.find, sets.root)) for name in names)


def test_captions_and_keypoints_are_no_second_split(sets: Any) -> None:
    sets.picture("images/train2017/a.jpg")
    for kind in ("instances", "captions", "person_keypoints"):
        sets.coco(f"annotations/{kind}_train2017.json", "a.jpg")
    assert sets.convert().counts == {"train": (1, 1)}


@pytest.mark.parametrize("format", ["kitti", "voc", "yolo", "tfrecord"])
def test_two_folders_of_one_split_are_an_error_in_every_format(format: str, sets: Any) -> None:
    sets.picture("images/train/a.jpg")
    sets.coco(TRAIN, "a.jpg")
    made = sets.convert(format=format).target
    for split in ("val", "valid"):
        for folder in [path for path in made.rglob("train") if path.is_dir()]:
            (folder.parent / split).symlink_to(folder, target_is_directory=True)
    (made / "data.yaml").unlink(missing_ok=True)
    error = error_of(DataError, converters.splits, made, format)
    assert '"val"' in str(error)
    assert '"valid"' in str(error)


def test_by_name_keeps_the_order() -> None:
    place = Place(Path(), Path(), Path())
    assert list(by_name((name, place) for name in ("shop", "Test", "val", "TRAIN"))) == [
        "train",
        "validation",
        "test",
        "shop",
    ]


def test_a_split_that_lost_its_file_is_counted(sets: Any) -> None:
    for name in ("train/a", "val/b", "val/c", "test/d"):
        sets.picture(f"images/{name}.jpg")
    sets.coco(TRAIN, "a.jpg")
    made = sets.convert()
    (told,) = made.done.splits["train"].findings
    assert (told.rule.code, told.count) == ("F114", 2)
    assert made.done.losses.missing.images == 3, "those of the test split are not written, either"
    sets.coco("annotations/instances_val.JSON", "b.jpg", "c.jpg")
    again = sets.convert()
    assert again.counts == {"train": (1, 1), "validation": (2, 2)}
    assert again.codes == {}


def test_two_files_for_one_split_are_an_error(sets: Any) -> None:
    for name, stem in (("instances_train", "a"), ("train", "b")):
        sets.picture(f"images/train/{stem}.jpg")
        sets.coco(f"annotations/{name}.json", f"{stem}.jpg")
    with pytest.raises(DataError, match="train split"):
        sets.convert()
    (sets.root / "annotations/train.json").rename(sets.root / "annotations/person_keypoints_train.json")
    made = sets.convert()
    assert (made.counts, made.done.losses.missing) == ({"train": (1, 1)}, (1, 0)), "another task on the same images"
