"""Several data sets made one: classes and splits by name, clashing names, what is lost of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import converters
from converters.transfer.convert import convert
from orchestrator.cli import app
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Silent

Items = Mapping[str, Sequence[tuple[str, tuple[int, int, int, int]]]]


def write_coco(root: Path, classes: Sequence[str], items: Items, split: str = "train", shade: int = 0) -> Path:
    """``items``: the class and the box (left, top, right, bottom) of each item of each picture."""
    (root / "images" / split).mkdir(parents=True)
    (root / "annotations").mkdir(exist_ok=True)
    images, annotations = [], []
    for number, (name, things) in enumerate(items.items(), start=1):
        Image.new("RGB", (80, 60), (shade, number, 0)).save(root / "images" / split / name)
        images.append({"id": number, "file_name": name, "width": 80, "height": 60})
        for category, (left, top, right, bottom) in things:
            box = [left, top, right - left, bottom - top]
            record = {"id": len(annotations) + 1, "image_id": number, "category_id": classes.index(category) + 1}
            annotations.append(record | {"bbox": box, "area": box[2] * box[3], "iscrowd": 0})
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    page = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(page))
    return root


def write_yolo(root: Path, classes: Sequence[str], items: Items, split: str = "train") -> Path:
    source = write_coco(root.with_name(f"{root.name}-coco"), classes, items, split, shade=200)
    convert(source, root, format="yolo", pictures="copy", progress=Silent())
    return root


ONE = ("shirt", (10, 10, 40, 50))
TWO = ("hat", (20, 10, 60, 30))


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    first = write_coco(tmp_path / "first", ["shirt"], {"a.jpg": [ONE], "b.jpg": [ONE, ONE]})
    second = write_yolo(tmp_path / "second", ["hat", "shirt"], {"a.jpg": [TWO, ONE], "c.png": [TWO]})
    write_coco(first, ["shirt"], {"v.jpg": [ONE]}, split="validation")
    return first, second


def merged(target: Path, split: str = "train") -> dict[str, list[tuple[str, tuple[float, ...]]]]:
    return {
        sample.id: [
            (thing.category, (thing.box.left, thing.box.top, thing.box.right, thing.box.bottom))
            for thing in sample.objects
        ]
        for sample in converters.read("coco", target, split)
    }


def test_classes_and_splits_by_name_and_clashing_pictures_under_another_name(
    sets: tuple[Path, Path], tmp_path: Path
) -> None:
    done = convert(sets, tmp_path / "out", format="coco", progress=Silent())
    assert done.source_format == "coco + yolo"
    assert (tmp_path / "out/classes.txt").read_text() == "shirt\nhat\n"
    assert merged(tmp_path / "out") == {"a": [ONE], "b": [ONE, ONE], "second_a": [TWO, ONE], "c": [TWO]}
    assert merged(tmp_path / "out", "validation") == {"v": [ONE]}
    with Image.open(tmp_path / "out/images/train/second_a.jpg") as image:
        assert image.getpixel((0, 0))[0] > 150  # type: ignore[index]
    assert done.losses.as_json() == {
        "in": {"images": 5, "items": 7},
        "out": {"images": 5, "items": 7},
        "lost": [],
    }
    assert [note for note in done.notes if "1 images of second" in note]


def test_the_same_bytes_every_time_and_resumable_journal_gone(sets: tuple[Path, Path], tmp_path: Path) -> None:
    for name in ("one", "other"):
        convert(sets, tmp_path / name / "out", format="kitti", progress=Silent())
    trees = [
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "other")
        if (tmp_path / name).is_dir()
    ]
    files = [{path: content for path, content in tree.items() if not path.endswith(".lock")} for tree in trees]
    assert files[0] == files[1]
    assert not list(tmp_path.rglob("*.journal"))


def test_what_lies_astray_in_either_set_is_counted(sets: tuple[Path, Path], tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(sets[0] / "images/train/nobody.jpg")
    (sets[1] / "images/train/c.png").unlink()
    done = convert(sets, tmp_path / "out", format="coco", progress=Silent())
    assert done.losses.lost == {
        "images that no annotation lists": (1, 0),
        "left out: annotations whose picture is missing": (1, 1),
    }
    assert (done.losses.read, done.losses.written) == ((6, 7), (4, 6))


def test_case_is_said_and_other_landmarks_are_an_error(sets: tuple[Path, Path], tmp_path: Path) -> None:
    third = write_coco(tmp_path / "third", ["Shirt"], {"z.jpg": [("Shirt", ONE[1])]})
    done = convert([sets[0], third], tmp_path / "out", format="coco", progress=Silent())
    assert any('"shirt" and "Shirt"' in note for note in done.notes)
    for root, points in ((sets[0], ["a", "b"]), (third, ["a", "b", "c"])):
        path = root / "annotations/instances_train.json"
        page = json.loads(path.read_text())
        page["categories"][0] |= {"name": "shirt", "keypoints": points, "skeleton": []}
        path.write_text(json.dumps(page))
    with pytest.raises(DataError, match="landmarks of shirt") as caught:
        convert([sets[0], third], tmp_path / "bad", format="coco", progress=Silent())
    assert str(third) in str(caught.value.where)
    with pytest.raises(UsageError, match='no set has a split "test"'):
        convert(sets, tmp_path / "bad", format="coco", splits=["test"], progress=Silent())


def test_the_command(sets: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["convert", *map(str, sets), str(out), "--to", "voc", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["losses"]["in"] == told["losses"]["out"] == {"images": 5, "items": 7}
    assert told["splits"]["train"]["losses"]["out"] == {"images": 4, "items": 6}
    assert (out / "train/Annotations/second_a.xml").is_file()


def renumbered(root: Path, ids: Mapping[str, int]) -> Path:
    """The data set with other ids of its classes."""
    for path in (root / "annotations").iterdir():
        page = json.loads(path.read_text())
        new = {record["id"]: ids[record["name"]] for record in page["categories"]}
        page["categories"] = [record | {"id": new[record["id"]]} for record in page["categories"]]
        page["annotations"] = [each | {"category_id": new[each["category_id"]]} for each in page["annotations"]]
        path.write_text(json.dumps(page))
    return root


def test_class_ids_of_the_first_set_that_has_them(tmp_path: Path) -> None:
    first = renumbered(write_coco(tmp_path / "first", ["shirt", "hat"], {"a.jpg": [ONE, TWO]}), {"shirt": 7, "hat": 30})
    other = write_coco(tmp_path / "other", ["shoe", "shirt", "belt"], {"b.jpg": [ONE]}, shade=9)
    renumbered(other, {"shoe": 30, "shirt": 11, "belt": 12})
    convert([first, other], tmp_path / "out", format="coco", progress=Silent())
    page = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    ids = {record["name"]: record["id"] for record in page["categories"]}
    assert ids == {"shirt": 7, "hat": 30, "belt": 12, "shoe": 31}
    assert [each["category_id"] for each in page["annotations"]] == [7, 30, 7]


def test_what_is_odd_about_one_of_the_sets_is_said(sets: tuple[Path, Path], tmp_path: Path) -> None:
    """Images of a split that has no annotation file."""
    (sets[0] / "annotations/instances_validation.json").unlink()
    alone = convert(sets[0], tmp_path / "alone", format="coco", progress=Silent(), allow_loss=True)
    both = convert(sets, tmp_path / "both", format="coco", progress=Silent(), allow_loss=True)
    codes = [[each.rule.code for each in done.splits["train"].findings] for done in (alone, both)]
    assert "F114" in codes[0]
    assert "F114" in codes[1]
    assert both.losses.lost == alone.losses.lost
