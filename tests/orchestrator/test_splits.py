"""The splits of the settings are found by the names that the data have; one that is named and not there is an error."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from refusals import error_of

from orchestrator import pipeline
from orchestrator.run import Run
from tltpipe.errors import ConfigError, DataError, UsageError

Start = Callable[..., Run]


def draw_coco(folder: Path, split: str, count: int, classes: dict[int, str]) -> None:
    """A COCO split whose pictures lie in a folder of its name: every second one a PNG, one object each."""
    (folder / split).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    images, annotations = [], []
    for number in range(1, count + 1):
        name = f"{number:03d}.{('jpg', 'png')[number % 2]}"
        Image.new("RGB", (64, 48), (number * 20 % 256, 90, 120)).save(folder / split / name)
        images.append({"id": number, "file_name": name, "width": 64, "height": 48})
        kind = list(classes)[number % len(classes)]
        box = {"bbox": [4, 5, 20, 30], "area": 600, "iscrowd": 0}
        annotations.append({"id": number, "image_id": number, "category_id": kind, **box})
    categories = [{"id": number, "name": name} for number, name in classes.items()]
    page = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(page))


CLASSES = {7: "mug", 11: "lamp", 30: "book"}


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """A workspace made by hand, with a COCO set whose folders have names of their own."""
    root = tmp_path / "mine"
    draw_coco(root / "Original-Data", "train2017", 6, CLASSES)
    draw_coco(root / "Original-Data", "val2017", 4, CLASSES)
    return root


def counted(run: Run) -> dict[str, int]:
    (result,) = pipeline.execute(run, ["prepare"])
    return {name: told["images"] for name, told in result.told.items() if "images" in told}


@pytest.mark.parametrize(
    "names",
    [
        None,
        ["train", "val"],
        ["train2017", "val2017"],
        ["train", "valid"],
        ["training", "VAL"],
        ["train", "validation"],
    ],
)
def test_splits_go_by_all_their_names(start: Start, coco: Path, names: list[str] | None) -> None:
    run = start(root=coco, **({"data.splits": names} if names else {}))
    assert run.splits == ("train", "validation")
    assert counted(run) == {"train": 6, "validation": 4}
    assert len(list((coco / "KITTI/validation/label").iterdir())) == 4


@pytest.mark.parametrize("setting", ["data.splits", "data.test"])
def test_a_split_that_is_not_there_is_an_error_that_lists_those_that_are(
    start: Start, coco: Path, setting: str
) -> None:
    value: object = ["train", "holdout"] if setting == "data.splits" else "holdout"
    error = error_of(ConfigError, lambda: pipeline.execute(start(root=coco, **{setting: value}), ["prepare"]))
    assert error.where == f"--{setting}"
    assert [name for name in ("holdout", "train", "validation") if name not in error.what] == []
    assert error.exit_code == 2
    assert not (coco / "COCO").exists()


def test_another_spelling_of_the_same_is_no_change(start: Start, coco: Path) -> None:
    assert counted(start(root=coco)) == {"train": 6, "validation": 4}
    same = start(root=coco, **{"data.splits": ["train", "val"], "data.format": "coco"})
    (result,) = pipeline.execute(same, ["prepare"])
    assert result.state == "skipped"


def test_another_year_is_another_split(start: Start, coco: Path) -> None:
    with pytest.raises(ConfigError, match="val2014"):
        pipeline.execute(start(root=coco, **{"data.splits": ["train", "val2014"]}), ["prepare"])


def test_only_by_default_may_validation_be_missing(start: Start, coco: Path) -> None:
    shutil.rmtree(coco / "Original-Data/val2017")
    (coco / "Original-Data/annotations/instances_val2017.json").unlink()
    run = start(root=coco, runner="dry")
    pipeline.execute(run, ["train"])
    assert run.splits == ("train",)
    assert [line for line in run.report.told if "validate" in line and "data.splits" in line]  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="validation"):
        pipeline.execute(start(root=coco, **{"data.splits": ["train", "validation"]}), ["prepare"])


def test_data_with_no_split_to_train_on_say_what_they_have(start: Start, tmp_path: Path) -> None:
    for split in ("red_2001", "blue_2002"):
        draw_coco(tmp_path / "odd/Original-Data", split, 2, CLASSES)
    error = error_of(ConfigError, lambda: pipeline.execute(start(root=tmp_path / "odd"), ["prepare"]), match="train")
    assert "data.splits" in str(error.hint)


@pytest.mark.parametrize("format", ["auto", "coco"])
def test_the_format_is_found(start: Start, coco: Path, format: str) -> None:
    run = start(root=coco, **({} if format == "auto" else {"data.format": format}))
    assert run.data_set[0] == "coco"


def test_data_elsewhere(start: Start, coco: Path) -> None:
    outside = coco.parent / "outside"
    (coco / "Original-Data").rename(outside)
    run = start(root=coco, **{"data.root": str(outside)})
    assert counted(run) == {"train": 6, "validation": 4}
    assert sorted(path.name for path in outside.iterdir()) == ["annotations", "train2017", "val2017"], (
        "nothing in there"
    )


def test_kitti_labels_of_the_user_are_read_and_not_written_over(start: Start, tmp_path: Path) -> None:
    raw = tmp_path / "mine/Original-Data"
    line = "{} 0.00 0 0.00 4.00 5.00 24.00 35.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00\n"
    for split in ("train", "validation"):
        for part in ("image", "label"):
            (raw / split / part).mkdir(parents=True)
        for name in ("mug", "lamp"):
            Image.new("RGB", (64, 48)).save(raw / split / "image" / f"{name}.jpg")
            (raw / split / "label" / f"{name}.txt").write_text(line.format(name))
    before = {path: path.read_bytes() for path in raw.rglob("*.*")}
    for _ in range(2):
        run = start(root=tmp_path / "mine", force=True, **{"data.classes": ["mug"]})
        assert counted(run) == {"train": 1, "validation": 1}
        assert run.data_set[0] == "kitti"
        assert {path: path.read_bytes() for path in raw.rglob("*.*")} == before
        assert (tmp_path / "mine/KITTI/train/label/mug.txt").read_text() == line.format("mug")


def test_the_wrong_format_and_no_format_are_told_by_the_setting(start: Start, coco: Path) -> None:
    with pytest.raises((DataError, UsageError)) as caught:
        pipeline.execute(start(root=coco, **{"data.format": "voc"}), ["prepare"])
    assert "voc" in caught.value.what
    shutil.rmtree(coco / "Original-Data")
    error = error_of(DataError, lambda: pipeline.execute(start(root=coco), ["prepare"]))
    assert error.where == "Original-Data"
    assert "deepfashion" not in f"{error} {error.hint}".lower()
    (coco / "Original-Data").mkdir()
    (coco / "Original-Data/readme.md").write_text("nothing yet")
    with pytest.raises((DataError, UsageError)) as unclear:
        pipeline.execute(start(root=coco), ["prepare"])
    assert "data.format" in str(unclear.value.hint)
    assert "deepfashion" not in unclear.value.what.lower()


def test_a_choice_by_what_the_format_does_not_know_is_refused(start: Start, coco: Path) -> None:
    from converters.transfer import convert
    from tltpipe.progress import Silent

    convert.convert(coco / "Original-Data", coco / "Yolo", format="yolo", progress=Silent())
    for setting, value in (("data.max_zoom", 2), ("data.sources", ["user"])):
        with pytest.raises(ConfigError, match=setting) as caught:
            pipeline.settle(start(root=coco, **{"data.root": "Yolo", setting: value}))
        assert caught.value.where == f"--{setting}"


def test_a_class_that_is_not_in_the_data_lists_those_that_are(start: Start, coco: Path) -> None:
    (coco / "tltpipe.yaml").write_text("data:\n  classes: [mug, tea]\n")
    with pytest.raises(ConfigError, match='"tea"') as caught:
        pipeline.execute(start(root=coco), ["prepare"])
    assert str(caught.value.where) == f"{coco}/tltpipe.yaml:2:3"
    assert "mug, lamp, book" in str(caught.value.hint)
    for rename in ("tea=pot", "mug"):
        (coco / "tltpipe.yaml").write_text(f"data:\n  classes: mug\n  rename: {rename}\n")
        with pytest.raises(ConfigError, match=rename.partition("=")[0]) as caught:
            pipeline.execute(start(root=coco), ["prepare"])
        assert str(caught.value.where) == f"{coco}/tltpipe.yaml:3:3"
