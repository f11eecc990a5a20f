"""tlt-evaluate and tlt-infer of label maps: a graph that takes red pixels for skirts and green ones for dresses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tltpipe
from runtime.programs import evaluate, infer
from runtime.weights import card
from runtime.weights.card import Card

pytest.importorskip("onnxruntime")

CLASSES = ("skirt", "dress", "vest")
SIDE, INPUT = 64, 32
SPEC = """
model: {{arch: unet, encoder: resnet18}}
dataset:
  train_data_sources: [{{image_dir: {root}/images, json_file: {root}/true.json}}]
  val_data_sources: [{{image_dir: {root}/images, json_file: {root}/true.json}}]
  classes: [skirt, dress, vest]
  width: 32
  height: 32
  painting: smaller_first
evaluate: {{batch_size: 2, boundary_f1: true}}
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``model.onnx``, images of which the left half is red and a quarter green, and their truth: a skirt on the left, a
    dress on the right, on one of them in front of a skirt that covers everything."""
    root = tmp_path_factory.mktemp("maps")
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[:, : SIDE // 2, 0] = pixels[: SIDE // 2, SIDE // 2 :, 1] = 255
    (root / "images").mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(pixels).save(root / "images" / name)
    left, right, whole = ([x, 0, w, 0, w, SIDE, x, SIDE] for x, w in ((0, SIDE // 2), (SIDE // 2, SIDE), (0, SIDE)))
    things = [(1, 1, left), (1, 2, right), (2, 2, right), (2, 1, whole)]
    truth = {
        "images": [
            {"id": n, "file_name": name, "width": SIDE, "height": SIDE} for n, name in ((1, "a.png"), (2, "b.png"))
        ],
        "annotations": [
            {
                "id": n, "image_id": image, "category_id": category, "segmentation": [ring], "iscrowd": 0,
                "bbox": [ring[0], 0, ring[2] - ring[0], SIDE], "area": 0,
            }
            for n, (image, category, ring) in enumerate(things, start=1)
        ],
        "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES, start=1)],
    }  # fmt: skip
    (root / "true.json").write_text(json.dumps(truth))
    (root / "spec.yaml").write_text(SPEC.format(root=root))
    graph(root / "model.onnx")
    return root


def graph(path: Path, classes: tuple[str, ...] = CLASSES) -> None:
    onnx = pytest.importorskip("onnx")
    from runtime.nn.export import onnx_files

    body = """likely (float[batch,3,32,32] images) => (uint8[batch,32,32] map) {
        border = Constant<value = float[1,1,1,1] {127.0}>()
        one = Constant<value = int64[1] {1}>()
        two = Constant<value = int64[1] {2}>()
        zero = Constant<value = int64[1] {0}>()
        red = Slice(images, zero, one, one)
        green = Slice(images, one, two, one)
        none = Sub(red, red)
        nothing = Add(none, border)
        scores = Concat<axis = 1>(nothing, red, green)
        place = ArgMax<axis = 1, keepdims = 0>(scores)
        map = Cast<to = 2>(place)
    }"""
    made = onnx.helper.make_model(
        onnx.parser.parse_graph(body), opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    onnx_files.save(made, path, names=classes)
    told = Card("onnx", "unet_none", classes, (INPUT, INPUT), {"shape": ["batch", 3, INPUT, INPUT]}, {"map": ""})
    card.path_of(path).write_text(told.text())


def test_an_evaluation_counts_pixels_of_all_images_at_their_stored_size(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["unet", "-e", str(work / "spec.yaml"), "-m", str(work / "model.onnx"), "-r", str(tmp_path), "--gpus", "0"]
    assert evaluate.main(words) == 0
    kept = json.loads((tmp_path / "evaluation/evaluation.json").read_text())
    # Of each image 2048 pixels are said to be skirt, 1024 dress, 1024 background; of b all are skirt: it lies on top.
    assert kept["confusion"]["counts"] == [[0] * 4, [1024, 4096, 1024, 0], [1024, 0, 1024, 0], [0] * 4]
    iou = {"background": 0.0, "skirt": 2 / 3, "dress": 1 / 3, "vest": None}
    assert kept["per_class"]["IoU"] == pytest.approx(iou)
    assert kept["mIoU"] == pytest.approx((0 + 2 / 3 + 1 / 3) / 3)
    assert kept["mIoU_without_background"] == pytest.approx(1 / 2)
    assert kept["pixel_accuracy"] == pytest.approx(5 / 8)
    assert kept["boundary_F1"] < 1
    assert (kept["primary"], kept["painting"], kept["absent"]) == ("mIoU", "smaller_first", ["vest"])
    assert [each["picture"] for each in kept["worst"]] == ["b.png", "a.png"]
    assert kept["worst"][0]["mIoU"] == pytest.approx((0 + 1 / 2 + 0) / 3, abs=1e-6)
    assert [each["picture"] for each in kept["best"]] == ["a.png", "b.png"]
    assert {"confusion_normalised.png", "worst.png", "best.png"} <= set(kept["pictures_drawn"])
    with (tmp_path / "evaluation/classes.csv").open() as stream:
        skirt = next(row for row in csv.DictReader(stream) if row["class"] == "skirt")
    assert (skirt["images"], skirt["pixels"], skirt["predicted"]) == ("2", "6144", "4096")
    assert any("vest" in line and "pixel" in line for line in capsys.readouterr().out.splitlines())


def test_an_evaluation_has_no_coco_files(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["unet", "-e", str(work / "spec.yaml"), "-m", str(work / "model.onnx"), "-r", str(tmp_path), "--gpus", "0"]
    assert evaluate.main([*words, "--coco"]) == 2
    assert "COCO has no" in capsys.readouterr().err


def test_inference_writes_maps_overlays_and_cutouts(work: Path, tmp_path: Path) -> None:
    old = tmp_path / "cut" / "a" / "3_vest.png"
    old.parent.mkdir(parents=True)
    Image.new("L", (1, 1)).save(old)
    words = ["unet", "-m", str(work / "model.onnx"), "-i", str(work / "images"), "--device", "cpu"]
    assert infer.main([*words, "-r", str(tmp_path), "--cutouts", str(tmp_path / "cut"), "--coco", "no.json"]) == 2
    assert infer.main([*words, "-r", str(tmp_path), "--cutouts", str(tmp_path / "cut")]) == 0
    expected = np.zeros((SIDE, SIDE), np.uint8)
    expected[:, : SIDE // 2], expected[: SIDE // 2, SIDE // 2 :] = 1, 2
    for name in ("a", "b"):
        assert (np.asarray(Image.open(tmp_path / f"labels/{name}.png")) == expected).all()
        assert Image.open(tmp_path / f"images_annotated/{name}.png").size == (SIDE, SIDE)
    assert sorted(path.name for path in (tmp_path / "cut/a").iterdir()) == ["1_skirt.png", "2_dress.png"]
    dress = np.asarray(Image.open(tmp_path / "cut/a/2_dress.png"))
    assert (dress[..., 3] == 255 * (expected == 2)).all()
    assert (dress[expected == 2, :3] == (0, 255, 0)).all()
    prediction = tltpipe.Model.load(work / "model.onnx", device="cpu")(work / "images/a.png")
    assert (prediction.map == expected).all()
    assert prediction.names == ["skirt", "dress"]


def test_a_map_never_replaces_the_picture(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["unet", "-m", str(work / "model.onnx"), "-i", str(work / "images"), "--device", "cpu"]
    assert infer.main([*words, "-l", str(work / "images")]) == 2
    assert "picture" in capsys.readouterr().err


def test_a_graph_of_more_classes_than_its_json_is_refused(work: Path, tmp_path: Path) -> None:
    graph(tmp_path / "other.onnx", ("skirt",))
    words = ["unet", "-m", str(tmp_path / "other.onnx"), "-i", str(work / "images"), "--device", "cpu"]
    assert infer.main([*words, "-l", str(tmp_path / "labels")]) == 4


def test_only_classes_of_pixels_can_be_cut_out(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["yolox", "-m", str(work / "model.onnx"), "-i", str(work / "images"), "--cutouts", str(tmp_path)]
    assert infer.main(words) == 2
    assert "--cutouts" in capsys.readouterr().err
