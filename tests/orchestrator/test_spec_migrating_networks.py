"""tltpipe spec migrate with a spec of TAO's other networks: from the spec to a training in two commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from raw_data import coco
from typer.testing import CliRunner

import specs
from orchestrator.cli import app

SPECS = Path(__file__).parents[1] / "data" / "tao-specs"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_next_command_is_named(tmp_path: Path) -> None:
    made = tmp_path / "train.yaml"
    told = run("spec", "migrate", SPECS / "yolo_v4.txt", "--to", "tltpipe", "-o", made)
    assert told.exit_code == 0, told.output
    assert told.output.splitlines()[-1] == f"train by it: tlt-train yolox -e {made} -r results"
    assert f"{SPECS / 'yolo_v4.txt'}:26: training_config.num_epochs becomes train.num_epochs: 80" in told.output
    assert specs.parse(made, "yolox").message.train.num_epochs == 80
    assert run("spec", "check", made).exit_code == 0


def test_what_is_missing_is_told_and_filled_in_by_data(tmp_path: Path) -> None:
    asked = ("spec", "migrate", SPECS / "mask_rcnn.txt", "--to", "tltpipe", "--json")
    missing = json.loads(run(*asked).output)["missing"]
    assert [line.partition(":")[0] for line in missing] == [
        "dataset.train_data_sources", "dataset.val_data_sources", "dataset.classes"]  # fmt: skip
    coco(tmp_path / "mugs")
    answer = json.loads(run(*asked, "--data", tmp_path / "mugs").output)
    assert (answer["kind"], answer["missing"]) == ("mask_rcnn", [])
    dataset = specs.parse_text(answer["text"], "mask_rcnn", source="made").message.dataset
    assert dataset.classes == ("mug",)
    assert [source.path or source.json_file for source in (*dataset.train_data_sources, *dataset.val_data_sources)]


@pytest.mark.parametrize("command", [("spec", "check"), ("spec", "migrate", "--to", "tao5")])
def test_where_to_go_from_theirs(command: tuple[str, ...]) -> None:
    told = run(*command, SPECS / "unet.txt")
    assert told.exit_code == 2
    assert "--to tltpipe" in told.output
    assert "unet.txt" in told.output
