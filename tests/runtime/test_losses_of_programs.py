"""What the programs say they lost, on the console and in status.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runtime.data import split
from runtime.data.fields import BOXES
from runtime.data.sources import of_folders
from runtime.data.split import Gathered
from runtime.programs import augment, dataset_convert
from tltpipe.progress import Silent

Capture = pytest.CaptureFixture[str]

LINE = "{} 0.00 0 0.00 {} 8.00 {} 40.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00\n"

AUGMENT = """
spatial_config { translation_config { translate_x: 50 } }
dataset_config { image_path: "image" label_path: "label" }
output_image_width: 64 output_image_height: 48 image_extension: ".jpg"
"""

CONVERT = """
kitti_config {
  root_directory_path: "data" image_dir_name: "image" label_dir_name: "label" image_extension: ".jpg"
  partition_mode: "random" num_partitions: 2 val_split: 20 num_shards: 2
}
target_class_mapping { key: "shirt" value: "shirt" }
"""


def status(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "status.json").read_text().splitlines()[-1])["kpi"]["losses"])


def lost(told: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {each["reason"]: (each["images"], each["items"]) for each in told["lost"]}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five images with a shirt and a hat each; one label file without an image, one image without labels."""
    monkeypatch.chdir(tmp_path)
    for folder in ("image", "label"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (64, 48), (number, 9, 9)).save(f"data/image/{number}.jpg")
        Path(f"data/label/{number + 1}.txt").write_text(LINE.format("shirt", 4, 30) + LINE.format("hat", 40, 60))
    return tmp_path


def test_augment_counts_what_has_no_partner_and_boxes_that_are_gone(work: Path, capsys: Capture) -> None:
    (work / "augment.conf").write_text(AUGMENT)
    words = ["-d", "data", "-a", "augment.conf", "-o", "out", "-r", "results", "--drop-outside", "--allow-loss"]
    assert augment.main(words) == 0
    told = status(work / "results")
    assert lost(told) == {
        "images without a label file": (1, 0),
        "label files without an image": (1, 2),
        "boxes that have no area left": (0, 5),
    }
    assert (told["in"], told["out"]) == ({"images": 7, "items": 12}, {"images": 5, "items": 5})
    assert "in: 7 images, 12 items; out: 5 images, 5 items" in capsys.readouterr().out.splitlines()


def test_dataset_convert_counts_classes_and_boxes_and_files(work: Path, capsys: Capture) -> None:
    (work / "convert.conf").write_text(CONVERT)
    Path("data/label/0.txt").write_text(LINE.format("shirt", 4, 4.5))
    Image.new("RGB", (64, 48)).save("data/image/other.png")
    assert dataset_convert.main(["-d", "convert.conf", "-o", "out/tfr", "-r", "results", "--workers", "1"]) == 0
    told = status(work / "results")
    assert lost(told) == {
        "label files without an image": (1, 2),
        "images without a label file": (1, 0),
        "boxes without area in whole pixels": (0, 1),
    }
    assert (told["in"], told["out"]) == ({"images": 8, "items": 13}, {"images": 6, "items": 10})
    assert "in: 8 images, 13 items; out: 6 images, 10 items" in capsys.readouterr().out.splitlines()
    words = ["-d", "convert.conf", "-o", "dali/tfr", "-r", "dali", "--workers", "1", "--dali"]
    assert dataset_convert.main(words) == 0
    assert lost(status(work / "dali"))["classes that target_class_mapping does not name"] == (0, 5)


def test_training_counts_classes_that_are_not_mapped_and_difficult_items(work: Path) -> None:
    for number in (0, 6):
        Path(f"data/label/{number}.txt").write_text(LINE.format("shirt", 4, 30).replace(" 0 ", " 1 "))
    Path("data/label/6.txt").unlink()
    gathered = Gathered(BOXES, {"shirt": 1}, ("shirt",), hard=False, crowds=False)
    with Silent().bar("read", total=None) as bar:
        gathered.take(of_folders(work / "data/image", work / "data/label", strict=False), work / "data/image", bar)
    losses = gathered.split((), ()).losses
    losses.require_balance()
    assert losses.lost == {split.UNMAPPED.format("target_class_mapping"): (0, 5), split.DIFFICULT: (0, 1)}
    assert (losses.read, losses.written) == ((6, 11), (6, 5))


def one_class_alone(name: str) -> None:
    """The class is on image 1 only."""
    label = Path("data/label/1.txt")
    label.write_text(label.read_text() + LINE.format(name, 4, 30))


def errors(capsys: Capture) -> str:
    return capsys.readouterr().err


@pytest.mark.parametrize("name", ["shoe", "DontCare"])
@pytest.mark.parametrize("kind", ["no image", "broken image"])
def test_augment_stops_where_a_class_is_lost_whole(work: Path, capsys: Capture, name: str, kind: str) -> None:
    (work / "augment.conf").write_text(AUGMENT)
    one_class_alone(name)
    Path("data/image/1.jpg").write_bytes(b"no image")
    if kind == "no image":
        Path("data/image/1.jpg").unlink()
    words = ["-d", "data", "-a", "augment.conf", "-o", "out", "-r", "results", "--skip-bad"]
    if name == "shoe":
        assert augment.main(words) == 3
        assert "shoe" in errors(capsys)
        assert not Path("out").exists()
        words.append("--allow-loss")
    assert augment.main(words) == 0
    told = status(work / "results")
    assert (told["in"], told["out"]) == ({"images": 7, "items": 13}, {"images": 4, "items": 8})


def test_augment_stops_where_every_box_of_a_class_has_left_the_image(work: Path, capsys: Capture) -> None:
    (work / "augment.conf").write_text(AUGMENT)
    words = ["-d", "data", "-a", "augment.conf", "-o", "out"]
    assert augment.main([*words, "--drop-outside"]) == 3
    assert "hat" in errors(capsys)
    assert augment.main(words) == 0, "without --drop-outside the boxes are written, as lines"


@pytest.mark.parametrize("name", ["Shoe", "DontCare"])
def test_dataset_convert_stops_where_a_class_is_lost_whole(work: Path, capsys: Capture, name: str) -> None:
    (work / "convert.conf").write_text(CONVERT)
    one_class_alone(name)
    Path("data/image/1.jpg").unlink()
    (work / "data/label/0.txt").write_text("")
    words = ["-d", "convert.conf", "-o", "out/tfr", "-r", "results", "--workers", "1"]
    if name == "Shoe":
        assert dataset_convert.main(words) == 3
        assert "shoe" in errors(capsys)
        assert not Path("out").exists()
        assert dataset_convert.main([*words, "--dali"]) == 0, "a class that the spec does not map was not chosen"
        words.append("--allow-loss")
    assert dataset_convert.main(words) == 0
    told = status(work / "results")
    assert (told["in"]["items"], told["out"]) == (13, {"images": 5, "items": 8})


def test_dataset_convert_stops_where_no_box_of_a_class_has_an_area(work: Path, capsys: Capture) -> None:
    (work / "convert.conf").write_text(CONVERT)
    with Path("data/label/1.txt").open("a") as stream:
        stream.write(LINE.format("shoe", 4, 4.5))
    words = ["-d", "convert.conf", "-o", "out/tfr", "--workers", "1"]
    (work / "data/label/0.txt").write_text("")
    assert dataset_convert.main(words) == 3
    assert "shoe" in errors(capsys)
    assert dataset_convert.main([*words, "--allow-loss"]) == 0


def test_dataset_convert_stops_where_the_mapping_names_no_class_that_is_there(work: Path, capsys: Capture) -> None:
    (work / "convert.conf").write_text(CONVERT.replace('"shirt"', '"boot"'))
    (work / "data/label/0.txt").write_text("")
    assert dataset_convert.main(["-d", "convert.conf", "-o", "out/tfr", "--workers", "1", "--dali"]) == 3
    assert "target_class_mapping" in errors(capsys)


def test_dataset_convert_counts_annotations_of_unlisted_images_by_class(work: Path, capsys: Capture) -> None:
    page = {
        "images": [{"id": 1, "file_name": "0.jpg", "width": 64, "height": 48}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]},
            {"id": 2, "image_id": 2, "category_id": 2, "bbox": [1, 1, 9, 9]},
        ],
        "categories": [{"id": 1, "name": "shirt"}, {"id": 2, "name": "hat"}],
    }
    (work / "data/train.json").write_text(json.dumps(page))
    config = 'root_directory_path: "data" img_dir_names: "image" annotation_files: "train.json" num_partitions: 1'
    (work / "convert.conf").write_text(f"coco_config {{ {config} num_shards: 1 }}\n")
    words = ["-d", "convert.conf", "-o", "out/tfr", "-r", "results", "--workers", "1"]
    assert dataset_convert.main(words) == 3
    assert "hat" in errors(capsys)
    assert dataset_convert.main([*words, "--allow-loss"]) == 0
    assert status(work / "results")["out"] == {"images": 1, "items": 1}
