"""A training that ends after so many iterations, in the middle of an epoch: in one piece, and killed in that epoch."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import warm
from PIL import Image

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.programs import train
from runtime.weights import checkpoint

NAME = "faster_rcnn_resnet18"
SPEC = """\
model:
  backbone: {{type: resnet18, returned_layers: [3, 4], fpn_channels: 16}}
  min_size: 64
  max_size: 128
  anchor_sizes: [[16], [32], [48]]
  rpn: {{pre_nms_top_n_train: 40, post_nms_top_n_train: 20, pre_nms_top_n_test: 40, post_nms_top_n_test: 20}}
  box: {{batch_size_per_image: 16, representation_size: 16}}
dataset:
  train_data_sources: [{{image_dir: "{root}", json_file: "{root}/train.json"}}]
  val_data_sources: [{{image_dir: "{root}", json_file: "{root}/train.json"}}]
  classes: [block]
  batch_size: 2
  workers: 1
train:
  num_iterations: {iterations}
  enable_ema: true
  optim: {{optimizer: sgd, lr: 1e-3, lr_scheduler: poly, lr_power: 1, warmup_steps: 0}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Six images in batches of two: eight iterations are two epochs of three, and one of two."""
    random, images, things = np.random.default_rng(0), [], []
    for number in range(1, 7):
        pixels = random.integers(0, 90, (64, 64, 3), np.uint8)
        pixels[16:40, 10:50] = 250
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 64, "height": 64})
        things.append({"id": number, "image_id": number, "category_id": 1, "bbox": [10, 16, 40, 24], "area": 960})
    document = {"images": images, "annotations": things, "categories": [{"id": 1, "name": "block"}]}
    (tmp_path / "train.json").write_text(json.dumps(document))
    path = tmp_path / "train.yaml"
    path.write_text(SPEC.format(root=tmp_path, iterations=8))
    return path


def rows(results: Path) -> list[dict[str, str]]:
    with (results / "faster_rcnn_training_log_resnet18.csv").open() as stream:
        return [
            {name: row[name] for name in row if name not in ("images_per_second", "data_wait")}
            for row in csv.DictReader(stream)
        ]


def killed_in_the_last_epoch(spec: Path, results: Path) -> None:
    """With kill -9, as soon as a part of the third epoch is saved."""
    words = ["faster_rcnn", "-e", str(spec), "-r", str(results), "--save-minutes", "0"]
    process = subprocess.Popen([*warm.command("tlt-train"), *words], stdout=subprocess.PIPE)
    second, part = results / f"weights/{NAME}_epoch_002.safetensors", results / f"weights/{NAME}_unfinished.safetensors"
    while process.poll() is None and not (second.is_file() and part.is_file()):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()  # ends with the last process that writes there
    assert process.returncode == -signal.SIGKILL


def test_exactly_so_many_iterations_also_when_killed_in_the_short_epoch(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    words = ["faster_rcnn", "-e", str(spec)]
    assert train.main([*words, "-r", str(whole)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"iterations +8: 2 epochs of 3 steps and one of 2 steps\n", said)
    assert "trained 3 epochs" in said
    log = rows(whole)
    assert [row["epoch"] for row in log] == ["1", "2", "3"]
    # The next rate: (1 - progress) of what the first one is.
    assert [float(row["lr"]) for row in log] == pytest.approx([1e-3 * 5 / 8, 1e-3 * 2 / 8, 0], rel=1e-4)
    assert log[-1]["mAP"] != "nan", "the last epoch is validated"
    last = checkpoint.load(whole / f"weights/{NAME}_epoch_003.safetensors")
    assert last.resume is not None
    assert last.resume.step == 8
    status = [json.loads(line) for line in (whole / "status.json").read_text().splitlines()]
    assert {line["max_epoch"] for line in status if "max_epoch" in line} == {3}

    killed_in_the_last_epoch(spec, parts)
    assert train.main([*words, "-r", str(parts)]) == 0
    said = capsys.readouterr().out
    assert "going on" in said or "finishing" in said
    assert rows(parts) == log
    other = checkpoint.load(parts / f"weights/{NAME}_epoch_003.safetensors")
    assert other.resume is not None
    assert other.resume.step == 8
    assert [name for name, value in last.model.items() if not torch.equal(value, other.model[name])] == []

    capsys.readouterr()
    again = [*words, "-r", str(tmp_path / "more"), "-m", str(whole / f"weights/{NAME}_epoch_003.safetensors")]
    assert train.main([*again, "--initial_epoch", "4"]) == 2
    assert "num_iterations" in capsys.readouterr().err
