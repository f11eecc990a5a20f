"""Whatever is in the files: a report, and a mended copy that has nothing left of what mending puts right."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from converters.health import examine
from converters.health.mending import mend
from converters.model import rules
from tltpipe.errors import TltpipeError
from tltpipe.progress import Silent

NUMBERS = (-1e5, -40, -0.5, 0, 0.004, 0.5, 1, 7, 39.999, 60, 80, 80.03, 80.7, 81, 300, 99999)
WILD = (*NUMBERS, 1e300, -(2**70), 2**53, None, True, "5", "", [], {}, [[]], [5], {"size": [60, 80], "counts": "0"})
PICTURES = 6


def box(chance: random.Random) -> list[float]:
    return [chance.choice(NUMBERS) for _ in range(4)]


def record(chance: random.Random, number: int) -> dict[str, Any]:
    """An annotation as whoever makes them badly might write it."""
    made: dict[str, Any] = {
        "id": number,
        "image_id": chance.randrange(1, PICTURES + 1),
        "category_id": chance.choice((1, 2)),
        "bbox": box(chance) if chance.random() < 0.6 else [10, 12, 30, 20],
        "iscrowd": 0,
    }
    if chance.random() < 0.4:
        made["segmentation"] = [[chance.choice(NUMBERS) for _ in range(2 * chance.randrange(5))]]
    if chance.random() < 0.4 and made["category_id"] == 1:
        made["keypoints"] = [value for _ in range(2) for value in (*box(chance)[:2], chance.randrange(3))]
        made["num_keypoints"] = 2
    if chance.random() < 0.1:
        made["segmentation"] = {"size": [chance.choice((60, 80)), 80], "counts": [4800]}
    if chance.random() < 0.15:
        made[chance.choice(list(made))] = chance.choice(WILD)
    return made


def data(root: Path, seed: int) -> Path:
    chance = random.Random(seed)
    (root / "images/train").mkdir(parents=True)
    (root / "annotations").mkdir()
    images = []
    for number in range(1, PICTURES + 1):
        exif = Image.Exif()
        exif[0x0112] = chance.choice((1, 1, 3, 6, 7))
        mode = chance.choice(("RGB", "RGB", "L", "CMYK"))
        path = root / f"images/train/{number:03d}.jpg"
        Image.effect_noise((80, 60), chance.choice((40, 60, 90))).convert(mode).save(path, exif=exif)
        if chance.random() < 0.2:
            path.write_bytes(path.read_bytes()[: chance.randrange(2000)])
        size = chance.choice(((80, 60), (80, 60), (60, 80), (160, 120), (90, 10)))
        images.append({"id": number, "file_name": path.name, "width": size[0], "height": size[1]})
    points = {"keypoints": ["left", "right"], "skeleton": []}
    categories = [{"id": 1, "name": "skirt", **points}, {"id": 2, "name": "vest"}]
    annotations = [record(chance, number) for number in range(1, chance.randrange(5, 25))]
    page = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations/instances_train.json").write_text(json.dumps(page))
    return root


@pytest.mark.parametrize("seed", range(60))
def test_what_is_mended_is_clean(seed: int, tmp_path: Path) -> None:
    root = data(tmp_path / "data", seed)
    try:
        report = examine(root, format="coco", deep=seed % 2 == 0, progress=Silent())
        mend(root, tmp_path / "out", report=report, allow_loss=True, progress=Silent())
    except TltpipeError:  # not one picture is usable, or the whole file is not
        return
    assert json.dumps(report.as_json())
    left = examine(tmp_path / "out", deep=seed % 2 == 0, progress=Silent()).findings
    assert not [found for found in left if found.rule.mended], report.findings
    assert rules.UNREADABLE not in {found.rule for found in left}
