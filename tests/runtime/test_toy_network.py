"""A network and a task are a folder each: both are written to a temporary place here, and no other line is changed.

The toy says on which side of an image the circle is, from images of any size: an image-level label, no box anywhere.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import runtime.networks
import runtime.tasks
import specs
from runtime.programs import evaluate, infer, train

pytestmark = pytest.mark.torch

SPECS = '''
"""Specs of the toy network."""

from dataclasses import asdict, dataclass

import yaml

from specs.spec import Spec, Training

DATA = "tfrecords"


@dataclass(frozen=True)
class Toy:
    root: str = ""
    epochs: int = 2


TUNABLES = Toy


def parse_text(text, *, source, strict):
    return Spec(Toy(**yaml.safe_load(text)["toy"]), source, strict=strict)


def dump(spec):
    return yaml.safe_dump({"toy": asdict(spec.message)})


def recognises(text):
    return text.startswith("toy:")


def image_size(spec):
    return None


def training(spec):
    return Training(spec.message.epochs, 1)
'''

NETWORK = '''
"""The mean colours of both halves of an image, and one layer."""

from pathlib import Path

TASK = "sides"


def recipe(spec):
    from runtime.data.recipe import Data, Evaluation, Recipe, Source
    from runtime.imaging.views.framing import KeepAspect

    root, plain = spec.message.root, KeepAspect(min_sizes=())
    source = Source(Path(root, "pictures"), f"{root}/TFRecords/*", "tfrecord")
    return Recipe(
        spec=spec, network="toy", name="toy_halves", classes=("left", "right"), model=None, seed=5,
        epochs=spec.message.epochs, batch_size=6, checkpoint_interval=1, size=None,
        data=Data((source,), (), {"circle": "left", "square": "right"}, fold=0),
        training_view=KeepAspect(min_sizes=(40, 48, 64)), plain_view=plain, inference_view=plain,
        evaluation=Evaluation(1, 4), schedule=lambda steps, processes: lambda step: 0.1,
    )


def build(recipe):
    import torch
    from torch.nn.functional import cross_entropy

    class Toy(torch.nn.Module):
        input_size = None

        def __init__(self):
            super().__init__()
            self.head = torch.nn.Linear(6, 2)

        def logits(self, images):
            halves = [half.mean((1, 2)) for each in images for half in each.chunk(2, dim=2)]
            return self.head(torch.cat(halves).reshape(-1, 6) / 255)

        def forward(self, images, targets):
            return {"class": cross_entropy(self.logits(images), torch.stack([each["label"] for each in targets]) - 1)}

        @torch.no_grad()
        def predict(self, images):
            best = self.logits(images).softmax(1).max(1)
            return [{"label": label + 1, "score": score} for score, label in zip(*best)]

    return Toy()
'''

TASK = '''
"""On which side of an image the circle is."""

from contextlib import contextmanager

import numpy as np

from runtime.data.fields import Value
from runtime.tasks import Scores, class_names
from tltpipe.errors import UsageError


def side(annotated):
    return [1 + int(annotated.boxes[0, 0] > annotated.boxes[1, 0])]


FIELDS = {"label": Value(np.int64, side, per="image")}


def restore(prediction, image):
    return prediction


def draw(image, items, classes, *, target=None):
    from PIL import ImageDraw

    copy = image.convert("RGB").copy()
    ImageDraw.Draw(copy).text((2, 2), class_names(items, classes)[0], fill="red")
    return copy


class Accuracy:
    def __init__(self, classes):
        self.classes, self.right, self.all = classes, np.zeros(len(classes)), np.zeros(len(classes))

    def update(self, predictions, targets, images):
        for prediction, target in zip(predictions, targets, strict=True):
            self.all[target["label"] - 1] += 1
            self.right[target["label"] - 1] += prediction["label"] == target["label"]

    def scores(self):
        recall = self.right / np.maximum(self.all, 1)
        top1 = self.right.sum() / max(1, self.all.sum())
        named = dict(zip(self.classes, recall.tolist(), strict=True))
        return Scores("top1", {"top1": float(top1)}, {"recall": named}, lines=(f"top1 {top1:.3f}",))

    def report(self, images, options):
        return Report(self.scores(), [images.name(index) for index in range(len(images))])


class Report:
    def __init__(self, scores, names):
        self.scores, self.names = scores, names

    def lines(self):
        return self.scores.lines

    def values(self):
        return {"images": self.names}

    def draw(self, folder):
        return []

    def write_coco(self, folder):
        raise UsageError("COCO has no format for sides of images")


def metrics(classes, recipe):
    return Accuracy(classes)


class Sides:
    suffix = ".side"

    def require_no_annotations(self, path):
        pass

    @contextmanager
    def open(self, path, options):
        yield Results(path, options.classes)


class Results:
    about = ()

    def __init__(self, folder, classes):
        self.folder, self.classes = folder, classes

    def add(self, image, name, prediction):
        self.folder.mkdir(exist_ok=True)
        (self.folder / name).write_text(class_names(prediction, self.classes)[0])


def writers():
    return {"labels": Sides()}
'''


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[None]:
    """The three files, found by their packages while the test lasts."""
    files: list[tuple[ModuleType, str, str]] = [
        (specs, "toy/__init__.py", SPECS), (runtime.networks, "toy/__init__.py", NETWORK),
        (runtime.tasks, "sides.py", TASK),
    ]  # fmt: skip
    before = set(sys.modules)
    for package, name, text in files:
        path = tmp_path / "code" / package.__name__ / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        package.__path__.append(str(tmp_path / "code" / package.__name__))
    yield
    for package, _, _ in files:
        package.__path__.pop()
    for name in set(sys.modules) - before:
        if name in ("specs.toy", "runtime.networks.toy", "runtime.tasks.sides"):
            del sys.modules[name]


def weights(path: Path) -> dict[str, Any]:
    from runtime.weights import checkpoint

    return {name: tensor.tolist() for name, tensor in checkpoint.load(path).model.items()}


@pytest.mark.usefixtures("toy")
def test_a_toy_network_and_a_toy_task_without_any_other_edit(
    make_shapes: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes, spec = make_shapes(train=12, validation=6), tmp_path / "toy.yaml"
    spec.write_text(f"toy:\n  root: {shapes.root}\n  epochs: 2\n")
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    assert train.main(["toy", "-e", str(spec), "-r", str(whole), "--gpus", "0"]) == 0
    first, last = (whole / f"weights/toy_halves_epoch_00{epoch}.safetensors" for epoch in (1, 2))
    assert weights(first) != weights(last)
    with (whole / "toy_training_log_halves.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    columns = ["epoch", "loss", "lr", "recall_left", "recall_right", "top1", "validation_loss"]
    assert [*rows[0]][: len(columns)] == columns
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(0 <= float(row["top1"]) <= 1 and float(row["validation_loss"]) > 0 for row in rows)
    status = [json.loads(line) for line in (whole / "status.json").read_text().splitlines()]
    assert status[-1]["status"] == "SUCCESS"
    assert status[-1]["kpi"]["top1"] == rows[-1]["top1"]

    words = ["toy", "-e", str(spec), "-r", str(resumed), "--gpus", "0", "-m", str(first), "--initial_epoch", "2"]
    assert train.main(words) == 0
    assert weights(resumed / "weights" / last.name) == weights(last), "bit for bit"

    assert evaluate.main(["toy", "-e", str(spec), "-m", str(last), "-r", str(whole), "--gpus", "0"]) == 0
    told = json.loads((whole / "evaluation/evaluation.json").read_text())
    assert (told["network"], told["task"], told["primary"], len(told["images"])) == ("toy_halves", "sides", "top1", 6)
    assert told["top1"] == told["figures"]["top1"] == pytest.approx(float(rows[-1]["top1"]), abs=1e-5)

    images, labels, drawn = shapes.root / "pictures/train/images", tmp_path / "labels", tmp_path / "drawn"
    words = ["toy", "-i", str(images), "-m", str(last), "-l", str(labels), "-o", str(drawn), "--device", "cpu"]
    capsys.readouterr()
    assert infer.main(words) == 0
    said = capsys.readouterr().out
    assert ("predicted on 18 images" in said, "objects" in said) == (True, False)
    assert {path.read_text() for path in labels.iterdir()} <= {"left", "right"}
    assert len(list(labels.iterdir())) == len(list(drawn.iterdir())) == 18
    assert {path.suffix for path in labels.iterdir()} == {".side"}
    assert infer.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert ("objects" in told, sum(told["classes"].values())) == (False, 18), "a class for each image"
    assert infer.main([*words, "--coco", str(tmp_path / "coco.json")]) == 2
    assert "--coco" in capsys.readouterr().err
