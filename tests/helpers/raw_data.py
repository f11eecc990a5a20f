"""Raw data of other formats than DeepFashion2's."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image


def coco(folder: Path, colour: int = 0, name: str = "one.png") -> None:
    """A data set of one grey picture a split."""
    for split in ("train", "val"):
        (folder / split).mkdir(parents=True)
        Image.new("RGB", (64, 64), (colour,) * 3).save(folder / split / name)
        told = {
            "images": [{"id": 1, "file_name": name, "width": 64, "height": 64}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [5, 5, 20, 20]}],
            "categories": [{"id": 7, "name": "mug"}],
        }
        (folder / split / "_annotations.coco.json").write_text(json.dumps(told))
