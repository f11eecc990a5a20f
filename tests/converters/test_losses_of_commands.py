"""What the commands say they lost: files that belong to nobody, selections, whole classes; in text and in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from converters.transfer.convert import convert
from converters.transfer.selection import Selection
from orchestrator.cli import app
from tltpipe.progress import Silent


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


def losses(*words: object) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout)["losses"])


def lost(told: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {each["reason"]: (each["images"], each["items"]) for each in told["lost"]}


@pytest.fixture
def data(maker: Any) -> Path:
    """Three images of a skirt (category 9), one of which shows a shirt (1), too; and one to validate on."""
    folder = maker.split(
        maker.page(maker.item(9), maker.item(1, bounding_box=[10, 12, 14, 41])),
        maker.page(maker.item(9)),
        maker.page(maker.item(9), source="shop"),
    )
    maker.split(maker.page(maker.item(9)), name="validation")
    return Path(folder.parent)


@pytest.fixture
def yolo(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("yolo") / "in"
    convert(data, root, format="yolo", pictures="copy", progress=Silent())
    return root


def test_nothing_is_lost(data: Path, tmp_path: Path) -> None:
    told = losses("convert", data, tmp_path / "out", "--to", "coco")
    assert told == {"in": {"images": 4, "items": 5}, "out": {"images": 4, "items": 5}, "lost": []}
    result = run("convert", data, tmp_path / "other", "--to", "coco")
    assert result.output.splitlines()[-1] == "in: 4 images, 5 items; out: 4 images, 5 items"


def test_files_that_belong_to_nobody(yolo: Path, tmp_path: Path) -> None:
    (yolo / "labels/train/gone.txt").write_text("8 0.5 0.5 0.2 0.2\n8 0.4 0.4 0.2 0.2\n")
    (yolo / "labels/train/empty.txt").write_text("")
    (yolo / "labels/train/notes.txt").write_text("drawn by hand, 2024\n")
    (yolo / "images/train/photo.heic").write_bytes(b"ftypheic")
    (yolo / "labels/train/photo.txt").write_text("8 0.5 0.5 0.2 0.2\n")
    (yolo / "elsewhere").mkdir()
    Image.new("RGB", (8, 8)).save(yolo / "elsewhere/one.png")
    told = losses("convert", yolo, tmp_path / "out", "--to", "coco")
    assert lost(told) == {
        "left out: annotations whose picture is missing": (2, 2),
        "images of a kind that cannot be read (.heic)": (1, 1),
        "images outside the folders of every split": (1, 0),
    }
    assert (told["in"], told["out"]) == ({"images": 8, "items": 8}, {"images": 4, "items": 5})


def test_images_that_no_annotation_lists_but_another_split_does(yolo: Path, tmp_path: Path) -> None:
    convert(yolo, tmp_path / "coco", format="coco", pictures="copy", progress=Silent())
    root = tmp_path / "coco"
    for path in (root / "images/validation").iterdir():
        path.rename(root / "images/train" / f"v{path.name}")
    (root / "images/validation").rmdir()
    page = json.loads((root / "annotations/instances_validation.json").read_text())
    page["images"][0]["file_name"] = "v" + page["images"][0]["file_name"]
    (root / "annotations/instances_validation.json").write_text(json.dumps(page))
    Image.new("RGB", (8, 8)).save(root / "images/train/nobody.png")
    told = losses(
        "convert", root, tmp_path / "out", "--to", "yolo", "--split", "train", "--images", root / "images/train"
    )
    assert lost(told) == {"images that no annotation lists": (1, 0)}
    assert told["out"] == {"images": 3, "items": 4}
    file = root / "annotations/instances_train.json"
    told = losses("convert", file, tmp_path / "again", "--to", "yolo", "--images", root / "images/train")
    assert lost(told) == {"images that no annotation lists": (1, 0)}


def test_annotated_images_that_no_list_names(data: Path, tmp_path: Path) -> None:
    convert(data, tmp_path / "voc", format="voc", splits=["train"], progress=Silent())
    root, lists = tmp_path / "voc/train", tmp_path / "voc/train/ImageSets/Main"
    (lists / "train.txt").write_text("000002\n000003\n")
    told = losses("convert", root, tmp_path / "out", "--to", "coco", "--from", "voc", "--allow-loss")
    assert lost(told) == {"images with annotations that no split lists": (1, 2)}
    assert (told["in"], told["out"]) == ({"images": 3, "items": 4}, {"images": 2, "items": 2})


def test_what_was_chosen_is_told_apart(data: Path, tmp_path: Path) -> None:
    told = losses("convert", data, tmp_path / "a", "--to", "coco", "--min-size", 8, "--split", "train", "--allow-loss")
    assert lost(told) == {"dropped by the selection: size": (0, 1)}
    told = losses("convert", data, tmp_path / "b", "--to", "coco", "--subset", 2, "--split", "train", "--allow-loss")
    assert lost(told) == {"dropped by the selection: subset": (1, 0)}
    done = convert(
        data,
        tmp_path / "d",
        format="coco",
        splits=["train"],
        allow_loss=True,
        selection=Selection(sources=("shop",), rename={"short_sleeved_shirt": "top"}),
        progress=Silent(),
    )
    assert done.losses.lost == {"dropped by the selection: source": (2, 3)}
    assert done.losses.classes_lost == {
        "skirt": {"dropped by the selection: source": 2},
        "top": {"dropped by the selection: source": 1},
    }


def test_a_class_lost_is_an_error_a_class_not_chosen_is_none(data: Path, tmp_path: Path) -> None:
    words = ("convert", data, tmp_path / "out", "--to", "coco", "--min-size", 8)
    result = run(*words)
    assert result.exit_code == 3
    assert "short_sleeved_shirt" in result.output
    assert "--allow-loss" in result.output
    assert not (tmp_path / "out").exists()
    assert run(*words, "--classes", "skirt").exit_code == 0
    assert run(*words, "--allow-loss", "--force").exit_code == 0


def test_skip_bad_counts_images_and_items_by_rule(data: Path, tmp_path: Path) -> None:
    (data / "train/image/000002.jpg").unlink()
    (data / "train/image/000003.jpg").write_bytes(b"\xff\xd8\xff no picture")
    words = ("convert", data, tmp_path / "out", "--to", "voc")
    assert run(*words).exit_code == 3
    told = losses(*words, "--skip-bad")
    assert lost(told) == {
        "left out: annotations whose picture is missing": (1, 1),
        "left out: pictures that cannot be read": (1, 1),
    }
    assert told["in"] == {"images": 4, "items": 5}


def test_check_fix_prepare_split_and_view_say_the_same(data: Path, tmp_path: Path) -> None:
    (data / "train/image/000002.jpg").unlink()
    reason = {"left out: annotations whose picture is missing": (1, 1)}
    assert run("check", data, "--fix", tmp_path / "mended").exit_code == 3, "the only shirt is a copy of validation's"
    result = run("check", data, "--fix", tmp_path / "mended", "--allow-loss", "--json")
    mended = json.loads(result.stdout)["mended"]["losses"]
    assert lost(mended) == reason | {"left out: pictures that are there more than once": (1, 2)}
    assert mended["in"] == {"images": 4, "items": 5}
    told = losses("split", data, tmp_path / "split", "--all", "--ratio", "0.5,0.5", "--skip-bad", "--no-identity")
    assert (lost(told), told["out"]) == (reason, {"images": 3, "items": 4})
    told = losses("view", data, tmp_path / "drawn", "--skip-bad")
    assert (lost(told), told["out"]) == (reason, {"images": 3, "items": 4})
    work = tmp_path / "work"
    work.mkdir()
    data_link = work / "Original-Data"
    data_link.mkdir()
    for split in ("train", "validation"):
        (data / split).rename(data_link / split)
    result = run("prepare", "-w", work, "--skip-bad", "--json")
    assert result.exit_code == 0, result.output
    prepared = json.loads(result.stdout)["stages"]["prepare"]["result"]
    assert (lost(prepared["losses"]), prepared["losses"]["out"]) == (reason, {"images": 3, "items": 4})
    assert prepared["train"]["losses"]["out"] == {"images": 2, "items": 3}
    (data_link / "train/annos/000001.json").write_text("{")
    assert run("prepare", "-w", work, "--skip-bad").exit_code == 0, "its classes cannot be known any more"
    (data_link / "validation/annos/000001.json").write_text("{")
    result = run("prepare", "-w", work, "--skip-bad")
    assert result.exit_code == 3
    assert "validation" in result.output
    assert run("prepare", "-w", work, "--skip-bad", "--set", "data.allow_loss=true").exit_code == 0
