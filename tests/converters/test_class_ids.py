"""Ids of categories and images: those of the user's COCO file go from one COCO file to the next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

import converters
from tltpipe.progress import Silent


def numbered(root: Path, ids: dict[int, str], *, split: str = "train", images: tuple[int, ...] = (40, 12)) -> Path:
    """A data set of COCO with these categories, an image with one of each for every id in ``images``."""
    for number in images:
        (root / "images" / split).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 60)).save(root / "images" / split / f"pic_{number}.png")
    annotations = [
        {"id": 100 * number + id, "image_id": number, "category_id": id, "bbox": [id, 2, 9, 9], "iscrowd": 0}
        for number in images
        for id in ids
    ]
    content = {
        "images": [{"id": n, "file_name": f"pic_{n}.png", "width": 80, "height": 60} for n in images],
        "annotations": annotations,
        "categories": [{"id": id, "name": name} for id, name in ids.items()],
    }
    (root / "annotations").mkdir(exist_ok=True)
    (root / f"annotations/instances_{split}.json").write_text(json.dumps(content))
    return root


def converted(source: Path, target: Path, **selection: Any) -> dict[str, Any]:
    """The COCO file that ``convert`` makes of the split to train on; its categories as {id: name}, in their order."""
    from converters.transfer.convert import convert
    from converters.transfer.selection import Selection

    convert(source, target, format="coco", progress=Silent(), selection=Selection(**selection))
    content = json.loads((target / "annotations/instances_train.json").read_text())
    content["categories"] = {each["id"]: each["name"] for each in content["categories"]}
    names = {each["id"]: content["categories"][each["category_id"]] for each in content["annotations"]}
    assert [names[each["id"]] for each in content["annotations"]] == list(names.values())
    return content  # type: ignore[no-any-return]


def test_ids_of_the_file_survive(tmp_path: Path) -> None:
    source = numbered(tmp_path / "raw", {30: "truck", 7: "car", 11: "bus"})
    content = converted(source, tmp_path / "out")
    assert content["categories"] == {7: "car", 11: "bus", 30: "truck"}
    assert [image["id"] for image in content["images"]] == [40, 12]
    assert {(a["image_id"], a["category_id"], a["bbox"][0]) for a in content["annotations"]} == {
        (image, id, id) for image in (40, 12) for id in (7, 11, 30)
    }


def test_classes_are_in_the_order_asked_for_and_keep_their_ids(tmp_path: Path) -> None:
    source = numbered(tmp_path / "raw", {7: "car", 11: "bus", 30: "truck"})
    content = converted(source, tmp_path / "out", classes=("truck", "car"))
    assert list(content["categories"].items()) == [(30, "truck"), (7, "car")]
    assert (tmp_path / "out/classes.txt").read_text() == "truck\ncar\n"
    again = converters.splits(tmp_path / "out")[1]["train"]
    assert (again.categories, dict(again.ids)) == (("truck", "car"), {"truck": 30, "car": 7})
    assert {thing.category: thing.box.left for sample in again for thing in sample.objects} == {"car": 7, "truck": 30}


def test_merged_and_new_classes_have_free_ids(tmp_path: Path) -> None:
    source = numbered(tmp_path / "raw", {7: "car", 11: "bus", 30: "truck"})
    content = converted(source, tmp_path / "out", rename={"truck": "car", "bus": "coach"})
    assert content["categories"] == {7: "car", 11: "coach"}


def test_splits_that_number_otherwise_get_the_ids_of_the_first(tmp_path: Path) -> None:
    source = numbered(tmp_path / "raw", {7: "car", 11: "bus"})
    numbered(source, {11: "car", 12: "van"}, split="validation", images=(40,))
    content = converted(source, tmp_path / "out")
    assert content["categories"] == {7: "car", 11: "bus", 12: "van"}
    held = json.loads((tmp_path / "out/annotations/instances_validation.json").read_text())
    assert [(a["category_id"], a["bbox"][0]) for a in held["annotations"]] == [(7, 11), (12, 12)]


def test_ids_that_are_texts_are_numbered(tmp_path: Path) -> None:
    source = numbered(tmp_path / "raw", {7: "car", 11: "bus"})
    path = source / "annotations/instances_train.json"
    content = json.loads(path.read_text())
    for category in content["categories"]:
        category["id"] = str(category["id"])
    for annotation in content["annotations"]:
        annotation["category_id"] = str(annotation["category_id"])
    path.write_text(json.dumps(content))
    assert converted(source, tmp_path / "out")["categories"] == {1: "car", 2: "bus"}
