"""Faster R-CNN by the pipeline and the real programs: from raw data to figures, on DeepFashion2 and on Penn-Fudan."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_judge import judged
from PIL import Image

import specs
from orchestrator import pipeline
from orchestrator.run import Run
from orchestrator.stages import train

pytestmark = pytest.mark.torch

SMALL: Mapping[str, Any] = {
    "network": "faster_rcnn",
    "faster_rcnn.backbone": "resnet18",
    "faster_rcnn.returned_layers": [3, 4],
    "faster_rcnn.fpn_channels": 16,
    "faster_rcnn.min_size": 64,
    "faster_rcnn.anchor_sizes": [[16], [32], [48]],
    "faster_rcnn.rpn_pre_nms_top_n_train": 40,
    "faster_rcnn.rpn_pre_nms_top_n_test": 40,
    "faster_rcnn.box_batch_size_per_image": 16,
    "faster_rcnn.box_representation_size": 16,
    "faster_rcnn.box_score_thresh": 0.01,
    "faster_rcnn.num_epochs": 2,
    "faster_rcnn.optimizer": "adamw",
    "faster_rcnn.lr": 1e-3,
    "faster_rcnn.warmup_steps": 0,
}
PAGE = """\
# Compatible with PASCAL Annotation Version 1.00
Image filename : "PennFudanPed/PNGImages/{stem}.png"
Image size (X x Y x C) : 100 x 80 x 3
Objects with ground truth : 1 {{ "PASpersonWalking" }}
Original label for object 1 "PASpersonWalking" : "PennFudanPed"
Bounding box for object 1 "PASpersonWalking" (Xmin, Ymin) - (Xmax, Ymax) : (21, 11) - (60, 70)
Pixel mask for object 1 "PASpersonWalking" : "PennFudanPed/PedMasks/{stem}_mask.png"
"""


def penn_fudan(root: Path, count: int) -> None:
    for name in ("PNGImages", "PedMasks", "Annotation"):
        (root / name).mkdir(parents=True)
    mask = np.zeros((80, 100), np.uint8)
    mask[10:70, 20:60] = 1
    random = np.random.default_rng(0)
    for number in range(count):
        image = random.integers(0, 99, (80, 100, 3), np.uint8)
        image[mask == 1] = (200, 30, 30)
        Image.fromarray(image).save(root / f"PNGImages/{number}.png")
        Image.fromarray(mask).save(root / f"PedMasks/{number}_mask.png")
        (root / f"Annotation/{number}.txt").write_text(PAGE.format(stem=number))


def test_deepfashion2(start: Callable[..., Run], real_programs: Path, workspace: Path) -> None:
    results = pipeline.execute(start(programs=real_programs, **SMALL))
    assert [result.stage for result in results] == ["prepare", "train", "evaluate"]
    assert not any((workspace / name).exists() for name in ("TFRecords", "KITTI-dataset-augmented"))
    kept = json.loads((workspace / "output/evaluation.json").read_text())
    assert (kept["network"], kept["pictures"]) == ("faster_rcnn_resnet18", 3)
    folder = workspace / "output/evaluation"
    figures = judged(folder / "coco_annotations.json", folder / "coco_results.json")
    ours = [-1 if value is None else value for value in kept["coco"].values()]
    assert ours == pytest.approx(list(figures), abs=2e-3)
    stored = json.loads((workspace / "COCO/validation.json").read_text())["images"]
    judged_on = json.loads((folder / "coco_annotations.json").read_text())["images"]
    assert sorted((each["width"], each["height"]) for each in judged_on) == sorted(
        (each["width"], each["height"]) for each in stored
    )


def test_penn_fudan_with_step_lr(start: Callable[..., Run], real_programs: Path, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    penn_fudan(root / "raw/PennFudanPed", 6)
    schedule = {"faster_rcnn.lr_scheduler": "step", "faster_rcnn.lr_step_size": 1, "faster_rcnn.random_flip": 0.5}
    data = {"data.root": "raw", "data.rename": ["PASpersonWalking=person", "PASpersonStanding=person"]}
    run = start(root=root, programs=real_programs, **SMALL, **data, **schedule)
    pipeline.execute(run, ["prepare", "train"])
    spec = specs.parse(root / "specs/train.yaml", "faster_rcnn").message
    assert spec.dataset.classes == ("person",)
    assert spec.dataset.train_data_sources[0].image_dir == str(root / "raw/PennFudanPed/PNGImages")
    document = json.loads((root / "COCO/train.json").read_text())
    assert [each["bbox"] for each in document["annotations"]] == [[20, 10, 40, 60]] * 6
    with (root / "output/faster_rcnn_training_log_resnet18.csv").open(newline="") as log:
        rates = [float(row["lr"]) for row in csv.DictReader(log)]
    assert rates == pytest.approx([1e-4, 1e-5]), "of the step that comes next, times 0.1 after every epoch"
    assert train.spec_name(run) == "train.yaml"
