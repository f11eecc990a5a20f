"""COCO files of small images with a white square, read as a training reads them."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from runtime.data import batches, frames
from runtime.data.fields import BOXES, Fields
from runtime.data.keypoints import Keypoints
from runtime.data.masks import Outlines
from runtime.data.orders import InOrder
from runtime.data.recipe import Data, Recipe, Source

CLASSES = ("circle", "square")
SIZES = ((80, 60), (50, 90), (64, 64))
SQUARE = [10, 20, 40, 20, 40, 50, 10, 50]
RICH: Fields = {**BOXES, "masks": Outlines(), "keypoints": Keypoints(2)}


def annotation(image: int, **fields: Any) -> dict[str, Any]:
    """A square of the class "square" with a left and a right point."""
    found = {
        "id": 100 * image + len(fields), "image_id": image, "category_id": 2, "bbox": [10, 20, 30, 30],
        "segmentation": [SQUARE], "keypoints": [12, 22, 2, 38, 22, 1], "iscrowd": 0, "area": 900,
    }  # fmt: skip
    return {key: value for key, value in (found | fields).items() if value is not ...}


def coco(root: Path, *annotations: dict[str, Any], images: int = 3, classes: tuple[str, ...] = CLASSES) -> Source:
    """A COCO file of ``images`` images, white where SQUARE is."""
    (root / "images").mkdir(parents=True)
    records = []
    for number, (width, height) in enumerate(SIZES[:images], start=1):
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[20:50, 10:40] = 255
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
        records.append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
    points = ["left_end", "right_end"]
    categories = [{"id": id, "name": name, "keypoints": points} for id, name in enumerate(classes, start=1)]
    page = {"images": records, "annotations": annotations, "categories": categories}
    (root / "train.json").write_text(json.dumps(page))
    return Source(root / "images", root / "train.json", "coco")


def split_of(base: Recipe, source: Source, fields: Fields = RICH, *, validates: bool = False) -> frames.Split:
    data = Data(training=(source,), validation=(source,) if validates else (), mapping={})
    made = (frames.validation if validates else frames.training)(replace(base, data=data), CLASSES, fields)
    assert made is not None
    return made


def shown(split: frames.Split, view: Any, size: tuple[int, int] | None = None, seed: int | None = None) -> Any:
    """All samples of ``split`` in one batch, made in two processes."""
    pictures = batches.Pictures(split, view, size, seed)
    with closing(batches.batches(pictures, InOrder(split.samples, 4), workers=2)) as made:
        return next(iter(made))
