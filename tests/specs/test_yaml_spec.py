"""Specs in YAML: what a text says, and every way in which it does not fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType
from typing import Annotated, ClassVar, Literal

import pytest
from annotated_types import Ge
from hypothesis import example, given, settings
from hypothesis import strategies as st
from refusals import error_of

from specs import checks, rules, templating, yaml_spec
from specs.sections import STRICT, Source, Train
from specs.spec import Spec
from tltpipe.errors import Location, SpecError


@dataclass(frozen=True, kw_only=True)
class Model:
    __pydantic_config__: ClassVar = STRICT

    type: Literal["ResNet18", "resnet50"] = "resnet50"
    depth: Literal[1, 2] = 1
    sizes: tuple[tuple[float, ...], ...] = ()
    sides: tuple[Annotated[int, Ge(1)], ...] = (800,)
    limit: float | None = None


@dataclass(frozen=True, kw_only=True)
class Whole:
    __pydantic_config__: ClassVar = STRICT

    model: Model = field(default_factory=Model)
    sources: tuple[Source, ...]
    train: Train = field(default_factory=Train)
    name: str = ""


KIND = ModuleType("specs.toy")
KIND.EXPERIMENT = Whole  # type: ignore[attr-defined]
READER = yaml_spec.Reader(KIND)
SOURCES = "sources:\n  - {image_dir: /d, json_file: /d/a.json}\n"


def parse(text: str) -> Whole:
    spec = READER.parse_text(text, source="a.yaml", strict=False)
    findings = rules.examine(rules.Subject(spec))
    if findings:
        raise checks.together([checks.as_error(spec, finding) for finding in findings])
    message: Whole = spec.message
    return message


def refused(text: str) -> SpecError:
    return error_of(SpecError, parse, text)


def test_defaults_are_those_of_the_dataclasses() -> None:
    assert parse(SOURCES) == Whole(sources=(Source(image_dir="/d", json_file="/d/a.json"),))


def test_values_are_read_as_their_keys_want_them() -> None:
    text = "model: {type: resnet18, depth: '2', sizes: [[1, 2.5], [3]], sides: 640, limit: 1e-4}\nname: 0x10\n"
    assert parse(text + SOURCES).model == Model(
        type="ResNet18", depth=2, sizes=((1.0, 2.5), (3.0,)), sides=(640,), limit=1e-4
    )
    assert parse(text + SOURCES).name == "0x10", "text stays as it is written"
    assert parse(SOURCES + "train: {enable_ema: yes}").train.enable_ema is True
    assert parse(SOURCES + "model: {limit: null}\ntrain:\n").model.limit is None


def test_references() -> None:
    text = (
        "name: run\nmodel: {limit: '${train.optim.lr}', sides: '${model.sizes[0]}', sizes: [[3, 4]]}\n"
        "sources:\n  - {image_dir: '/d/${name}', json_file: '${sources[0].image_dir}/a.json'}\n"
    )
    spec = parse(text)
    assert spec.sources[0].json_file == "/d/run/a.json"
    assert spec.model.limit == Train().optim.lr, "also of what is not written"
    assert spec.model.sides == (3, 4)


def test_every_fault_is_named_in_the_order_of_the_file() -> None:
    text = """\
model:
  typ: resnet18
  depth: 3
  sides: [1, 0]
  sizes: [1, [x]]
sources:
  - image_dir: /d
    json: a.json
  - 3
train:
  optim: {optimizer: adm, lr: '???', momentum: 1, lr_min: '${train.lr}'}
  num_epochs: 1
  num_epochs: 2
lr: 1
"""
    error = refused(text)
    places = [line.split(": ")[0] for line in str(error).splitlines()]
    expected = (
        "2:3 3:3 4:3 5:14 8:5 9:5 11:11 11:27 11:38 11:51 13:3 14:1".split()  # noqa: SIM905 - read as the places are
    )
    assert places == [f"a.yaml:{place}" for place in expected]
    for words in (
        'did you mean "type"',
        'did you mean "adam"',
        'did you mean "json_file"',
        "it belongs in train.optim",
    ):
        assert words in str(error)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("sources: {image_dir: x}", 1, "list"),
        ("model: 3\n" + SOURCES, 1, "keys and values"),
        ("model: {sides: {a: 1}}\n" + SOURCES, 1, "keys and values"),
        ("name: [a]\n" + SOURCES, 1, "name"),
        ("name:\n" + SOURCES, 1, "no value"),
        ("model: {}\n", None, "sources"),
        (SOURCES + "model: {sides: [[1]]}", 3, "lists of lists"),
        (SOURCES + "model.depth: 1", 3, "model.depth"),
        (SOURCES + "sources[0]: 1", 3, "sources[0]"),
        ("sources: [\n", 2, "YAML"),
        ("sources:\n  - image_dir: /d\n", 2, "json_file"),
        ("sources:\n  - {path: /d, json_file: /e, image_dir: /d}\n", 2, "both"),
        ("sources:\n  - {json_file: /e}\n", 2, "image_dir"),
        ("sources:\n  - {json_file: /e, image_dir: /d, format: voc}\n", 2, "voc"),
        (SOURCES + "train: {optim: {lr_scheduler: multistep}}", 3, "lr_steps"),
        (SOURCES + "train: {optim: {lr_scheduler: multistep, lr_steps: [8, 4]}}", 3, "rising"),
        (SOURCES + "train: {optim: {lr_steps: [8]}}", 3, "multistep"),
        (SOURCES + "train: {num_epochs: 2, optim: {lr_scheduler: cosine, lr_flat_epochs: 2}}", 3, "num_epochs"),
        (SOURCES + "train: {optim: {lr_scheduler: poly, lr: 0.1, lr_min: 0.2}}", 3, "lr_min"),
        (SOURCES + "train: {optim: {optimizer: adam, nesterov: true}}", 3, "sgd"),
        (SOURCES + "train: {optim: {nesterov: true, momentum: 0}}", 3, "momentum"),
        (SOURCES + "train: {num_iterations: 9, optim: {warmup_epochs: 1}}", 3, "num_iterations"),
        (SOURCES + "train: {optim: {warmup_curve: square}}", 3, "quadratic"),
    ],
)
def test_faults(text: str, line: int | None, word: str) -> None:
    error = refused(text)
    assert isinstance(error.where, Location)
    assert error.where.line == line
    assert word in error.what
    assert error.exit_code == 2


def test_an_entry_without_keys_keeps_its_place() -> None:
    error = refused("sources:\n  -\n  - {image_dir: /d, json_file: /a, weight: 0}\n")
    assert error.where == Location("a.yaml", 3, 36)


def test_nvidia_has_nothing_to_be_strict_about() -> None:
    with pytest.raises(SpecError, match="strict"):
        READER.parse_text(SOURCES, source="a.yaml", strict=True)


def test_recognises_its_own() -> None:
    assert READER.recognises(SOURCES + "train: {num_epochs: 3, num_epoch: 4}") == 3 - 1
    assert READER.recognises("random_seed: 42\nssd_config {\n  arch: 'resnet'\n}\n") <= 0
    assert READER.recognises("data: {image_dir: x}\nspatial_aug: {flip: 1}\n") <= 0
    assert READER.recognises("model: {type: RESNET18}\ntrain: {num_epochs: 3}\n") == 2
    assert READER.recognises("model: {type: resnet_50}\ntrain: {num_epochs: 3}\n") <= 0, "a choice of another network's"


def test_more_epochs() -> None:
    def spec(text: str) -> Spec:
        return READER.parse_text(SOURCES + text, source="a.yaml", strict=False)

    five = spec("train: {num_epochs: 5}")
    assert yaml_spec.more_epochs(five, spec("train: {num_epochs: 9}")) == 5
    assert yaml_spec.more_epochs(five, spec("train: {num_epochs: 4}")) is None
    assert yaml_spec.more_epochs(five, spec("train: {num_epochs: 9, seed: 3}")) is None
    assert yaml_spec.training(five).epochs == 5


@settings(max_examples=60, deadline=None)
@example("a\x85b", 1.0)
@given(st.text(st.characters(codec="utf-8", exclude_characters="$"), min_size=1), st.floats(0.001, 1e6))
def test_what_is_dumped_or_rendered_comes_back(text: str, number: float) -> None:
    if text in ("??", "???"):
        return
    rendered = f"name: {templating.yaml_literal(text)}\nmodel: {{sizes: {templating.yaml_literal([(number,)])}}}\n"
    spec = READER.parse_text(rendered + SOURCES, source="a.yaml", strict=False)
    assert (spec.message.name, spec.message.model.sizes) == (text, ((number,),))
    assert READER.parse_text(READER.dump(spec), source="b.yaml", strict=False).message == spec.message


def test_what_is_left_without_the_faults_is_judged_but_not_the_rest_of_their_sections() -> None:
    sources = "sources: [{path: /p, json_file: /a, image_dir: /d}]\n"
    steps = "{lr_steps: [8], lr_scheduler: multistp}"
    spec, errors = READER.walk(f"{sources}train: {{optim: {steps}}}\nnam: x\n", source="a.yaml", strict=False)
    assert spec is not None
    assert [(error.code, str(error.where)) for error in errors] == [("S005", "a.yaml:2:32"), ("S004", "a.yaml:3:1")]
    found = [each.code for each in rules.examine(rules.Subject(spec)) if spec.is_set(each.path)]
    assert found == ["S243"]
