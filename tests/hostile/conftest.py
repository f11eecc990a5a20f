"""The command line as a user runs it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import warm
from PIL import Image

LINE = "vest 0.00 0 0.00 10 20 60 80 0 0 0 0 0 0 0\n"
SPEC = """\
spatial_config { }
dataset_config { image_path: "image" label_path: "label" }
output_image_width: 64 output_image_height: 48 image_extension: ".jpg"
"""
CONVERSION = """\
kitti_config { root_directory_path: "Original-Data/train" image_dir_name: "image" label_dir_name: "label"
  image_extension: ".jpg" partition_mode: "random" num_partitions: 2 val_split: 50 num_shards: 1 }
"""
Tltpipe = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tltpipe() -> Tltpipe:
    """Runs ``tltpipe`` with these words in the current folder."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        argv = [*warm.command("tltpipe"), *words]
        return subprocess.run(argv, capture_output=True, text=True)

    return run


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, a workspace: four images with a label each, specs for tlt-augment and tlt-dataset-convert."""
    work = tmp_path / "work"
    for folder in ("image", "label"):
        (work / "Original-Data/train" / folder).mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (120, 90), (40 * number, 90, 9)).save(work / f"Original-Data/train/image/{number:03d}.jpg")
        (work / f"Original-Data/train/label/{number:03d}.txt").write_text(LINE)
    (work / "augment.conf").write_text(SPEC)
    (work / "convert.conf").write_text(CONVERSION)
    (work / "tltpipe.yaml").write_text("data: {format: kitti, splits: [train]}\n")
    monkeypatch.chdir(work)
    return work
