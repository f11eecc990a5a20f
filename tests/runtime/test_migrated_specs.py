"""Specs of TAO's networks, migrated: the data that they name are read as there, and their networks are built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
import numpy as np
from coco_sources import shown
from PIL import Image

import specs
from converters import open_writer
from converters.formats.kitti import encode
from converters.model import Box, Object, Sample
from runtime import networks, tasks
from runtime.data import frames
from runtime.data.recipe import Recipe
from runtime.imaging.views.framing import KeepAspect
from specs import migration
from specs.migration.targets import Data, Options

pytestmark = pytest.mark.torch

SPECS = Path(__file__).parents[1] / "data" / "tao-specs"
OBJECTS = (("car", "van"), ("bus",), ("Van",), ("cyclist", "car"))
"""What is on each of four images."""


def recipe(name: str, *changes: tuple[str, str], data: Data | None = None) -> Recipe[Any]:
    """What the training of the migrated spec is to be like."""
    (path,) = SPECS.glob(f"{name}.*")
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    found = migration.migrate(text, source=path, to="tltpipe", options=Options(data=data))
    return networks.load(found.kind).recipe(specs.parse_text(found.text, found.kind, source="migrated"))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four images with KITTI labels, and the same as records of two folds: the first image is of fold 0."""
    monkeypatch.setenv("TLTPIPE_WORKSPACE", str(tmp_path))
    images, labels = tmp_path / "data/training/image_2", tmp_path / "data/training/label_2"
    records = tmp_path / "data/tfrecords/trainval"
    for folder in (images, labels, records, tmp_path / "data/val"):
        folder.mkdir(parents=True)
    samples = []
    for number, names in enumerate(OBJECTS):
        Image.new("RGB", (64, 48)).save(images / f"{number}.png")
        things = tuple(Object(name, Box(4 + place, 4, 40, 40)) for place, name in enumerate(names))
        samples.append(Sample(str(number), str(images / f"{number}.png"), 64, 48, things))
        (labels / f"{number}.txt").write_text(encode(samples[-1]))
    for fold, own in enumerate((samples[:1], samples[1:])):
        part = tmp_path / f"fold{fold}"
        with open_writer("tfrecord", part, ["car", "van", "bus", "cyclist"], images_dir="image_2", shards=1) as writer:
            for each in own:
                writer.add(each)
        (file,) = part.iterdir()
        file.rename(records / f"trainval-fold-{fold:03d}-of-002-shard-00000-of-00001")
    (tmp_path / "data/val/image_2").symlink_to(images)
    (tmp_path / "data/val/label_2").symlink_to(labels)
    return tmp_path


def test_labels_of_merged_classes(workspace: Path) -> None:
    """Objects of a class that the mapping gives another name are trained as that; those of others are left out."""
    asked = recipe("yolo_v4", *((f'"{old}"', f'"{new}"') for old, new in (
        ("door", "car"), ("gate", "van"), ("cart", "cyclist"))))  # fmt: skip
    assert asked.classes == ("car", "cyclist")
    split = frames.training(asked, asked.classes)
    parts = np.split(split.labels, split.starts[1:-1])
    assert [part.tolist() for part in parts] == [[1, 1], [], [1], [2, 1]]
    held_out = frames.validation(asked, asked.classes)
    assert held_out is not None
    assert held_out.labels.tolist() == [1, 1, 1, 2, 1]


def test_records_of_a_fold(workspace: Path) -> None:
    asked = recipe("faster_rcnn")
    split, held_out = frames.training(asked, asked.classes), frames.validation(asked, asked.classes)
    assert held_out is not None
    assert (len(split), split.labels.tolist()) == (3, [2, 1, 2])  # bike, car: the bus is left out
    assert (len(held_out), held_out.labels.tolist()) == (1, [2, 2])


def test_masks_of_merged_classes(workspace: Path) -> None:
    """Values of masks, by the lines that the migrated spec has for label_mapping.json."""
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (workspace / f"data/{kind}/{split}").mkdir(parents=True)
        Image.new("RGB", (4, 2)).save(workspace / f"data/images/{split}/a.jpg")
        values = np.array([[0, 1, 2, 3], [7, 7, 3, 0]], np.uint8)
        Image.fromarray(values).save(workspace / f"data/masks/{split}/a.png")
    found = migration.migrate((SPECS / "unet.txt").read_text(), source="a", to="tltpipe")
    lines = [line.removeprefix("# ") for line in found.text.splitlines() if line.startswith('# {"id"')]
    (workspace / "data/label_mapping.json").write_text("\n".join(lines))
    asked = recipe("unet")
    held_out = frames.validation(asked, asked.classes, tasks.fields(tasks.load("segmentation"), asked))
    assert held_out is not None
    target = shown(held_out, KeepAspect(min_sizes=())).targets[0]
    assert target["map"].tolist() == [[0, 1, 0, 1], [2, 2, 1, 0]]


@pytest.mark.parametrize(
    ("name", "changes", "parameters"),
    [
        ("faster_rcnn", (), (28e6, 29e6)),
        ("mask_rcnn", (("nlayers: 50", "nlayers: 10"),), (30e6, 32e6)),
        ("yolo_v3", (("nlayers: 18", "nlayers: 10"),), (8e6, 10e6)),
        ("yolo_v4", (('"cspdarknet"', '"cspdarknet_tiny"'),), (5e6, 5.1e6)),
        ("unet", (), (14e6, 15e6)),
    ],
)
def test_networks_are_built(name: str, changes: tuple[tuple[str, str], ...], parameters: tuple[float, float]) -> None:
    asked = recipe(name, *changes)
    with torch.device("meta"):
        model = networks.load(asked.network).build(asked)
    low, high = parameters
    assert low < sum(weights.numel() for weights in model.parameters()) < high


def test_the_table_of_several_tasks(workspace: Path) -> None:
    images = workspace / "data/images"
    images.mkdir()
    for number in range(2):
        Image.new("RGB", (60, 80)).save(images / f"{number}.jpg")
    for split in ("train", "val"):
        table = "fname,colour,season\n0.jpg,blue,summer\n1.jpg,red,winter\n"
        (workspace / f"data/{split}.csv").write_text(table)
    asked = recipe("multitask_classification")
    assert asked.classes == ("blue", "red")
    model = networks.load(asked.network).build(asked)
    assert sum(weights.numel() for weights in model.parameters()) > 11e6
