"""Mask R-CNN through the programs: trained on polygons, killed and resumed, evaluated, run, exported, adopted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from killing import kill_after
from PIL import Image, ImageDraw

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.programs import evaluate, export, infer, train
from runtime.weights import checkpoint

NAME = "mask_rcnn_resnet18"
SPEC = """\
model:
  backbone: {{type: resnet18, returned_layers: [2, 3], fpn_channels: 32}}
  min_size: 64
  max_size: 96
  anchor_sizes: [[16], [32], [48]]
  rpn: {{pre_nms_top_n_train: 60, post_nms_top_n_train: 40, pre_nms_top_n_test: 40, post_nms_top_n_test: 20}}
  box: {{batch_size_per_image: 16, representation_size: 32, score_thresh: 0.05}}
  mask: {{layers: [32, 32], dim_reduced: 32}}
dataset:
  train_data_sources: [{{image_dir: "{root}/images", json_file: "{root}/train.json"}}]
  val_data_sources: [{{image_dir: "{root}/images", json_file: "{root}/train.json"}}]
  classes: {classes}
  batch_size: 2
  workers: 1
  augmentation: {{random_flip: 0}}
train:
  num_epochs: {epochs}
  validation_interval: {interval}
  optim: {{optimizer: adamw, lr: 2e-3, lr_scheduler: cosine}}
evaluate: {{batch_size: 4, area: mask}}
"""
COUNT = 12
EPOCHS = 20


def document(data: Path) -> dict[str, Any]:
    return dict(json.loads((data / "train.json").read_text()))


def drawn(folder: Path) -> Path:
    """Triangles and blocks of 40 pixels, one on each image of 80 x 64, but for the last two, which are background."""
    (folder / "images").mkdir(parents=True)
    random = np.random.default_rng(0)
    things = []
    for number in range(COUNT):
        image = Image.fromarray(random.integers(90, 130, (64, 80, 3), np.uint8))
        x, y = int(random.integers(2, 38)), int(random.integers(2, 22))
        corners = [(x, y), (x + 40, y + 40), (x, y + 40)] + ([(x + 40, y)] if number % 2 else [])
        ring = [corners[0], *([corners[3]] if number % 2 else []), *corners[1:3]]
        if number < COUNT - 2:
            ImageDraw.Draw(image).polygon(ring, fill=((250, 40, 40), (40, 60, 250))[number % 2])
            flat = [value for corner in ring for value in corner]
            things.append(
                {
                    "id": number + 1, "image_id": number, "category_id": number % 2 + 1, "iscrowd": 0,
                    "bbox": [x, y, 40, 40], "area": 1600 if number % 2 else 800, "segmentation": [flat],
                }
            )  # fmt: skip
        image.save(folder / f"images/{number}.png")
    annotations = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 80, "height": 64} for n in range(COUNT)],
        "annotations": things,
        "categories": [{"id": 1, "name": "triangle"}, {"id": 2, "name": "block"}],
    }
    (folder / "train.json").write_text(json.dumps(annotations))
    return written(folder)


def written(folder: Path, epochs: int = EPOCHS, classes: str = "[triangle, block]") -> Path:
    path = folder / f"train{epochs}.yaml"
    path.write_text(SPEC.format(root=folder, epochs=epochs, classes=classes, interval=epochs))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a training, its data in ``data`` beside them."""
    folder = tmp_path_factory.mktemp("mask")
    assert train.main(["mask_rcnn", "-e", str(drawn(folder / "data")), "-r", str(folder / "results")]) == 0
    return folder / "results"


def model_of(results: Path, epoch: int = EPOCHS) -> Path:
    return results / f"weights/{NAME}_epoch_{epoch:03d}.safetensors"


def test_it_learns_masks(trained: Path, tmp_path: Path) -> None:
    words = ["mask_rcnn", "-e", str(written(trained.parent / "data")), "-m", str(model_of(trained))]
    assert evaluate.main([*words, "-r", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "evaluation/evaluation.json").read_text())
    assert (found["network"], found["task"], found["pictures"]) == (NAME, "instance_segmentation", COUNT)
    assert found["figures"]["mask_AP50"] > 0.7
    assert found["figures"]["mask_AP"] > 0.25


def test_onnx_gives_the_masks_of_pytorch_in_pixels_of_the_image(trained: Path, tmp_path: Path) -> None:
    """Right way up: triangles have their lower left half."""
    pytest.importorskip("onnxruntime")
    from faster_coco_eval.core import mask

    data, results = trained.parent / "data", []
    assert export.main(["mask_rcnn", "-m", str(model_of(trained)), "-o", str(tmp_path / "a.onnx")]) == 0
    for model in (model_of(trained), tmp_path / "a.onnx"):
        words = ["-i", str(data / "images"), "-m", str(model), "-t", "0.4", "--coco", str(tmp_path / "a.json")]
        assert infer.main(["mask_rcnn", *words, "-o", str(tmp_path / "drawn")]) == 0
        results.append(json.loads((tmp_path / "a.json").read_text()))
    first, second = results
    assert [each["category_id"] for each in first] == [each["category_id"] for each in second]
    assert len(first) >= COUNT / 2
    overlaps = [mask.iou([a["segmentation"]], [b["segmentation"]], [0])[0, 0] for a, b in zip(*results, strict=True)]
    assert min(overlaps) > 0.97
    truth = {each["image_id"]: each["segmentation"] for each in document(data)["annotations"]}
    right = [
        mask.iou([each["segmentation"]], mask.frPyObjects(truth[each["image_id"]], 64, 80), [0])[0, 0]
        for each in first
        if each["image_id"] in truth
    ]
    assert np.median(right) > 0.6


def test_killed_and_started_again_by_the_same_command(trained: Path, tmp_path: Path) -> None:
    spec, whole, parts = written(trained.parent / "data", 2), tmp_path / "whole", tmp_path / "parts"
    words = ["mask_rcnn", "-e", str(spec), "--save-minutes", "0", "-r"]
    assert train.main([*words, str(whole)]) == 0
    kill_after(2, "mask_rcnn", spec, parts, "--save-minutes", "0")
    assert train.main([*words, str(parts)]) == 0
    one, other = (checkpoint.load(model_of(results, 2)) for results in (whole, parts))
    assert one.metrics == other.metrics
    assert isinstance(one.metrics["mask_AP"], float), "of all classes, not of each"
    assert [name for name, value in one.model.items() if not torch.equal(value, other.model[name])] == []


def test_both_heads_are_made_anew_for_other_classes(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = written(trained.parent / "data", 1, classes="[block, triangle]")
    assert train.main(["mask_rcnn", "-e", str(spec), "-r", str(tmp_path), "-m", str(model_of(trained))]) == 0
    said = capsys.readouterr().out
    assert "114 of 120" in said
    assert "of other classes, not taken: roi_heads.box_predictor." in said


def test_annotations_without_masks_are_refused(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained.parent / "data", tmp_path / "data")
    annotations = document(tmp_path / "data")
    for each in annotations["annotations"]:
        del each["segmentation"]
    (tmp_path / "data/train.json").write_text(json.dumps(annotations))
    capsys.readouterr()
    words = ["-e", str(written(tmp_path / "data", 1)), "-r", str(tmp_path / "results")]
    assert train.main(["mask_rcnn", *words]) == 3
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "mask" in said
    assert "train.json" in said
