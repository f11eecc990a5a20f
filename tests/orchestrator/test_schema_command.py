"""tltpipe schema: what editors get, held against real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from orchestrator.cli import app
from orchestrator.commands import demo
from orchestrator.settings import example, schema
from specs import yaml_schema
from specs.augment.tao5_keys import KEYS

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["schema", *map(str, arguments)])


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    found = schema.of_settings()
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found)


def faults(validator: Draft202012Validator, text: str) -> list[str]:
    return [error.json_path for error in validator.iter_errors(yaml.safe_load(text))]


@pytest.mark.parametrize("network", ["ssd", "dssd", "faster_rcnn", "mask_rcnn", "yolox"])
def test_every_setting_at_its_default_passes(network: str, validator: Draft202012Validator) -> None:
    lines = example.text(network).splitlines()
    settings = [line.replace("#", "", 1) for line in lines if not line.lstrip().startswith("# ")]
    text = "\n".join(settings)
    assert "num_epochs:" in text
    assert faults(validator, text.replace("network: ssd", f"network: {network}")) == []


def test_files_of_ours_pass(validator: Draft202012Validator) -> None:
    played = [part.settings for kind in demo.kinds() for part in demo.parts(kind)]
    contest = (ROOT / "benchmarks/accuracy.yaml").read_text()
    assert len(played) == 4
    assert [faults(validator, text) for text in (*played, contest)] == [[]] * 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "augment:",
        "image_size: 300",
        "image_size: [320, 256]",
        "image_size: 320x256",
        "data: {classes: mug}",
        "ssd: {scales: '[0.1, 0.2, 1/3, 0.4, 0.5, 0.6, 0.7]'}",
        "network: yolox\nrecipe: published",
        "yolox: {lr: 1e-3}",
    ],
)
def test_what_is_read_passes(text: str, validator: Draft202012Validator) -> None:
    assert faults(validator, text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("netwrok: ssd", "$"),
        ("network: yolo", "$.network"),
        ("recipe: published", "$.recipe"),
        ("network: yolox\nrecipe: clothing", "$.recipe"),
        ("yolox: {type: huge}", "$.yolox.type"),
        ("yolox: {width: 100}", "$.yolox.width"),
        ("data: {root: ''}", "$.data.root"),
        ("ssd: 3", "$.ssd"),
    ],
)
def test_what_is_refused_does_not_pass(text: str, place: str, validator: Draft202012Validator) -> None:
    assert faults(validator, text) == [place]


def test_the_command(tmp_path: Path) -> None:
    assert json.loads(run().stdout)["title"] == "tltpipe.yaml"
    path = tmp_path / "yolox.json"
    assert run("yolox", "-o", path).exit_code == 0
    assert json.loads(path.read_text())["properties"]["dataset"]
    assert json.loads(run("yolox", "--json").stdout) == json.loads(path.read_text())
    assert run("yolox", "-o", path).exit_code == 2
    assert run("yolox", "-o", path, "--force").exit_code == 0
    assert run("ssd").exit_code == 2
    assert "yolox" in run("yolx").stderr


@pytest.fixture(scope="module")
def augment() -> Draft202012Validator:
    return Draft202012Validator(yaml_schema.of_spec("augment"))


def test_every_default_of_augmentation_passes(augment: Draft202012Validator) -> None:
    document: dict[str, Any] = {}
    for dotted, key in KEYS.items():
        *path, name = dotted.split(".")
        here = document
        for section in path:
            here = here.setdefault(section, {})
        here[name] = yaml.safe_load(key.default)
    assert [error.json_path for error in augment.iter_errors(document)] == []


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("data: {dataset_type: KITTI, output_image_width: null}", []),
        ("data: {dataset_type: '${a.b}', image_dir: 7}", []),
        ("spatial_aug: {rotation: {angle: 1e3}, flip: {flip_vertical: 1}}", []),
        ("blur_aug: {size: [3, 5], std: 2}", []),
        ("data: {dataset_type: voc}", ["$.data.dataset_type"]),
        ("blur_aug: {size: 3.5, std: -1}", ["$.blur_aug.size", "$.blur_aug.std"]),
        ("random_seed: 1.5", ["$.random_seed"]),
        ("spatial_aug: {rotation: {angle: abc}}", ["$.spatial_aug.rotation.angle"]),
        ("spatial_aug: {flip: {flip_vertical: 2}}", ["$.spatial_aug.flip.flip_vertical"]),
        ("data: {image_dir: [a]}", ["$.data.image_dir"]),
    ],
)
def test_values_of_augmentation(text: str, places: list[str], augment: Draft202012Validator) -> None:
    assert sorted(faults(augment, text)) == places


@pytest.mark.parametrize(
    ("words", "file", "place"),
    [
        (("init", "-w", "{}"), "tltpipe.yaml", "tltpipe.schema.json"),
        (("spec", "new", "yolox", "-o", "{}/train.yaml"), "train.yaml", "yolox.schema.json"),
    ],
)
def test_editors_find_the_schema_beside_the_file(words: tuple[str, ...], file: str, place: str, tmp_path: Path) -> None:
    command = [word.format(tmp_path) for word in words]
    (tmp_path / place).write_text("{}")
    refused = CliRunner().invoke(app, command)
    assert (refused.exit_code, place in refused.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == [place], "somebody else's file stays, and nothing is written"
    (tmp_path / place).unlink()
    for more in ([], ["--force"]):
        assert CliRunner().invoke(app, [*command, *more]).exit_code == 0
    text = (tmp_path / file).read_text()
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={place}"
    found = Draft202012Validator(json.loads((tmp_path / place).read_text()))
    assert faults(found, text) == []
    assert faults(found, "nonsense: 1")


def test_specs_in_text_have_no_schema(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["spec", "new", "ssd", "-o", str(tmp_path / "a.conf")]).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.conf"]
    assert "yaml-language-server" not in (tmp_path / "a.conf").read_text()
    assert "yaml-language-server" not in CliRunner().invoke(app, ["spec", "new", "yolox"]).stdout
