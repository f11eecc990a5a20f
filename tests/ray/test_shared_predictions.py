"""tlt-evaluate and tlt-infer on the nodes of a Ray cluster: the bytes of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import ray_cluster
from fixed_model import map_model
from output_trees import tree
from PIL import Image

from tltpipe.executors import VARIABLE

pytestmark = pytest.mark.ray

BIN = Path(sys.executable).parent
COUNT = 150
"""Images: three chunks."""
SOURCE = "[{image_dir: images, json_file: coco.json}]"
SPEC = f"""\
dataset:
  train_data_sources: {SOURCE}
  val_data_sources: {SOURCE}
  classes: [skirt]
  width: 32
  height: 64
  batch_size: 4
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, annotations, a spec with paths that are not absolute, and a model."""
    root = tmp_path_factory.mktemp("predictions")
    (root / "images").mkdir()
    images, things = [], []
    for number in range(COUNT):
        draws = np.random.default_rng(number)
        Image.new("RGB", (40, 48), tuple(draws.integers(0, 255, 3).tolist())).save(root / f"images/{number:03}.png")
        images.append({"id": number, "file_name": f"{number:03}.png", "width": 40, "height": 48})
        left, top = draws.integers(1, 12, 2).tolist()
        ring = [left, top, left + 20, top, left + 20, top + 30, left, top + 30]
        thing = {"id": number + 1, "image_id": number, "category_id": 1, "area": 600, "iscrowd": 0}
        things.append(thing | {"bbox": [left, top, 20, 30], "segmentation": [ring]})
    skirt = {"id": 1, "name": "skirt"}
    (root / "coco.json").write_text(json.dumps({"images": images, "annotations": things, "categories": [skirt]}))
    (root / "spec.yaml").write_text(SPEC)
    map_model(root / "unet.onnx", ("skirt",), np.indices((64, 32)).sum(0).astype(np.uint8) // 24 % 2)
    return root


@pytest.mark.parametrize(
    "words",
    [
        ["tlt-evaluate", "unet", "-e", "spec.yaml", "-m", "unet.onnx", "--no-plots"],
        ["tlt-infer", "unet", "-i", "images", "-m", "unet.onnx", "--sheet", "OUT/sheet.jpg"],
    ],
    ids=lambda words: str(words[0]),
)
def test_two_nodes_give_the_bytes_of_one_process(words: list[str], place: Path, cluster: ray_cluster.Cluster) -> None:
    trees = []
    for executor in ("", f"ray:{cluster.address}"):
        out = f"{words[0]}-{executor[:3]}"
        argv = [BIN / words[0], *(word.replace("OUT", out) for word in words[1:]), "-r", out, "--threads", "1"]
        environment = os.environ | {VARIABLE: executor}
        ended = subprocess.run(
            argv, cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stderr
        trees.append(tree(place / out))
    assert trees[0] == trees[1]
    assert len(trees[0]) == (2 * COUNT + 1 if words[0] == "tlt-infer" else 2)
