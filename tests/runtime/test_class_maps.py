"""Results refer to the workspace's map: ids of classes and pictures as its COCO files have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from coco_judge import judged
from PIL import Image

from runtime.inference.result_names import ResultName, result_names
from runtime.programs import evaluate, infer
from runtime.tasks.detection import class_maps
from tltpipe.errors import UsageError

CATEGORIES = [{"id": 30, "name": "Square"}, {"id": 7, "name": "circle"}]


def draw(folder: Path, *names: str, size: tuple[int, int] = (64, 48)) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (90, 120, 200)).save(folder / name)
    return [folder / name for name in names]


def coco(path: Path, images: dict[int, str], size: tuple[int, int] = (64, 48)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = [{"id": id, "file_name": name, "width": size[0], "height": size[1]} for id, name in images.items()]
    path.write_text(json.dumps({"images": listed, "annotations": [], "categories": CATEGORIES}))
    return path


def test_ids_are_those_of_the_file_that_has_the_pictures(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "val", "a.jpg", "deep/b.jpg", "c.png")
    maps = [coco(tmp_path / "train.json", {1: "a.jpg"}), coco(tmp_path / "val.json", {40: "a.jpg", 12: "deep/b.jpg"})]
    found = class_maps.ids(maps, pictures, ("circle", "square", "star"))
    assert found.classes == {"circle": 7, "square": 30, "star": 31}
    assert list(found.pictures.values()) == [40, 12, 41]
    assert str(maps[1]) in found.about[1]
    assert "1 of 3" in found.about[2]


def test_other_pictures_of_the_same_names_are_not_taken_for_them(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "mine", "a.jpg", "b.jpg", size=(32, 32))
    found = class_maps.ids([coco(tmp_path / "val.json", {40: "a.jpg", 12: "b.jpg"})], pictures, ("circle",))
    assert (list(found.pictures.values()), found.classes) == ([1, 2], {"circle": 7})


def test_one_name_in_several_folders_is_nobodys(tmp_path: Path) -> None:
    pictures = draw(tmp_path, "x/a.jpg", "y/a.jpg")
    found = class_maps.ids([coco(tmp_path / "val.json", {40: "a.jpg"})], pictures, ("circle",))
    assert list(found.pictures.values()) == [1, 2]


def test_classes_stand_in_the_order_of_the_map(tmp_path: Path) -> None:
    assert class_maps.order(coco(tmp_path / "val.json", {}), ("circle", "other", "square")) == [2, 0, 1]


def test_no_two_pictures_share_a_label_file(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "in", "a.jpg", "a.png", "b.jpg", "deep/a.jpg")
    assert list(result_names(pictures, [tmp_path / "in"]).values()) == [
        ResultName("a.jpg", "a.jpg.txt"),
        ResultName("a.png", "a.png.txt"),
        ResultName("b.jpg", "b.txt"),
        ResultName("deep/a.jpg", "deep/a.txt"),
    ]
    with pytest.raises(UsageError, match=r"in/a.jpg and .*/in/deep/a.jpg have the same name"):
        result_names(pictures, [])
    clash = draw(tmp_path / "other", "a.jpg", "a.png", "a.jpg.jpg")
    with pytest.raises(UsageError, match="same name"):
        result_names(clash)


@pytest.mark.torch
def test_infer_writes_the_ids_of_the_map(learned: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = sorted(path.name for path in learned.pictures.iterdir())
    path = coco(tmp_path / "val.json", {500 + n: name for n, name in enumerate(names)}, (96, 96))
    given = ["ssd", "-i", learned.pictures, "-m", learned.model, "-t", "0.02", "--coco", tmp_path / "results.json"]
    assert infer.main([*map(str, given), "--class_map", str(path), "-l", str(tmp_path / "labels")]) == 0
    assert f"image ids are those of {path}" in capsys.readouterr().out
    records = json.loads((tmp_path / "results.json").read_text())
    assert len(records) > 5
    for record in records:
        assert names[record["image_id"] - 500] == record["file_name"]
    for name in names:
        classes = [line.split()[0] for line in (tmp_path / f"labels/{Path(name).stem}.txt").read_text().splitlines()]
        own = [record["category_id"] for record in records if record["file_name"] == name]
        assert own == [{"circle": 7, "square": 30}[each] for each in classes]


@pytest.mark.torch
def test_evaluate_keeps_what_any_evaluator_of_coco_counts_alike(learned: Any, tmp_path: Path) -> None:
    names = sorted(path.name for path in learned.pictures.iterdir())
    path = coco(tmp_path / "val.json", {500 + n: name for n, name in enumerate(names)}, (1920, 1080))
    plain = ["ssd", "-e", str(learned.spec), "-m", str(learned.model), "--no-plots"]
    assert evaluate.main([*plain, "-r", str(tmp_path / "before")]) == 0
    assert evaluate.main([*plain, "-r", str(tmp_path), "--coco", "--class_map", str(path)]) == 0
    before, told = (
        json.loads((folder / "evaluation/evaluation.json").read_text()) for folder in (tmp_path / "before", tmp_path)
    )
    assert list(told["average_precision"]) == ["square", "circle"] == [row["class"] for row in told["classes"]]
    assert told["average_precision"] == before["average_precision"]
    assert told["coco"] == before["coco"]
    assert told["confusion"]["counts"][0][0] == before["confusion"]["counts"][1][1]
    folder = tmp_path / "evaluation"
    figures = judged(folder / "coco_annotations.json", folder / "coco_results.json")
    truth = json.loads((folder / "coco_annotations.json").read_text())
    assert {each["id"]: each["name"] for each in truth["categories"]}.items() >= {30: "square", 7: "circle"}.items()
    assert {(each["file_name"], each["id"]) for each in truth["images"]} <= {
        (name, 500 + n) for n, name in enumerate(names)
    }
    assert figures[:2] == pytest.approx([told["coco"]["AP"], told["coco"]["AP50"]], abs=2e-3)
    assert told["coco"]["AP50"] > 0.1
