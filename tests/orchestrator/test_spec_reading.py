"""tltpipe spec show, diff and explain as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestrator.cli import app

DATA = Path(__file__).parents[1] / "data"
TRAIN = DATA / "training.tlt3.conf"
CONVERT = DATA / "seed-specs" / "KITTI_dataset_conversion.conf"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["spec", *map(str, arguments)])


def test_values_are_shown_with_their_origin(tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    path.write_text(TRAIN.read_text().replace("num_epochs: 60", "num_epochs: 61"))
    shown = run("show", path)
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert "line 15  training_config.num_epochs: 61" in lines
    assert "default  ssd_config.neg_pos_ratio: 3" in lines
    assert any(line.startswith("line 3   ssd_config.aspect_ratios: [[") for line in lines)
    answer = json.loads(run("show", path, "--json").stdout)
    assert (answer["kind"], answer["dialect"]) == ("ssd", "tlt3")
    told = {each["path"]: (each["value"], each["line"]) for each in answer["values"]}
    assert told["training_config.num_epochs"] == (61, 15)
    assert told["ssd_config.neg_pos_ratio"] == (3, None)


def test_a_spec_that_cannot_be_read_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    path.write_text(TRAIN.read_text().replace("num_epochs: 60", "num_epochs: many"))
    shown = run("show", path)
    assert shown.exit_code == 2
    assert f"{path}:15:15" in shown.output


def test_differences_are_shown_with_both_places(tmp_path: Path) -> None:
    one, other = tmp_path / "a.conf", tmp_path / "b.conf"
    one.write_text(TRAIN.read_text())
    other.write_text("# another head\n" + TRAIN.read_text().replace("1.5e-2", "0.0150"))
    same = run("diff", one, other)
    assert (same.exit_code, same.output.strip()) == (0, "no difference in meaning")
    other.write_text(TRAIN.read_text().replace("num_epochs: 60", "num_epochs: 80"))
    found = run("diff", one, other)
    assert found.exit_code == 1
    assert "training_config.num_epochs: 60 (line 15) -> 80 (line 15)" in found.output
    told = run("diff", one, other, "--json")
    assert told.exit_code == 1
    (difference,) = json.loads(told.stdout)["differences"]
    assert difference["path"] == "training_config.num_epochs"
    assert (difference["before"]["value"], difference["after"]["value"]) == (60, 80)


def test_specs_of_two_kinds_are_not_compared() -> None:
    found = run("diff", TRAIN, CONVERT)
    assert found.exit_code == 2
    assert "dataset_convert" in found.output


@pytest.mark.parametrize("field", ["ssd_config.neg_pos_ratio", "neg_pos_ratio"])
def test_a_field_is_explained(field: str) -> None:
    told = run("explain", field)
    assert told.exit_code == 0
    for word in ("ssd_config.neg_pos_ratio", "positive", "default", "TLT 3.0", "NVIDIA"):
        assert word in told.output
    (answer,) = json.loads(run("explain", field, "--json", "--as", "ssd").stdout)["explanations"]
    assert (answer["path"], answer["default"], answer["range"]) == ("ssd_config.neg_pos_ratio", "3", "0 or more")


def test_a_field_that_there_is_not() -> None:
    told = run("explain", "neg_pos_rato")
    assert told.exit_code == 2
    assert "neg_pos_ratio" in told.output
