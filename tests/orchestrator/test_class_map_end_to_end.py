"""One class map from a user's COCO file to the results: trained, evaluated and inferred by the real programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_judge import judged
from PIL import Image, ImageDraw

from orchestrator import pipeline
from orchestrator.run import Run

pytestmark = pytest.mark.torch

IDS = {7: "wheel", 30: "Box", 11: "arrow"}
SIZE = 64
SETTINGS: dict[str, Any] = {
    "data.root": "raw",
    "data.format": "coco",
    "data.classes": ["Box", "wheel"],
    "tfrecords.image_extension": ".png",
    "ssd.nlayers": 10,
    "ssd.num_epochs": 14,
    "ssd.batch_size_per_gpu": 4,
    "ssd.max_learning_rate": 0.004,
    **{f"ssd.input_{side}": SIZE for side in ("width", "height")},
    **{f"augment.output_image_{side}": SIZE for side in ("width", "height")},
}


def draw(root: Path, split: str, count: int, *, first_id: int) -> None:
    """Pictures of one thing each, in COCO with the ids of a user who had more classes once."""
    random = np.random.default_rng(len(split))
    images, annotations = [], []
    (root / split).mkdir(parents=True)
    for number in range(count):
        category = list(IDS)[number % 2] if number else 11
        side = int(random.integers(20, 34))
        left, top = (int(value) for value in random.integers(2, SIZE - side - 2, 2))
        picture = Image.new("RGB", (SIZE, SIZE), (225, 225, 220))
        pen = ImageDraw.Draw(picture)
        shape, colour = (pen.ellipse, (200, 40, 40)) if category == 7 else (pen.rectangle, (30, 60, 190))
        shape((left, top, left + side - 1, top + side - 1), fill=colour)
        picture.save(root / split / f"shot {number}.png")  # so that augmenting, which does nothing, changes no pixel
        id = first_id - 3 * number
        images.append({"id": id, "file_name": f"shot {number}.png", "width": SIZE, "height": SIZE})
        annotations.append(
            {"id": number + 1, "image_id": id, "category_id": category, "bbox": [left, top, side, side], "iscrowd": 0}
            | {"area": side * side}
        )
    categories = [{"id": id, "name": name} for id, name in IDS.items()]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (root / split / "_annotations.coco.json").write_text(text)


def test_pycocotools_counts_what_evaluate_tells(start: Callable[..., Run], real_programs: Path, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    draw(root / "raw", "train", 40, first_id=900)
    draw(root / "raw", "valid", 10, first_id=500)
    told = {result.stage: result.told for result in pipeline.execute(
        start(root=root, programs=real_programs, **SETTINGS)
    )}  # fmt: skip
    truth = json.loads((root / "COCO/validation.json").read_text())
    assert [(each["id"], each["name"]) for each in truth["categories"]] == [(30, "Box"), (7, "wheel")]
    assert [image["id"] for image in truth["images"]] == [500 - 3 * n for n in range(1, 10)]
    assert list(told["evaluate"]["average_precision"]) == ["Box", "wheel"], "as the settings order them"
    kept = json.loads((root / "output/evaluation.json").read_text())
    assert [row["class"] for row in kept["classes"]] == ["Box", "wheel"]

    subject = root / "raw/valid"
    run = start(root=root, programs=real_programs, subject=subject, threshold=0.0100001, **SETTINGS)
    pipeline.execute(run, ["infer"])
    found = json.loads((root / "inference/coco.json").read_text())
    assert {each["category_id"] for each in found} == {7, 30}
    known = {image["file_name"]: image["id"] for image in truth["images"]}
    assert all(each["image_id"] == known.get(each["file_name"], 498) for each in found)
    ours = kept["coco"]
    assert ours["AP50"] > 0.1
    here = [each for each in found if each["file_name"] in known]
    (root / "here.json").write_text(json.dumps(here))
    figures = judged(root / "COCO/validation.json", root / "here.json")
    # Of the pictures as they came, where evaluate sees them resized and stored again.
    assert figures[:3] == pytest.approx([ours["AP"], ours["AP50"], ours["AP75"]], abs=5e-3)
    own = judged(root / "output/evaluation/coco_annotations.json", root / "output/evaluation/coco_results.json")
    assert own[:3] == pytest.approx([ours["AP"], ours["AP50"], ours["AP75"]], abs=2e-3)
