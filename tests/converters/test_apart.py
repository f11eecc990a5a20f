"""Pictures in a folder of their own, away from the annotations: --images DIR."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import converters
from converters.transfer.convert import convert
from orchestrator.cli import app
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Silent

FORMATS = ("coco", "csv", "kitti", "open_images", "tfrecord", "voc", "yolo")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


@pytest.fixture
def source(maker: Any) -> Path:
    train = maker.split(maker.page(maker.item(9), maker.item(1)), maker.page(maker.item(8)))
    maker.split(maker.page(maker.item(9, bounding_box=[4, 5, 44, 55])), name="validation", size=(64, 60))
    return Path(train.parent)


def boxes(root: Path, format: str, **options: Any) -> dict[str, list[tuple[str, int, tuple[float, ...]]]]:
    return {
        split: [
            (sample.id, sample.width, (thing.box.left, thing.box.top, thing.box.right, thing.box.bottom))
            for sample in dataset
            for thing in sample.objects
        ]
        for split, dataset in converters.splits(root, format, **options)[1].items()
    }


def separate(root: Path, images: Path, *, nested: bool, records: bool = False) -> None:
    """Take all pictures of the data set away, by split, or all into one folder; of ``records``, as these name them."""
    for number, path in enumerate(sorted(root.rglob("*.jpg"))):
        split = "validation" if "validation" in str(path) else "val" if "val" in str(path) else "train"
        inner = path.relative_to(root) if records else Path(split, path.name)
        target = images / inner if nested else images / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        assert nested or number < 2 or not target.exists()
        path.rename(target)
    for folder in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_with_a_folder_for_each_split(format: str, source: Path, tmp_path: Path) -> None:
    root, images = tmp_path / "in", tmp_path / "pictures"
    convert(source, root, format=format, pictures="copy", progress=Silent())
    before = boxes(root, format)
    separate(root, images, nested=True, records=format == "tfrecord")
    (root / "data.yaml").unlink(missing_ok=True)
    found = boxes(root, format, images=images)
    named = {split: [(id.rpartition("/")[2], *rest) for id, *rest in each] for split, each in found.items()}
    assert named == before
    done = convert(root, tmp_path / "out", format="coco", source_format=format, images=images, progress=Silent())
    assert (done.losses.read, done.losses.written, done.losses.lost) == ((3, 4), (3, 4), {})
    assert len(list((tmp_path / "out/images/train").rglob("*.jpg"))) == 2


def test_one_folder_for_all_and_labels_alone(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "kitti", format="kitti", pictures="copy", splits=["train"], progress=Silent())
    before = boxes(tmp_path / "kitti", "kitti")["train"]
    separate(tmp_path / "kitti", tmp_path / "pictures", nested=False)
    shutil.move(tmp_path / "kitti/train/label_2", tmp_path / "labels")
    result = run(
        *("convert", tmp_path / "labels", tmp_path / "out", "--to", "coco", "--json"),
        *("--images", tmp_path / "pictures", "--images", "copy"),
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["losses"]["out"] == {"images": 2, "items": 3}
    assert boxes(tmp_path / "out", "coco")["train"] == before
    assert (tmp_path / "out/images/train/000001.jpg").stat().st_nlink == 1


def test_every_command_takes_it(source: Path, tmp_path: Path) -> None:
    root, images = tmp_path / "in", tmp_path / "pictures"
    convert(source, root, format="voc", pictures="copy", progress=Silent())
    separate(root, images, nested=True)
    for words in (
        ("check", root, "--json"),
        ("stats", root, "--json"),
        ("view", root, tmp_path / "drawn", "--json"),
        ("split", root, tmp_path / "split", "--all", "--ratio", "0.5,0.5", "--json"),
    ):
        result = run(*words, "--images", images)
        assert result.exit_code == 0, result.output
    told = json.loads(run("check", root, "--images", images, "--json").stdout)
    assert (told["images"], [split["unusable"] for split in told["splits"].values()]) == (3, [0, 0])
    assert len(list((tmp_path / "split").rglob("*.jpg"))) == 3
    workspace = tmp_path / "work"
    workspace.mkdir()
    shutil.move(root, workspace / "Original-Data")
    result = run("prepare", "-w", workspace, "--set", "data.format=voc", "--images", images, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["stages"]["prepare"]["result"]["losses"]["out"] == {"images": 3, "items": 4}


def test_what_is_no_folder_is_an_error(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "voc", format="voc", progress=Silent())
    with pytest.raises(DataError, match="no such folder"):
        converters.splits(tmp_path / "voc", images=tmp_path / "none")
    result = run("convert", source, tmp_path / "out", "--to", "coco", "--images", "lnk")
    assert result.exit_code == 2
    Image.new("RGB", (8, 8)).save(tmp_path / "one.jpg")
    with pytest.raises(UsageError, match="beside"):
        convert(source, tmp_path / "out", format="coco", images=tmp_path, progress=Silent())
