"""Faster R-CNN through the programs: trained on COCO, resumed, evaluated, run, exported; and what each refuses."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.programs import evaluate, export, infer, train
from runtime.weights import checkpoint

NAME = "faster_rcnn_resnet18"
SPEC = """\
model:
  backbone: {{type: resnet18, returned_layers: [3, 4], fpn_channels: 16}}
  min_size: 64
  max_size: 128
  anchor_sizes: [[16], [32], [48]]
  rpn: {{pre_nms_top_n_train: 40, post_nms_top_n_train: 20, pre_nms_top_n_test: 40, post_nms_top_n_test: 20}}
  box: {{batch_size_per_image: 16, representation_size: 16, score_thresh: 0.01}}
dataset:
  train_data_sources: [{{image_dir: "{root}/images", json_file: "{root}/train.json"}}]
  val_data_sources: [{{image_dir: "{root}/images", json_file: "{root}/val.json"}}]
  classes: [disc, block]
  batch_size: 2
  workers: 1
train:
  num_epochs: {epochs}
  optim: {{optimizer: adamw, lr: 1e-3, lr_scheduler: cosine}}
evaluate: {{batch_size: 2}}
"""
SIZES = ((80, 64), (64, 96), (20, 12), (64, 64), (100, 50), (64, 64))
CLASSES = ("disc", "block")


def document(images: Sequence[int], categories: Sequence[str] = CLASSES) -> dict[str, Any]:
    """COCO's annotations of these images: one object on each, but for the last, which is background."""
    objects = [
        {
            "id": number + 1, "image_id": number, "category_id": number % 2 + 1, "iscrowd": 0,
            "bbox": [SIZES[number][0] / 4, SIZES[number][1] / 4, SIZES[number][0] / 2, SIZES[number][1] / 2],
            "area": SIZES[number][0] * SIZES[number][1] / 4,
        }
        for number in images
        if number < len(SIZES) - 1
    ]  # fmt: skip
    return {
        "images": [
            {"id": number, "file_name": f"{number}.png", "width": SIZES[number][0], "height": SIZES[number][1]}
            for number in images
        ],
        "annotations": objects,
        "categories": [{"id": number, "name": name} for number, name in enumerate(categories, start=1)],
    }


def drawn(folder: Path) -> Path:
    (folder / "images").mkdir(parents=True)
    random = np.random.default_rng(0)
    for number, (width, height) in enumerate(SIZES):
        image = Image.fromarray(random.integers(90, 130, (height, width, 3), np.uint8))
        if number < len(SIZES) - 1:
            box = (width / 4, height / 4, width * 3 / 4, height * 3 / 4)
            pen = ImageDraw.Draw(image)
            (pen.ellipse if number % 2 == 0 else pen.rectangle)(box, fill=(250, 40, 40))
        image.save(folder / f"images/{number}.png")
    (folder / "train.json").write_text(json.dumps(document(range(6))))
    (folder / "val.json").write_text(json.dumps(document((0, 1, 3, 5))))
    return written(folder)


def written(folder: Path, epochs: int = 2, *, change: Callable[[str], str] = str) -> Path:
    path = folder / f"train{epochs}.yaml"
    path.write_text(change(SPEC.format(root=folder, epochs=epochs)))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return drawn(tmp_path / "data")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a training of two epochs, its data in ``data`` beside them."""
    folder = tmp_path_factory.mktemp("faster")
    spec = drawn(folder / "data")
    assert train.main(["faster_rcnn", "-e", str(spec), "-r", str(folder / "results")]) == 0
    return folder / "results"


def model_of(results: Path, epoch: int = 2) -> Path:
    return results / f"weights/{NAME}_epoch_{epoch:03d}.safetensors"


def test_an_epoch_shows_every_image(trained: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert train.main(["faster_rcnn", "-e", str(trained.parent / "data/train2.yaml"), "-r", str(tmp_path / "r")]) == 0
    said = capsys.readouterr()
    assert "6 images, 5 boxes, 1 of the images without objects" in said.out
    assert "in: 6 images, 5 items; out: 6 images, 5 items" in said.out
    found = checkpoint.load(model_of(tmp_path / "r"))
    assert (found.network, found.classes, found.epoch) == (NAME, CLASSES, 2)


def test_a_resumed_training_is_the_one_that_was_not_stopped(trained: Path, tmp_path: Path) -> None:
    data = trained.parent / "data"
    four = written(data, 4)
    assert train.main(["faster_rcnn", "-e", str(four), "-r", str(tmp_path / "whole")]) == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    for path in (tmp_path / "cut/weights").iterdir():
        if "_epoch_004" in path.name:
            path.unlink()
    assert model_of(tmp_path / "cut", 3).is_file()
    assert train.main(["faster_rcnn", "-e", str(four), "-r", str(tmp_path / "cut")]) == 0
    one, other = (checkpoint.load(model_of(tmp_path / name, 4)) for name in ("whole", "cut"))
    assert [name for name, value in one.model.items() if not torch.equal(value, other.model[name])] == []


def test_evaluate_gives_cocos_figures_in_stored_pixels(trained: Path, tmp_path: Path) -> None:
    words = ["faster_rcnn", "-e", str(trained.parent / "data/train2.yaml"), "-m", str(model_of(trained))]
    assert evaluate.main([*words, "-r", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "evaluation/evaluation.json").read_text())
    assert (found["network"], found["task"], found["pictures"], found["objects"]) == (NAME, "detection", 4, 3)
    assert len(found["coco"]) == 12
    assert found["coco"]["APl"] is None
    assert found["figures"]["coco/AP"] == found["coco"]["AP"] > 0


def test_infer_writes_labels_in_pixels_of_the_image(trained: Path, tmp_path: Path) -> None:
    images = trained.parent / "data/images"
    words = ["faster_rcnn", "-i", str(images), "-m", str(model_of(trained)), "-t", "0.01"]
    assert infer.main([*words, "-o", str(tmp_path / "drawn"), "-l", str(tmp_path / "labels")]) == 0
    assert len(list((tmp_path / "drawn").iterdir())) == len(SIZES)
    for number, (width, height) in enumerate(SIZES):
        for line in (tmp_path / f"labels/{number}.txt").read_text().splitlines():
            left, top, right, bottom = map(float, line.split()[4:8])
            assert 0 <= left <= right <= width
            assert 0 <= top <= bottom <= height


def test_onnx_finds_what_pytorch_finds(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    assert export.main(["faster_rcnn", "-m", str(model_of(trained)), "-o", str(tmp_path / "a.onnx")]) == 0
    card = json.loads((tmp_path / "a.onnx.json").read_text())
    assert card["input"]["resize"] == {"min_size": 64, "max_size": 128}
    assert "verified" in capsys.readouterr().out
    said = []
    for model in (model_of(trained), tmp_path / "a.onnx"):
        images = str(trained.parent / "data/images")
        words = ["faster_rcnn", "-i", images, "-m", str(model), "-t", "0.01", "-o", str(tmp_path / model.stem)]
        assert infer.main([*words, "-l", str(tmp_path / f"{model.stem}_labels")]) == 0
        said.append(sorted(path.read_text().count("\n") for path in (tmp_path / f"{model.stem}_labels").iterdir()))
    assert said[0] == said[1]
    assert sum(said[0]) > 0


def test_heads_are_made_anew_for_other_classes(trained: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = written(data.parent, 1, change=lambda text: text.replace("[disc, block]", "[disc, block, cone]"))
    assert train.main(["faster_rcnn", "-e", str(spec), "-r", str(data.parent / "r"), "-m", str(model_of(trained))]) == 0
    said = capsys.readouterr().out
    assert "138 of 142" in said
    assert said.count("roi_heads.box_predictor.") == 4


def refused(capsys: pytest.CaptureFixture[str], code: int, main: Callable[[Sequence[str]], int], *words: object) -> str:
    capsys.readouterr()
    assert main(["faster_rcnn", *map(str, words)]) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("error")]
    assert len(errors) == 1
    return said


def test_a_spec_of_another_network(ssd_spec: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, 2, train.main, "-e", ssd_spec, "-r", data.parent / "r")
    assert "ssd" in said
    assert train.main(["ssd", "-e", str(data), "-r", str(data.parent / "r")]) == 2
    assert "faster_rcnn" in capsys.readouterr().err
    assert not (data.parent / "r").exists()


@pytest.fixture
def ssd_spec() -> Path:
    return Path(__file__).parents[1] / "data/seed-specs/training.conf"


def test_a_checkpoint_of_another_network(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = trained.parent / "data/images"
    words = ["-i", str(images), "-m", str(model_of(trained)), "-o", str(images.parent / "out")]
    assert infer.main(["ssd", *words]) == 4
    assert NAME in capsys.readouterr().err


def changed(data: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    path = data.parent / name
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_boxes_without_area_are_counted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(data, "train.json", lambda document: document["annotations"][0].update(bbox=[5, 5, 0, 9], area=0))
    assert train.main(["faster_rcnn", "-e", str(data), "-r", str(data.parent / "r")]) == 0
    said = "".join(capsys.readouterr())
    assert "1 boxes" in said
    assert "0.png" in said
    assert "in: 6 images, 5 items; out: 6 images, 4 items" in said


def test_no_box_has_area(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def flatten(document: dict[str, Any]) -> None:
        for each in document["annotations"]:
            each.update(bbox=[5, 5, 0, 9], area=0)

    changed(data, "train.json", flatten)
    refused(capsys, 3, train.main, "-e", data, "-r", data.parent / "r")


def test_classes_that_differ_between_training_and_validation(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(data, "val.json", lambda document: document["categories"][1].update(name="cone"))
    said = refused(capsys, 3, train.main, "-e", data, "-r", data.parent / "r")
    assert "cone" in said
    assert "val.json" in said
    assert not list((data.parent / "r").rglob("*.safetensors"))


def test_a_class_of_the_spec_that_the_data_do_not_have(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = written(data.parent, 1, change=lambda text: text.replace("[disc, block]", "[disc, blocks]"))
    said = refused(capsys, 2, train.main, "-e", spec, "-r", data.parent / "r")
    assert f"{spec}:11" in said
    assert '"block" for "blocks"' in said


def test_fewer_classes_than_the_data_have(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = written(data.parent, 1, change=lambda text: text.replace("[disc, block]", "[disc]"))
    assert train.main(["faster_rcnn", "-e", str(spec), "-r", str(data.parent / "r")]) == 0
    said = "".join(capsys.readouterr())
    assert "in: 6 images, 5 items; out: 6 images, 3 items" in said
    assert "not trained: block" in said


def test_no_validation_data(trained: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def without(text: str) -> str:
        return "".join(line for line in text.splitlines(True) if "val_data_sources" not in line)

    shutil.copytree(trained.parent / "data", tmp_path / "data")
    spec = written(tmp_path / "data", 1, change=without)
    said = refused(capsys, 3, evaluate.main, "-e", spec, "-m", model_of(trained), "-r", tmp_path)
    assert "add val_data_sources to dataset" in said
    assert f"{spec}:8" in said


def test_sections_of_the_spec_serve_where_the_command_line_says_nothing(
    trained: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import onnx

    def more(text: str) -> str:
        weights = text.replace("\ntrain:", f"\ntrain:\n  pretrained_model_path: {model_of(trained)}")
        return f"{weights}\ninference: {{conf_threshold: 0.62, batch_size: 3}}\nexport: {{opset_version: 16}}\n"

    shutil.copytree(trained.parent / "data", tmp_path / "data")
    spec, results, output = written(tmp_path / "data", 1, change=more), tmp_path / "r", tmp_path / "model.onnx"
    assert train.main(["faster_rcnn", "-e", str(spec), "-r", str(results)]) == 0
    assert "142 of 142" in capsys.readouterr().out
    images = ["-i", str(tmp_path / "data/images")]
    for words, threshold in ([], 0.62), (["-t", "0.5"], 0.5):
        assert infer.main(["faster_rcnn", *images, "-m", str(model_of(results, 1)), "--json", *words]) == 0
        assert json.loads(capsys.readouterr().out)["threshold"] == threshold
    assert export.main(["faster_rcnn", "-m", str(model_of(results, 1)), "-o", str(output)]) == 0
    assert [each.version for each in onnx.load(output).opset_import if not each.domain] == [16]


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        (lambda text: text.replace("type: resnet18", "type: resnet19"), 2, "resnet18"),
        (lambda text: text.replace("num_epochs", "num_epoch"), 2, "num_epochs"),
        (lambda text: text.replace("[[16], [32], [48]]", "[[16], [32]]"), 2, "anchor_sizes"),
        (lambda text: text.replace("returned_layers: [3, 4]", "returned_layers: [4, 3]"), 2, "returned_layers"),
        (lambda text: text.replace("min_size: 64", "min_size: 200"), 2, "max_size"),
        (lambda text: text.replace("min_size: 64", "min_size: 20"), 2, "64"),
        (lambda text: text.replace("[disc, block]", "[disc, Disc]"), 2, "twice"),
        (lambda text: text.replace("type: resnet18", "norm: frozen, type: resnet18"), 4, "frozen"),
        (lambda text: text.replace("train.json", "gone.json"), 3, "gone.json"),
        (lambda text: text.replace("/images", "/pictures"), 3, "pictures"),
        (lambda text: re.sub(r"image_dir.*?train.json", 'format: yolov9, path: "/', text), 2, "yolo"),
        (lambda text: re.sub(r"image_dir.*?train.json", 'path: "/nowhere', text), 3, "train1.yaml:9"),
    ],
)
def test_specs_that_make_no_sense(
    data: Path, capsys: pytest.CaptureFixture[str], change: Callable[[str], str], code: int, word: str
) -> None:
    spec = written(data.parent, 1, change=change)
    assert word in refused(capsys, code, train.main, "-e", spec, "-r", data.parent / "r")
