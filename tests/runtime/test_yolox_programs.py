"""YOLOX through the programs, straight from a folder with data.yaml: it learns, resumes, evaluates; what it refuses."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from killing import kill_after
from PIL import Image, ImageDraw

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.programs import evaluate, infer, train
from runtime.weights import checkpoint

NAME = "yolox_nano"
SIDE = 64
COLOURS = {"zebra": (250, 40, 40), "Ant": (40, 250, 40), "moose": (40, 40, 250)}
"""The classes, in the order of data.yaml, which is none of the alphabet; no moose is drawn."""
SPEC = """\
model: {{type: nano}}
dataset:
  train_data_sources: [{{path: {root}/data.yaml, format: yolo}}]
  val_data_sources: [{{path: {root}/data.yaml, format: yolo}}]
  batch_size: 8
  width: 64
  height: 64
  workers: 1
  augmentation: {{mixup: {mixup}, mosaic: {mosaic}, mosaic_scale: [0.8, 1.2], degrees: 0, shear: 0, hsv_h: 0,
    closing_epochs: {closing}, multi_scale: {scales}}}
train:
  num_epochs: {epochs}
  validation_interval: {epochs}
  ema_decay: 0.95
  optim: {{optimizer: adamw, lr: 5e-3, lr_flat_epochs: 0}}
"""


def drawn(root: Path, *, train: int, val: int) -> Path:
    """A folder as YOLO has it: a disc is a zebra, a block an ant, none to two on each image."""
    for split, count in (("train", train), ("val", val)):
        (root / "images" / split).mkdir(parents=True)
        (root / "labels" / split).mkdir(parents=True)
        for number in range(count):
            draws = np.random.default_rng((len(split), number))
            height = int(draws.choice([48, SIDE]))
            image = Image.fromarray(draws.integers(90, 130, (height, SIDE, 3), np.uint8))
            lines = [_object(image, draws) for _ in range(number % 3)]
            image.save(root / f"images/{split}/{number:03}.png")
            (root / f"labels/{split}/{number:03}.txt").write_text("".join(lines))
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(COLOURS))
    (root / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\nnc: 3\nnames:\n{names}")
    return root


def _object(image: Image.Image, draws: np.random.Generator) -> str:
    kind, (wide, high) = int(draws.integers(2)), draws.uniform(0.25, 0.5, 2)
    left, top = draws.uniform(0, 1 - wide), draws.uniform(0, 1 - high)
    pen, colour = ImageDraw.Draw(image), list(COLOURS.values())[kind]
    box = (left * image.width, top * image.height, (left + wide) * image.width, (top + high) * image.height)
    (pen.rectangle if kind else pen.ellipse)(box, fill=colour)
    return f"{kind} {left + wide / 2:.6f} {top + high / 2:.6f} {wide:.6f} {high:.6f}\n"


def written(root: Path, *, epochs: int, closing: int, mosaic: float = 1.0, mixup: float = 1.0, scales: int = 0) -> Path:
    path = root / "spec.yaml"
    path.write_text(SPEC.format(root=root, epochs=epochs, closing=closing, mosaic=mosaic, mixup=mixup, scales=scales))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a training that learns, its data in ``data`` beside them."""
    folder = tmp_path_factory.mktemp("yolox")
    spec = written(drawn(folder / "data", train=96, val=24), epochs=12, closing=3, mosaic=0.3, mixup=0.0)
    assert train.main(["yolox", "-e", str(spec), "-r", str(folder / "results"), "--threads", "1"]) == 0
    return folder / "results"


def model_of(results: Path, epoch: int) -> Path:
    return results / f"weights/{NAME}_epoch_{epoch:03d}.safetensors"


def test_it_learns_from_a_yolo_folder(trained: Path) -> None:
    found = checkpoint.load(model_of(trained, 12))
    assert (found.network, found.classes) == (NAME, tuple(COLOURS)), "the classes of data.yaml, in its order"
    assert found.metrics["mAP50"] > 0.15


def test_evaluate_measures_the_validation_images_of_data_yaml(trained: Path, tmp_path: Path) -> None:
    words = [
        "yolox",
        "-e",
        str(trained.parent / "data/spec.yaml"),
        "-m",
        str(model_of(trained, 12)),
        "-r",
        str(tmp_path),
    ]
    assert evaluate.main(words) == 0
    found = json.loads((tmp_path / "evaluation/evaluation.json").read_text())
    labels = [path.read_text().count("\n") for path in (trained.parent / "data/labels/val").iterdir()]
    assert (found["network"], found["pictures"], found["objects"]) == (NAME, 24, sum(labels))
    assert found["figures"]["mAP50"] == pytest.approx(checkpoint.load(model_of(trained, 12)).metrics["mAP50"])


def test_infer_finds_what_was_drawn_in_pixels_of_the_image(trained: Path, tmp_path: Path) -> None:
    data = trained.parent / "data"
    words = ["yolox", "-i", str(data / "images/val"), "-m", str(model_of(trained, 12)), "-t", "0.1"]
    assert infer.main([*words, "-o", str(tmp_path / "drawn"), "-l", str(tmp_path / "labels")]) == 0
    hits, objects = 0, 0
    for path in sorted((data / "labels/val").iterdir()):
        with Image.open(data / f"images/val/{path.stem}.png") as image:
            width, height = image.size
        found = [line.split() for line in (tmp_path / f"labels/{path.name}").read_text().splitlines()]
        for line in path.read_text().splitlines():
            kind, x, y, wide, high = map(float, line.split())
            box = ((x - wide / 2) * width, (y - high / 2) * height, (x + wide / 2) * width, (y + high / 2) * height)
            objects += 1
            hits += any(each[0] == list(COLOURS)[int(kind)] and _iou(box, each[4:8]) > 0.5 for each in found)
    assert hits > objects / 2


def _iou(one: tuple[float, ...], words: list[str]) -> float:
    other = [float(word) for word in words]
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, wide) * max(0.0, high)
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return common / (sum(areas) - common)


def test_killed_with_mosaics_and_started_again_ends_in_the_same_bits(tmp_path: Path) -> None:
    """Of three epochs the last one is without mosaic and with the L1 loss."""
    spec = written(drawn(tmp_path / "data", train=24, val=4), epochs=3, closing=1, scales=1)
    words = ("--save-minutes", "0", "--threads", "1")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train.main(["yolox", "-e", str(spec), "-r", str(whole), *words]) == 0
    moments = [random.randrange(1, 5) for _ in range(2)]
    print(f"killed after {moments} lines")
    kill_after(moments[0], "yolox", spec, parts, *words)
    said = kill_after(moments[1], "yolox", spec, parts, *words)
    assert re.search(r"going on (after epoch \d of 3|in epoch \d of 3, after step \d), from ", said)
    assert train.main(["yolox", "-e", str(spec), "-r", str(parts), *words]) == 0
    one, other = (checkpoint.load(model_of(results, 3)) for results in (whole, parts))
    assert [name for name, value in one.model.items() if not torch.equal(value, other.model[name])] == []
    assert one.resume is not None
    assert other.resume is not None
    momenta = [resume.optimizer["state"] for resume in (one.resume, other.resume)]
    assert all(torch.equal(momenta[0][place]["exp_avg"], momenta[1][place]["exp_avg"]) for place in momenta[0])


def _replaced(file: str, old: str, new: str) -> Callable[[Path], object]:
    return lambda root: (root / file).write_text((root / file).read_text().replace(old, new))


REFUSED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "nc": (_replaced("data.yaml", "nc: 3", "nc: 4"), "data.yaml", "nc is 4"),
    "class": (lambda root: (root / "labels/train/001.txt").write_text("0 .5 .5 .2 .2\n3 .5 .5 .2 .2\n"),
              "labels/train/001.txt:2:1", "3"),
    "validation class": (lambda root: (root / "labels/val/001.txt").write_text("7 .5 .5 .2 .2\n"),
                         "labels/val/001.txt:1:1", "7"),
    "no val": (_replaced("data.yaml", "val: images/val\n", ""), "data.yaml: ", "validation"),
    "file": (lambda root: (root / "data.yaml").unlink(), "spec.yaml:3:", "data.yaml"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_bad_data_end_in_one_error_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    spec = written(drawn(tmp_path / "data", train=3, val=3), epochs=1, closing=0)
    change, place, word = REFUSED[name]
    change(tmp_path / "data")
    assert train.main(["yolox", "-e", str(spec), "-r", str(tmp_path / "r")]) == 3
    (error,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert error.startswith(f"error: {tmp_path}/data/{place}")
    assert word in error


def test_images_without_objects_or_labels_are_background(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = drawn(tmp_path / "data", train=8, val=3)
    (root / "labels/train/001.txt").unlink()
    (root / "labels/train/002.txt").write_text("0 .5 .5 0 .2\n1 .25 .25 .25 .25\n")
    spec = written(root, epochs=1, closing=0)
    assert train.main(["yolox", "-e", str(spec), "-r", str(tmp_path / "r"), "--threads", "1"]) == 0
    said = capsys.readouterr()
    assert "8 images, 5 boxes, 4 of the images without objects" in said.out
    assert "in: 8 images, 6 items; out: 8 images, 5 items" in said.out
    assert "without width or height" in said.out + said.err
