"""Mask R-CNN by the pipeline and the real programs: from DeepFashion2's polygons to figures and masks on images."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator import pipeline
from orchestrator.run import Run

pytestmark = pytest.mark.torch

SMALL: Mapping[str, Any] = {
    "network": "mask_rcnn",
    "mask_rcnn.backbone": "resnet18",
    "mask_rcnn.returned_layers": [3, 4],
    "mask_rcnn.fpn_channels": 16,
    "mask_rcnn.min_size": 64,
    "mask_rcnn.anchor_sizes": [[16], [32], [48]],
    "mask_rcnn.rpn_pre_nms_top_n_train": 40,
    "mask_rcnn.rpn_pre_nms_top_n_test": 40,
    "mask_rcnn.box_batch_size_per_image": 16,
    "mask_rcnn.box_representation_size": 16,
    "mask_rcnn.box_score_thresh": 0.01,
    "mask_rcnn.mask_layers": [16],
    "mask_rcnn.mask_dim_reduced": 16,
    "mask_rcnn.area": "mask",
    "mask_rcnn.num_epochs": 1,
    "mask_rcnn.optimizer": "adamw",
    "mask_rcnn.lr": 1e-3,
}


def test_deepfashion2(start: Callable[..., Run], real_programs: Path, workspace: Path) -> None:
    results = pipeline.execute(start(programs=real_programs, **SMALL))
    assert [result.stage for result in results] == ["prepare", "train", "evaluate"]
    assert all(each["segmentation"] for each in json.loads((workspace / "COCO/train.json").read_text())["annotations"])
    kept = json.loads((workspace / "output/evaluation.json").read_text())
    assert (kept["network"], kept["task"], kept["pictures"]) == ("mask_rcnn_resnet18", "instance_segmentation", 3)
    assert {"mask_AP", "box_AP"} < kept["figures"].keys()
    images = workspace / "Original-Data/validation/image"
    run = start(programs=real_programs, subject=images, **SMALL)
    pipeline.execute(run, ["infer"])
    found = json.loads((workspace / "inference/coco.json").read_text())
    assert {(each["image_id"], *each["segmentation"]["size"]) for each in found} <= {(n, 72, 96) for n in (1, 2, 3)}
    masks = sum(1 for _ in (workspace / "inference/labels").rglob("*.png"))
    lines = sum(len(path.read_text().splitlines()) for path in (workspace / "inference/labels").glob("*.txt"))
    assert masks == lines == len(found)
