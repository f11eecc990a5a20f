"""JSON schemas of specs in YAML, by the judgement of jsonschema: what is read passes, what is refused does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import specs
from specs import recipes, yaml_schema
from tltpipe.errors import UsageError

GOLDEN = Path(__file__).parents[1] / "golden" / "specs"
NETWORKS = ("faster_rcnn", "hrnet", "mask_rcnn", "multitask", "unet", "yolox")
SMALLEST = "dataset:\n  train_data_sources: [{path: /d}]\n  classes: [vest]\n"


def faults(kind: str, text: str) -> list[str]:
    validator = Draft202012Validator(yaml_schema.of_spec(kind))
    return [error.json_path for error in validator.iter_errors(yaml.safe_load(text))]


def test_the_kinds_that_are_yaml() -> None:
    assert yaml_schema.kinds() == ["augment", *NETWORKS]
    with pytest.raises(UsageError, match="ssd"):
        yaml_schema.of_spec("ssd")


@pytest.mark.parametrize("kind", yaml_schema.kinds())
def test_a_schema_is_one(kind: str) -> None:
    Draft202012Validator.check_schema(yaml_schema.of_spec(kind))


@pytest.mark.parametrize("kind", NETWORKS)
def test_specs_pass(kind: str) -> None:
    data = {"path": "/d", "val_path": None, "classes": ["a"]}
    for name in recipes.names(kind):
        tunables = specs.tunables_from(kind, recipes.read(kind, name).settings)
        assert faults(kind, specs.render(kind, "train.yaml.j2", tunables, **data)) == []
    assert faults(kind, SMALLEST) == []
    for path in GOLDEN.glob(f"{kind}*.yaml"):
        assert faults(kind, path.read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        "train: {optim: {lr: 1e-3}}",
        "train: {optim: {lr: '${train.optim.weight_decay}', nesterov: 'yes'}}",
        "model: {min_size: 640}",
        "model: {min_size: '${model.max_size}'}",
        "train: {optim: {norm_weight_decay: null}}",
    ],
)
def test_whatever_is_read_passes(text: str) -> None:
    specs.parse_text(SMALLEST + text, "faster_rcnn", source="a.yaml")
    assert faults("faster_rcnn", SMALLEST + text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("trian: {}", "$"),
        ("train: {epochs: 3}", "$.train"),
        ("train: {num_epochs: 0}", "$.train.num_epochs"),
        ("train: {num_epochs: many}", "$.train.num_epochs"),
        ("train: {optim: {optimizer: adm}}", "$.train.optim.optimizer"),
        ("model: {min_size: [640, x]}", "$.model.min_size"),
        ("model: {backbone: resnet18}", "$.model.backbone"),
        ("evaluate: {matching_iou_threshold: 1}", "$.evaluate.matching_iou_threshold"),
    ],
)
def test_what_is_refused_does_not_pass(text: str, place: str) -> None:
    with pytest.raises(specs.SpecError):
        specs.parse_text(SMALLEST + text, "faster_rcnn", source="a.yaml")
    assert place in faults("faster_rcnn", SMALLEST + text)


def test_what_is_needed_is_missed() -> None:
    assert faults("faster_rcnn", "dataset: {train_data_sources: [{path: /d}]}") == ["$.dataset"]
    assert faults("yolox", "dataset: {train_data_sources: [{path: /d}]}") == []


def test_augmentation_by_its_keys() -> None:
    good: dict[str, Any] = {"data": {"image_dir": "/d", "ann_path": "/a"}, "spatial_aug": {"rotation": {"angle": [5]}}}
    assert faults("augment", yaml.safe_dump(good)) == []
    assert faults("augment", "spatial_aug: {rotate: {angle: [5]}}") == ["$.spatial_aug"]


def test_keys_say_what_they_are_for() -> None:
    optim = yaml_schema.of_spec("yolox")["$defs"]["Optim"]["properties"]
    assert "Learning rate" in optim["lr"]["description"]
    assert optim["weight_decay"]["default"] == 5e-4
