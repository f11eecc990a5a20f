"""A tiny DeepFashion2 split, made by hand: real JPEG files and annotation files of the published shape."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from converters import garments

Json = dict[str, Any]


@dataclass(frozen=True)
class Maker:
    """Makes well-formed annotations and the split folders that hold them."""

    root: Path

    def landmarks(self, count: int) -> list[int]:
        """``count`` triplets: visible, but the second occluded and the last cut off by the picture."""
        points = [[12 + 2 * n, 14 + n, 2] for n in range(count)]
        points[1][2] = 1
        points[-1] = [0, 0, 0]
        return [number for point in points for number in point]

    def item(self, category_id: int = 9, **changes: Any) -> Json:
        """A garment; ``changes`` replace fields, and ``...`` as a value removes one."""
        garment = garments.BY_ID[category_id]
        fields: Json = {
            "segmentation": [[10, 12, 60, 12, 60.25, 40.5, 10, 40, 10, 12]],
            "scale": 2,
            "viewpoint": 2,
            "zoom_in": 1,
            "landmarks": self.landmarks(garment.landmarks),
            "style": 1,
            "bounding_box": [10, 12, 61, 41],
            "category_id": category_id,
            "occlusion": 2,
            "category_name": garment.label,
        }
        return {key: value for key, value in (fields | changes).items() if value is not ...}

    def page(self, *items: Json, source: str = "user", pair_id: int = 7) -> Json:
        """One annotation file."""
        return {**{f"item{number}": each for number, each in enumerate(items, 1)}, "source": source, "pair_id": pair_id}

    def split(self, *pages: Json | str, name: str = "train", size: tuple[int, int] = (80, 60)) -> Path:
        """A split folder with one picture for each page (an object, or the text of a file)."""
        folder = self.root / name
        for part in ("image", "annos"):
            (folder / part).mkdir(parents=True)
        for number, each in enumerate(pages, 1):
            Image.new("RGB", size, (number % 256, 90, 120)).save(folder / "image" / f"{number:06d}.jpg")
            text = each if isinstance(each, str) else json.dumps(each)
            (folder / "annos" / f"{number:06d}.json").write_text(text)
        return folder


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)
