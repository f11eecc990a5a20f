"""A workspace with a few real pictures, and a Run on it that shows nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from converters import garments
from orchestrator import session
from orchestrator.config import Given
from orchestrator.report import Quiet
from orchestrator.run import Run

SIZE = (96, 72)


def draw_split(folder: Path, count: int) -> None:
    """``count`` pictures of one garment each, with annotations of the published shape."""
    for part in ("image", "annos"):
        (folder / part).mkdir(parents=True)
    for number in range(1, count + 1):
        garment = garments.CATEGORIES[number % len(garments.CATEGORIES)]
        left, top = 10 + number % 7, 12
        picture = Image.new("RGB", SIZE, (200, 210, 220))
        ImageDraw.Draw(picture).rectangle((left, top, left + 50, top + 40), fill=(number * 37 % 256, 90, 120))
        picture.save(folder / "image" / f"{number:06d}.jpg")
        item = {
            "segmentation": [[left, top, left + 50, top, left + 50, top + 40, left, top + 40]],
            "scale": 2,
            "viewpoint": 2,
            "zoom_in": 1,
            "landmarks": [value for n in range(garment.landmarks) for value in (left + n % 50, top + n % 40, 2)],
            "style": 1,
            "bounding_box": [left, top, left + 50, top + 40],
            "category_id": garment.id,
            "occlusion": 1,
            "category_name": garment.label,
        }
        page = {"item1": item, "source": "user", "pair_id": number}
        (folder / "annos" / f"{number:06d}.json").write_text(json.dumps(page))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with raw data: five pictures to train on, three to validate on."""
    root = tmp_path / "work"
    draw_split(root / "Original-Data" / "train", 5)
    draw_split(root / "Original-Data" / "validation", 3)
    return root


Start = Callable[..., Run]


@pytest.fixture
def start(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """A Run on the workspace: ``start(runner="dry", **{"ssd.num_epochs": 3}, force=True)``."""
    for name in ("TLTPIPE_KEY", "TLTPIPE_RUNNER", "TLTPIPE_TOOLKIT", "TLTPIPE_IMAGE"):
        monkeypatch.delenv(name, raising=False)

    def begin(*, force: bool = False, render: bool = False, subject: Path | None = None, **settings: Any) -> Run:
        flags = {name: Given(value, f"--{name}") for name, value in settings.items()}
        return session.start(workspace, Quiet(), flags=flags, force=force, render=render, subject=subject)

    return begin
