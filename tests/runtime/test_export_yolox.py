"""YOLOX as ONNX: every format opens again by its card, and finds what PyTorch does; letterboxed images come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

import specs
from runtime import networks
from runtime.exporting import judging
from runtime.inference.backends import ModelRequest
from runtime.inference.backends import open as open_model
from runtime.programs import evaluate, export, infer
from runtime.tasks.detection import difference
from runtime.weights import checkpoint

SPEC = """\
model: {{type: nano, score_thresh: 0.05}}
dataset:
  train_data_sources: [{{image_dir: {root}, json_file: {root}/annotations.json}}]
  val_data_sources: [{{image_dir: {root}, json_file: {root}/annotations.json}}]
  classes: [lamp, sun, moon]
  width: 96
  height: 64
  letterbox: {letterbox}
evaluate: {{batch_size: 2}}
"""


def trained(folder: Path, *, letterbox: bool = True) -> Path:
    """A checkpoint of a network with random weights that yet finds all classes, and data to measure it on."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("a.png", "b.png")
    for name in names:
        Image.fromarray(judging.sample((80, 160), 1)[0]).save(folder / name)
    box = {"category_id": 1, "bbox": [20, 10, 60, 40], "area": 2400, "iscrowd": 0}
    truth = {
        "images": [{"id": n, "file_name": name, "width": 160, "height": 80} for n, name in enumerate(names)],
        "annotations": [{"id": n + 1, "image_id": n, **box} for n in range(2)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(("lamp", "sun", "moon"), start=1)],
    }  # fmt: skip
    (folder / "annotations.json").write_text(json.dumps(truth))
    text = SPEC.format(root=folder, letterbox=str(letterbox).lower())
    (folder / "spec.yaml").write_text(text)
    recipe = networks.recipe(specs.parse(folder / "spec.yaml", "yolox"))
    torch.manual_seed(5)
    model: Any = networks.load("yolox").build(recipe)
    pixels = torch.from_numpy(judging.sample((64, 96), 8)).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        for norm in (each for each in model.modules() if isinstance(each, torch.nn.BatchNorm2d)):
            norm.momentum = 1.0  # they settle at once
            norm.weight.fill_(0.25)  # nearly linear, as trained networks are, so that rounding does not grow
        model.train().raw(pixels)
        maps = model.eval().raw(pixels)
        for number, said in enumerate(maps):
            for head, part, spread in (
                ("cls_preds", said[:, 5:], 1.0), ("obj_preds", said[:, 4:5], 1.0), ("reg_preds", said[:, :4], 0.2),
            ):  # fmt: skip
                layer = getattr(model.head, head)[number]
                layer.weight *= spread / part.std()
                layer.bias.zero_()
    path = folder / "yolox_nano.safetensors"
    classes = ("lamp", "sun", "moon")
    checkpoint.save(path, checkpoint.Checkpoint("yolox_nano", classes, 1, model.state_dict(), text))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("yolox") / "data")


def exported(model: Path, format: str, *more: str) -> Path:
    """The file beside ``model``; what an earlier test has exported will do."""
    path = model.parent.parent / "-".join([format, *more[:2]]) / "model.onnx"
    if not path.exists():
        assert export.main(["yolox", "-m", str(model), "-o", str(path), "--format", format, *more]) == 0
    return path


@pytest.mark.parametrize("format", ["onnx", "onnx_decoded", "onnx_raw", "deepstream"])
def test_every_format_finds_what_pytorch_does(model: Path, format: str) -> None:
    path = exported(model, format)
    told = json.loads(Path(f"{path}.json").read_text())
    assert told["verified"]["boxes"] > 50
    assert told["verified"]["alone"] == 0
    assert {node.domain for node in onnx.load(path).graph.node} == {""}
    ours, theirs = (open_model(each, ModelRequest("yolox")) for each in (model, path))
    for count in (1, 3):  # batches of any size
        images = judging.sample((64, 96), count)
        apart = difference.between(ours(images), theirs(images))
        assert apart.boxes > 10
        assert (apart.alone, apart.same) == (0, True)
    pixels, placement = theirs.load_image(model.parent / "a.png")
    expected, where = ours.load_image(model.parent / "a.png")
    assert np.array_equal(pixels, expected)
    assert np.array_equal(placement.matrix, where.matrix)
    assert (pixels[-1] == 114).all()  # 160 x 80 fills 96 x 48 of 96 x 64, at the top


def test_raw_maps_are_those_of_the_network(model: Path) -> None:
    """As near to them in double precision as PyTorch's own."""
    path = exported(model, "onnx_raw")
    images = np.ascontiguousarray(judging.sample((64, 96), 3).transpose(0, 3, 1, 2), np.float32)
    found = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"images": images})
    network: Any = checkpoint.open_model(model, key=None).model
    with torch.inference_mode():
        maps = [each.numpy() for each in network.raw(torch.from_numpy(images))]
        exact = [each.numpy() for each in network.double().raw(torch.from_numpy(images).double())]
    assert [each.shape for each in found] == [(3, 8, 8, 12), (3, 8, 4, 6), (3, 8, 2, 3)]
    for ours, theirs, true in zip(maps, found, exact, strict=True):
        assert np.abs(theirs - true).max() < 3 * np.abs(ours - true).max() + 1e-6


def test_the_programs_take_it(model: Path, tmp_path: Path) -> None:
    path, image = exported(model, "onnx"), model.parent / "a.png"
    for name, each in {"torch": model, "onnx": path}.items():
        words = ["yolox", "-i", image, "-m", each, "-l", tmp_path / name, "-t", "0.2"]
        assert infer.main([str(word) for word in words]) == 0
    lines = [
        [line.split() for line in (tmp_path / name / "a.txt").read_text().splitlines()] for name in ("torch", "onnx")
    ]
    assert len(lines[0]) == len(lines[1]) > 3
    boxes = [np.array([line[4:8] for line in each], float) for each in lines]
    assert np.abs(boxes[0] - boxes[1]).max() < 0.03
    # Where the truth is what the checkpoint finds, both have found it.
    name, *box = next(
        (line[0], *map(float, line[4:8]))
        for line in lines[0]
        if min(map(float, line[4:6])) > 0 and float(line[6]) < 160 and float(line[7]) < 80
    )
    told = json.loads((model.parent / "annotations.json").read_text())
    for each in told["annotations"]:
        each["bbox"] = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
        each["category_id"] = ("lamp", "sun", "moon").index(name) + 1
    (model.parent / "annotations.json").write_text(json.dumps(told))
    figures = []
    for kind, each in {"torch": model, "onnx": path}.items():
        words = ["yolox", "-e", model.parent / "spec.yaml", "-m", each, "-r", tmp_path / f"evaluated-{kind}"]
        assert evaluate.main([str(word) for word in words]) == 0
        figures.append(json.loads((tmp_path / f"evaluated-{kind}/evaluation/evaluation.json").read_text())["figures"])
    assert figures[0].keys() == figures[1].keys()
    assert figures[0]["coco/AP50"] > 0
    assert figures[1]["coco/AP50"] == pytest.approx(figures[0]["coco/AP50"], abs=1e-6)


def test_smaller_data_types(model: Path) -> None:
    full, half = exported(model, "onnx"), exported(model, "onnx", "--data_type", "fp16")
    assert half.stat().st_size < 0.7 * full.stat().st_size
    calibration = ["--cal_image_dir", str(model.parent), "--batches", "1", "--batch_size", "2"]
    small = exported(model, "onnx_raw", "--data_type", "int8", *calibration)
    assert [node.op_type for node in onnx.load(small).graph.node].count("QuantizeLinear") > 50
    assert small.stat().st_size < 0.5 * full.stat().st_size


def test_deepstream_is_told_where_the_image_lies(model: Path, tmp_path: Path) -> None:
    def settings(path: Path) -> dict[str, str]:
        text = (path.parent / "nvinfer_config.txt").read_text()
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))

    told = settings(exported(model, "deepstream"))
    assert (told["infer-dims"], told["model-color-format"], told["net-scale-factor"]) == ("3;64;96", "0", "1.0")
    assert (told["maintain-aspect-ratio"], told["symmetric-padding"]) == ("1", "0")
    assert (told["num-detected-classes"], told["cluster-mode"], told["nms-iou-threshold"]) == ("3", "2", "0.65")
    stretched = exported(trained(tmp_path / "data", letterbox=False), "deepstream")
    told = settings(stretched)
    assert told["maintain-aspect-ratio"] == "0"
    assert "symmetric-padding" not in told
    pixels = open_model(stretched, ModelRequest("yolox")).load_image(model.parent / "a.png")[0]
    assert not (pixels[-1] == 114).all()
