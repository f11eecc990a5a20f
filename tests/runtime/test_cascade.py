"""Two models in a row: exported graphs that answer in known places, by the real program and from Python."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fixed_model import model
from PIL import Image
from refusals import error_of

pytest.importorskip("onnxruntime")

from converters.model import Mask, run_lengths
from runtime.inference.cascade import load_cascade
from runtime.inference.cascade_task import OBJECT, PART_OF, CascadeTask, apart, require_boxes
from runtime.inference.crop_stage import CUT_OFF, surviving
from runtime.inference.crops import Crops
from runtime.programs import infer
from runtime.tasks import detection
from tltpipe.errors import UsageError

PEOPLE = [[16, 16, 56, 112], [64, 16, 104, 112], [120, 120, 122, 124]]
"""Of 128 x 128: two people, and one too small to be cropped."""
CLOTHES = [[16, 16, 48, 32], [8, 40, 56, 64]]
"""Of a crop that is seen at 64 x 64."""


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    people = model(tmp_path / "people.onnx", ("dog", "person"), 128, PEOPLE, [2, 2, 2])
    return people, model(tmp_path / "clothes.onnx", ("shirt", "shorts"), 64, CLOTHES, [1, 2])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (256, 128), (200, 180, 190)).save(folder / "light.png")
    Image.new("RGB", (64, 64), (9, 9, 9)).save(folder / "dark.png")
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return folder


def test_clothes_lie_where_they_are_on_the_whole_image(
    models: tuple[Path, Path], pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people, clothes = models
    words = ["ssd", "-i", pictures, "-m", clothes, "--cascade", people, "-r", tmp_path / "out", "-t", "0.5"]
    more = ["--coco", tmp_path / "coco.json", "--cascade_margin", "0.25", "--cascade_threshold", "0.5"]
    assert infer.main([str(word) for word in [*words, *more]]) == 3  # one image cannot be read, the others are done
    printed = capsys.readouterr()
    assert "torn.jpg" in printed.err
    assert "2 crops, 1 too small to be cropped" in printed.out
    assert "nothing to crop on 1 of 2 images" in printed.out
    # Person 1 is at 32..112 x 16..112 of the image; a quarter more on every side is a crop of 12..132 x 0..128.
    records = json.loads((tmp_path / "coco.json").read_text())
    first = [each for each in records if each.get("object") == 1 or each.get("part_of") == 1]
    assert [each["bbox"] for each in first] == [
        [32, 16, 80, 96], [12 + 0.25 * 120, 0.25 * 128, 0.5 * 120, 0.25 * 128],
        [12 + 0.125 * 120, 0.625 * 128, 0.75 * 120, 0.375 * 128],
    ]  # fmt: skip
    assert [(each["category_id"], each.get("object"), each.get("part_of")) for each in first] == [
        (4, 1, None), (1, None, 1), (2, None, 1),
    ]  # fmt: skip
    assert {each["file_name"] for each in records} == {"light.png"}
    lines = (tmp_path / "out/labels/light.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines].count("person") == 3
    assert (tmp_path / "out/labels/dark.txt").read_text() == ""
    assert sorted(path.name for path in (tmp_path / "out/images_annotated").iterdir()) == ["dark.png", "light.png"]


def test_images_in_memory_give_the_same(models: tuple[Path, Path], pictures: Path) -> None:
    cascade = load_cascade(*models, threshold=0.5, crops=Crops(classes=("person",), margin=0))
    assert cascade.classes == ("shirt", "shorts", "person")
    pixels = np.asarray(Image.open(pictures / "light.png"))
    for found in cascade.predict([pictures / "light.png", pixels]):
        people, clothes = apart(found.fields)
        assert people["boxes"].tolist() == [[32, 16, 112, 112], [128, 16, 208, 112], [240, 120, 244, 124]]
        assert clothes[PART_OF].tolist() == [1, 2, 1, 2]
        assert clothes["boxes"][1].tolist() == [128 + 20, 16 + 24, 128 + 60, 16 + 48]
        assert found.names[:3] == ["person", "shirt", "shirt"]
    assert len(cascade(np.zeros((90, 80), np.uint8))) == 0
    nothing = load_cascade(*models, crops=Crops(classes=("dog",)))(pixels)
    assert len(nothing) == 0


def test_masks_of_clothes_lie_on_the_whole_image(models: tuple[Path, Path], pictures: Path, tmp_path: Path) -> None:
    people, clothes = models[0], model(tmp_path / "m.onnx", ("shirt", "shorts"), 64, CLOTHES, [1, 2], "mask_rcnn")
    words = ["mask_rcnn", "-i", pictures / "light.png", "-m", clothes, "--cascade", people, "--cascade_margin", "0"]
    more = ["--coco", tmp_path / "coco.json", "-r", tmp_path / "out", "--sheet", tmp_path / "sheet.png"]
    assert infer.main([str(word) for word in [*words, *more]]) == 0
    records = json.loads((tmp_path / "coco.json").read_text())
    assert [("segmentation" in each, "object" in each) for each in records].count((False, True)) == 3
    (shirt,) = (each for each in records if each.get("part_of") == 1 and each["category_id"] == 1)
    assert shirt["bbox"] == [32 + 20, 16 + 24, 40, 24]  # of person 1, 80 x 96 at 32, 16
    mask = Mask(256, 128, shirt["segmentation"]["counts"].encode())
    rows, columns = np.nonzero(run_lengths.decode(mask))
    assert (columns.min(), rows.min()) == (52, 40)
    assert rows.max() == pytest.approx(63, abs=1)
    assert columns.max() == pytest.approx(71, abs=3)


def of_crops(*rows: tuple[list[float], int, float, int, bool]) -> dict[str, np.ndarray]:
    boxes, labels, scores, parts, cut = zip(*rows, strict=True)
    arrays: dict[str, Any] = {"boxes": boxes, "labels": labels, "scores": scores, PART_OF: parts, CUT_OFF: cut}
    return {name: np.array(values, float if name == "boxes" else None) for name, values in arrays.items()}


def test_a_garment_in_two_crops_is_one() -> None:
    found = of_crops(
        ([10, 10, 50, 50], 1, 0.8, 1, False),
        ([12, 10, 52, 50], 1, 0.9, 2, False),  # the same, surer: stays
        ([12, 10, 52, 50], 2, 0.5, 2, False),  # of another class
        ([14, 10, 54, 50], 1, 0.4, 2, False),  # beside it in the same crop: its model has suppressed already
        ([10, 10, 20, 50], 1, 0.95, 3, True),  # the edge of a third crop cut off all but a part
        ([45, 10, 85, 50], 1, 0.7, 3, False),  # overlaps a little
    )
    assert surviving(found, 0.5) == [1, 2, 3, 5]
    assert surviving(found, 1.0) == [0, 1, 2, 3, 4, 5]


def test_both_are_drawn_and_people_stay_thin(models: tuple[Path, Path], pictures: Path) -> None:
    cascade = load_cascade(*models)
    image = Image.open(pictures / "light.png").convert("RGB")
    drawn = np.asarray(CascadeTask(detection).draw(image, cascade(image).fields, cascade.classes), int)  # type: ignore[arg-type]
    changed = np.abs(drawn - np.asarray(image, int)).sum(axis=2) > 0
    assert changed[60, 30:36].sum() <= 2  # the left edge of person 1
    assert changed[60, 200:212].sum() <= 2


@pytest.mark.parametrize(
    ("more", "code", "key"),
    [
        (["--cascade_margin", "0.1"], 2, "--cascade"),
        (["--cascade", "PEOPLE", "--cascade_margin", "-1"], 2, "margin"),
        (["--cascade", "PEOPLE", "--cascade_threshold", "2"], 2, "--cascade_threshold"),
        (["--cascade", "PEOPLE", "--cascade_classes", "cat"], 2, "no class cat"),
        (["--cascade", "missing.onnx"], 4, "missing.onnx"),
    ],
)
def test_what_makes_no_cascade(
    models: tuple[Path, Path], pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    more: list[str], code: int, key: str,
) -> None:  # fmt: skip
    words = ["ssd", "-i", str(pictures), "-m", str(models[1]), "-l", str(tmp_path / "labels")]
    assert infer.main([*words, *(str(models[0]) if word == "PEOPLE" else word for word in more)]) == code
    assert key in capsys.readouterr().err


def test_models_without_boxes_are_refused(models: tuple[Path, Path]) -> None:
    classification = SimpleNamespace(FIELDS={"label": None})
    assert error_of(UsageError, lambda: require_boxes(classification, models[0])).where == models[0]  # type: ignore[arg-type]


def test_numbers_are_of_each_image(models: tuple[Path, Path], pictures: Path) -> None:
    cascade = load_cascade(*models)
    pixels = np.asarray(Image.open(pictures / "light.png"))
    for found in cascade.predict([pixels, pixels]):
        assert sorted(found.fields[OBJECT].tolist()) == [0, 0, 0, 0, 1, 2, 3]
