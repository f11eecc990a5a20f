"""tlt-train by a data set and a few words: the spec that they stand for, what it trains, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import specs
from runtime.data import shorthand
from runtime.data.shorthand import Shorthand
from runtime.programs import train
from specs.yolox import closing_epochs
from tltpipe import locks
from tltpipe.errors import HostError, UsageError

CLASSES = tuple(f"class {number}" for number in range(1, 14))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A YOLO data set of 13 classes, of which two have objects."""
    root = tmp_path / "data"
    for split, count in (("train", 4), ("val", 2)):
        for name in ("images", "labels"):
            (root / name / split).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (80, 60), (40 * number, 90, 10)).save(root / f"images/{split}/{number}.png")
            (root / f"labels/{split}/{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.4 0.4\n")
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    path = root / "deepfashion2.yaml"
    path.write_text(f"path: .\ntrain: images/train\nval: images/val\nnc: 13\nnames:\n{names}")
    return path


def message(data: Path, network: str = "yolox", **words: str) -> Any:
    text = shorthand.text(network, Shorthand(str(data), **words))
    return specs.parse_text(text, network, source="spec.yaml").message


def refused(capsys: pytest.CaptureFixture[str], code: int, *words: object) -> str:
    assert train.main([*map(str, words)]) == code
    return capsys.readouterr().err


def test_the_spec_that_the_words_stand_for(data: Path) -> None:
    spec = message(data, img="640", batch="64", epochs="100", weights="weights/yolox_x.pth")
    assert spec.model.type == "x", "as the weights are called"
    assert (spec.dataset.width, spec.dataset.height, spec.dataset.batch_size) == (640, 640, 64)
    assert (spec.train.num_epochs, spec.train.pretrained_model_path) == (100, str(Path.cwd() / "weights/yolox_x.pth"))
    assert spec.dataset.classes == CLASSES
    sources = [*spec.dataset.train_data_sources, *spec.dataset.val_data_sources]
    assert [(source.path, source.format) for source in sources] == [(str(data), "auto")] * 2
    bare = specs.parse_text("dataset: {train_data_sources: [{path: /d}]}", "yolox", source="").message
    assert message(data).train == bare.train, "what is not said has its default"
    wide = message(data, img="96x64").dataset
    assert (wide.width, wide.height) == (96, 64)
    small = message(data, recipe="small", epochs="3")
    assert (small.model.type, small.train.num_epochs, closing_epochs(small)) == ("nano", 3, 1), "a share of them"
    assert message(data, recipe="small", size="s").model.type == "s"
    rcnn = message(data, "faster_rcnn", img="128", batch="3")
    assert (rcnn.model.min_size, rcnn.dataset.batch_size, rcnn.dataset.classes) == ((128,), 3, CLASSES)


def test_the_spec_of_a_training_under_way_stays(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "out"
    results.mkdir()
    (results / "spec.yaml").write_text("# of the training under way\n")
    with locks.held(results / ".training.lock", HostError("the first one")):
        printed = refused(capsys, HostError.exit_code, "yolox", "--data", data, "--epochs", "2", "-r", results)
    assert f"{results}: another training writes here" in printed
    assert [path.name for path in results.iterdir()] == ["spec.yaml"]
    assert (results / "spec.yaml").read_text() == "# of the training under way\n"


def test_coco_files_and_folders_are_data_too(data: Path, tmp_path: Path) -> None:
    assert message(data.parent).dataset.val_data_sources[0].path == str(data.parent)
    images = [{"id": 1, "file_name": "0.png", "width": 80, "height": 60}]
    objects = [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 30, 40], "area": 1200, "iscrowd": 0}]
    categories = [{"id": 9, "name": "vest"}, {"id": 7, "name": "skirt"}]
    path = data.parent / "images/train/only.json"
    path.write_text(json.dumps({"images": images, "annotations": objects, "categories": categories}))
    spec = message(path)
    assert (spec.dataset.classes, spec.dataset.val_data_sources) == (("skirt", "vest"), ())


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("yolox_nano.pth", "nano"),
        ("YOLOX-Tiny.pth", "tiny"),
        ("yolox_l_epoch_010.safetensors", "l"),
        ("yolox_medium.pth", None),
        ("best.pt", None),
    ],
)
def test_sizes_by_the_names_of_weights(name: str, size: str | None) -> None:
    assert specs.named_after("yolox", name).get("type") == size


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("-e spec.yaml --data DATA", 2, "-e"),
        ("-e spec.yaml --epochs 3", 2, "--epochs"),
        ("--epochs 3", 2, "--data"),
        ("", 2, "--data"),
        ("--data nowhere.yaml", 3, "nowhere.yaml"),
        ("--data DATA --img 100", 2, "--img"),
        ("--data DATA --epochs many", 2, "--epochs"),
        ("--data DATA --batch 0", 2, "--batch"),
        ("--data DATA --size huge", 2, "--size"),
        ("--data DATA --recipe smal", 2, "small"),
        ("--data DATA --weights best.pth", 2, "--size"),
        ("--data DATA --weights yolox_x.pth --size s", 2, "--size s"),
        ("--data DATA --weights yolox_x.pth -m a.pth", 2, "-m"),
        ("--data DATA --weights yolox_s.pth --img 64", 4, "yolox_s.pth"),
    ],
)
def test_what_is_refused(
    words: str, code: int, said: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words.replace("DATA", str(data)).split()
    told = refused(capsys, code, "yolox", *asked, "-r", tmp_path / "out")
    assert said in told.partition("error: ")[2]
    assert told.count("error: ") == 1
    assert not (tmp_path / "out/weights").exists()


def test_data_that_contradict_themselves(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data.write_text(data.read_text().replace("nc: 13", "nc: 12"))
    assert "12" in refused(capsys, 3, "yolox", "--data", data, "-r", tmp_path / "out")
    data.write_text(data.read_text().replace("nc: 12\n", "").replace("names:", "names: []\nold:"))
    refused(capsys, 3, "yolox", "--data", data, "-r", tmp_path / "out")
    assert "tltpipe spec new ssd" in refused(capsys, 2, "ssd", "--data", data, "-r", tmp_path / "out")


def test_faults_of_the_spec_have_its_lines(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(capsys, 2, "faster_rcnn", "--data", data, "--img", "2000", "-r", tmp_path / "out")
    found = re.search(r"error: (\S+spec\.yaml):(\d+):3: max_size", told)
    assert found
    assert "max_size: 1333" in Path(found[1]).read_text().splitlines()[int(found[2]) - 1]


def test_an_option_that_a_network_has_no_setting_for() -> None:
    with pytest.raises(UsageError, match="size"):
        shorthand.text("faster_rcnn", Shorthand("d", size="x"))


def test_a_spec_of_other_options_is_kept(data: Path, tmp_path: Path) -> None:
    first, second = ("a: 1\n", "a: 2\n")
    path = shorthand.write(first, tmp_path / "out")
    shorthand.write(first, tmp_path / "out")
    assert [each.name for each in path.parent.iterdir()] == ["spec.yaml"]
    shorthand.write(second, tmp_path / "out")
    assert sorted(each.read_text() for each in path.parent.iterdir()) == [first, second]
    assert path.read_text() == second


@pytest.mark.torch
def test_it_trains_and_goes_on(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["yolox", "--data", str(data), "--img", "32", "--size", "nano", "--batch", "2", "-r"]
    short, spelt = tmp_path / "short", tmp_path / "spelt"
    assert train.main([*words, str(short), "--epochs", "1"]) == 0
    said = capsys.readouterr().out
    assert f"wrote {short / 'spec.yaml'}" in said
    assert "4 images" in said
    assert train.main(["yolox", "-e", str(short / "spec.yaml"), "-r", str(spelt)]) == 0
    name = "weights/yolox_nano_epoch_001.safetensors"
    assert (short / name).read_bytes() == (spelt / name).read_bytes(), "as if -e had named the spec"
    capsys.readouterr()
    shutil.rmtree(spelt)
    assert train.main([*words, str(short), "--epochs", "2"]) == 0
    assert "going on after epoch 1 of 2" in capsys.readouterr().out
    assert (short / "weights/yolox_nano_epoch_002.safetensors").is_file()
