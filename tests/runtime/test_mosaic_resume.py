"""A training with mosaics of several sizes that is killed goes on to the same bits, through its closing epoch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.programs import train
from runtime.weights import checkpoint

ROOT = Path(__file__).parents[2]
WEIGHTS = "weights/yolox_nano_epoch_003.safetensors"
SPEC = """\
model: {{type: nano}}
dataset:
  train_data_sources: [{{image_dir: "{root}", json_file: "{root}/train.json"}}]
  classes: [block]
  batch_size: 2
  width: 64
  height: 64
  workers: 2
  augmentation: {{mosaic: 0.8, mixup: 0.5, multi_scale: 1, closing_epochs: 1}}
train: {{num_epochs: 3, enable_ema: true}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Seven images in batches of two: four iterations an epoch."""
    random, images, things = np.random.default_rng(0), [], []
    for number in range(1, 8):
        pixels = random.integers(0, 90, (70, 50 + 5 * number, 3), np.uint8)
        pixels[16:40, 10:40] = 250
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 50 + 5 * number, "height": 70})
        things.append({"id": number, "image_id": number, "category_id": 1, "bbox": [10, 16, 30, 24], "area": 720})
    document = {"images": images, "annotations": things, "categories": [{"id": 1, "name": "block"}]}
    (tmp_path / "train.json").write_text(json.dumps(document))
    path = tmp_path / "train.yaml"
    path.write_text(SPEC.format(root=tmp_path))
    return path


def kill_once_saved(words: list[str], name: str) -> None:
    """Start a training; kill -9 as soon as its ``name`` is saved."""
    program = "import sys; from runtime.programs.train import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words, "--save-minutes", "0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    while process.poll() is None and not Path(name).is_file():
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_killed_twice_it_comes_to_the_same_bits(spec: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    words = ["yolox", "-e", str(spec), "-r"]
    assert train.main([*words, str(whole)]) == 0
    kill_once_saved([*words, str(parts)], f"{parts}/weights/yolox_nano_unfinished.safetensors")
    kill_once_saved([*words, str(parts)], f"{parts}/weights/yolox_nano_epoch_002.safetensors")
    assert train.main([*words, str(parts)]) == 0
    one, other = checkpoint.load(whole / WEIGHTS), checkpoint.load(parts / WEIGHTS)
    assert one.metrics == other.metrics
    assert [name for name, value in one.model.items() if not torch.equal(value, other.model[name])] == []
