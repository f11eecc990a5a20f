"""A tiny DeepFashion2 split, made by hand: real JPEG files and annotation files of the published shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from converters import garments

Json = dict[str, Any]


def landmarks(count: int) -> list[int]:
    """``count`` triplets: most visible, the second occluded, the last cut off by the picture."""
    points = [[12 + 2 * n, 14 + n, 2] for n in range(count)]
    points[1][2] = 1
    points[-1] = [0, 0, 0]
    return [number for point in points for number in point]


def item(category_id: int = 9, **changes: Any) -> Json:
    """A well-formed item; ``changes`` replace fields, and ``...`` as a value removes one."""
    garment = garments.BY_ID[category_id] if category_id in garments.BY_ID else garments.BY_ID[9]
    fields: Json = {
        "segmentation": [[10, 12, 60, 12, 60.25, 40.5, 10, 40, 10, 12]],
        "scale": 2,
        "viewpoint": 2,
        "zoom_in": 1,
        "landmarks": landmarks(garment.landmarks),
        "style": 1,
        "bounding_box": [10, 12, 61, 41],
        "category_id": category_id,
        "occlusion": 2,
        "category_name": garment.label,
    }
    fields |= changes
    return {key: value for key, value in fields.items() if value is not ...}


def page(*items: Json, source: str = "user", pair_id: int = 7) -> Json:
    """One annotation file."""
    return {**{f"item{number}": each for number, each in enumerate(items, 1)}, "source": source, "pair_id": pair_id}


Make = Callable[..., Path]


@pytest.fixture
def make_split(tmp_path: Path) -> Make:
    """make_split(page, page, ..., name="train", size=(80, 60)): a split folder with a picture for each page."""

    def make(*pages: Json | str, name: str = "train", size: tuple[int, int] = (80, 60)) -> Path:
        root = tmp_path / name
        (root / "image").mkdir(parents=True)
        (root / "annos").mkdir()
        for number, each in enumerate(pages, 1):
            Image.new("RGB", size, (number % 256, 90, 120)).save(root / "image" / f"{number:06d}.jpg")
            text = each if isinstance(each, str) else json.dumps(each)
            (root / "annos" / f"{number:06d}.json").write_text(text)
        return root

    return make
