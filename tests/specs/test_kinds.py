"""A kind of spec is a folder: others beside it, even with a message of the same name, change nothing for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from refusals import error_of

import specs
from tltpipe.errors import SpecError, UsageError

DATA = Path(__file__).parents[1] / "data"
TRAINING = DATA / "seed-specs" / "training.conf"

ANOTHER_EXPERIMENT = '''
"""Another network's spec, whose message is called as SSD's is."""
import dataclasses
from specs.spec import Training

MESSAGE, SCHEMA, ELSEWHERE, IMAGE_SIZE, SIZE = "Experiment", "specs.another.tlt9", {}, None, None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Another:
    epochs: int = 3


TUNABLES = Another


def training(spec):
    return Training(spec.message.another_config.epochs, 1)
'''

MESSAGES = """
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_file = descriptor_pb2.FileDescriptorProto(name="another.proto", package="another.tlt9")
_config = _file.message_type.add(name="AnotherConfig")
_config.field.add(name="epochs", number=1, type=5, label=1)
_whole = _file.message_type.add(name="Experiment")
_whole.field.add(name="another_config", number=1, type=11, label=1, type_name=".another.tlt9.AnotherConfig")
_whole.field.add(name="random_seed", number=2, type=5, label=1)
_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file)
Experiment = message_factory.GetMessageClass(_pool.FindMessageTypeByName("another.tlt9.Experiment"))
"""

PLAIN = '''
"""A kind that reads its own text: lines of "name = number" below a title."""
import dataclasses
from specs.spec import Spec, Training
from tltpipe.errors import Location, SpecError

DATA, SIZE = "coco", None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plain:
    epochs: int = 3


TUNABLES = Plain


def parse_text(text, *, source, strict):
    lines = text.splitlines()
    if lines[0] != "[plain]":
        raise SpecError("a plain spec begins with [plain]", where=Location(source, 1, 1))
    values = dict(line.split(" = ") for line in lines[1:])
    return Spec(Plain(epochs=int(values["epochs"])), source, {"epochs": (2, 1)}, strict=strict)


def dump(spec):
    return f"[plain]\\nepochs = {spec.message.epochs}"


def recognises(text):
    return text.startswith("[plain]")


def image_size(spec):
    return None


def training(spec):
    return Training(spec.message.epochs, 1)


def more_epochs(before, now):
    return before.message.epochs if now.message.epochs > before.message.epochs else None
'''


NEAR = '''
"""A kind in YAML that has all sections of Faster R-CNN but for the model."""
from dataclasses import dataclass

from specs.rcnn import Dataset
from specs.sections import STRICT, Evaluate, Train

DATA, SIZE = "coco", None


@dataclass(frozen=True, kw_only=True)
class Near:
    likeness: int = 8


TUNABLES = Near


@dataclass(frozen=True, kw_only=True)
class Model:
    __pydantic_config__ = STRICT

    likeness: int = 8


@dataclass(frozen=True, kw_only=True)
class Experiment:
    __pydantic_config__ = STRICT

    model: Model
    dataset: Dataset
    train: Train
    evaluate: Evaluate = Evaluate()


EXPERIMENT = Experiment
'''

WIDER = NEAR.replace("    likeness: int = 8\n", "    likeness: int = 8\n    distance: int = 1\n")
"""A kind with all keys of ``near`` and one more."""
REST = """
dataset: {train_data_sources: [{image_dir: /d, json_file: /d/a.json}], classes: [a], batch_size: 2}
train: {num_epochs: 3, seed: 4}
"""


@pytest.fixture(autouse=True)
def _other_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``another``, which comes before ``ssd`` in the alphabet, ``plain``, ``near`` and ``wider``."""
    files = {
        "another/__init__.py": ANOTHER_EXPERIMENT, "another/tlt9.py": MESSAGES, "plain/__init__.py": PLAIN,
        "near/__init__.py": NEAR, "wider/__init__.py": WIDER,
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(specs, "__path__", [*specs.__path__, str(tmp_path)])
    yield
    for name in ("another", "plain", "near", "wider"):
        monkeypatch.delattr(specs, name, raising=False)

    for name in ("specs.another", "specs.another.tlt9", "specs.plain", "specs.near", "specs.wider"):
        sys.modules.pop(name, None)


def test_a_second_message_of_the_same_name_changes_nothing() -> None:
    text = TRAINING.read_text()
    assert "another" in specs.folders()
    spec = specs.parse(TRAINING, "ssd")
    assert (spec.kind, spec.dialect, specs.image_size(spec)) == ("ssd", "tlt2", (288, 288))
    assert specs.training(spec) == specs.Training(100, 20)
    assert specs.recognise(text, source="x") == "ssd"
    with pytest.raises(SpecError) as caught:
        specs.parse_text(text.replace("num_epochs", "num_epoch"), "ssd", source="train.conf")
    assert 'no field "num_epoch"' in str(caught.value)
    assert caught.value.hint is None or "another" not in caught.value.hint

    mine = specs.parse_text("random_seed: 1 another_config { epochs: 7 }", "another", source="a.conf")
    assert (mine.kind, mine.dialect, specs.training(mine).epochs) == ("another", "tlt9", 7)
    assert specs.parse_text(specs.dump(mine), "another", source="").message == mine.message


def test_of_kinds_that_share_sections_the_nearest_is_meant() -> None:
    assert specs.recognise(f"model: {{likeness: 4}}{REST}", source="x") == "near"
    assert specs.recognise(f"model: {{version: 2}}{REST}", source="x") == "faster_rcnn"
    with pytest.raises(SpecError, match="near") as caught:
        specs.parse_text(f"model: {{likeness: 4}}{REST}", "faster_rcnn", source="train.yaml")
    assert "faster_rcnn" in str(caught.value.hint)
    with pytest.raises(SpecError, match="near"):
        specs.recognise(REST, source="x")


def test_a_kind_with_more_keys_than_another_is_meant_by_those_alone() -> None:
    assert specs.recognise(f"model: {{distance: 4}}{REST}", source="x") == "wider"
    text = f"model: {{likeness: 4}}{REST}"
    assert specs.recognise(text, source="x") == "near"
    assert specs.parse_text(text, "wider", source="x").message.model.distance == 1
    error_of(SpecError, specs.parse_text, text.replace("4", "few", 1), "wider", source="x", match="likeness must be")


def test_a_kind_reads_and_writes_its_own_text() -> None:
    text = "[plain]\nepochs = 3"
    spec = specs.parse_text(text, "plain", source="a.txt", strict=True)
    assert (spec.kind, spec.strict, spec.message.epochs) == ("plain", True, 3)
    assert str(spec.where("epochs")) == "a.txt:2:1"
    assert specs.dump(spec) == text
    assert specs.recognise(text, source="a.txt") == "plain"
    longer = specs.parse_text("[plain]\nepochs = 5", "plain", source="a.txt")
    assert (specs.more_epochs(spec, longer), specs.more_epochs(longer, spec)) == (3, None)
    assert specs.more_epochs(specs.parse(TRAINING, "ssd"), longer) is None
    assert (specs.measuring(spec), specs.making(spec)) == ((), ())


@pytest.mark.parametrize(
    ("text", "kind", "other"),
    [
        (TRAINING.read_text(), "augment", "ssd"),
        (TRAINING.read_text(), "another", "ssd"),
        (TRAINING.read_text(), "plain", "ssd"),
        ("[plain]\nepochs = 3", "ssd", "plain"),
        ("another_config { epochs: 3 }", "ssd", "another"),
        ((DATA / "seed-specs/KITTI-augmentation.conf").read_text(), "ssd", "augment"),
        ((DATA / "seed-specs/KITTI_dataset_conversion.conf").read_text(), "augment", "dataset_convert"),
    ],
)
def test_a_spec_of_another_kind_is_called_so(text: str, kind: str, other: str) -> None:
    error = error_of(SpecError, specs.parse_text, text, kind, match=rf"\b{other}\b.*\b{kind}\b", source="a.conf")
    assert "\n" not in str(error)
    assert str(error.where) == "a.conf"


def test_an_unknown_kind_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="sdd"):
        specs.parse(TRAINING, "sdd")
