"""steps.jsonl: what each step measured, of a bounded number of lines, continued without a gap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.programs import train
from runtime.training.loop import Step
from runtime.training.steps import LINES, StepLog


def step(number: int, loss: float = 2.0, **more: float) -> Step:
    told = {"gradient_norm": 3.0, "data_wait": 0.25, "seconds": 0.5} | more
    return Step(number, 0.01, {"box": loss, "class": 1.0}, images=8, **told)


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_a_step(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "steps.jsonl", total=100)
    log.begin(0)
    log.add(1, step(0))
    log.add(1, step(1, gradient_norm=float("inf")))
    log.flush()
    first, second = written(log.path)
    assert first.pop("time") > 1.7e9
    assert first == {
        "step": 0, "epoch": 1, "loss": 3.0, "terms": {"box": 2.0, "class": 1.0}, "lr": 0.01, "gradient_norm": 3.0,
        "images_per_second": 16.0, "data_wait": 0.5,
    }  # fmt: skip
    assert second["gradient_norm"] is None, "JSON has no infinity"


def test_steps_of_a_long_training_share_lines_that_end_with_epochs_and_saves(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "steps.jsonl", total=4 * LINES)
    log.begin(0)
    for number in range(6):
        log.add(1, step(number, loss=float(number)))
    log.add(2, step(6))
    log.flush()
    log.add(2, step(7))
    log.flush()
    lines = written(log.path)
    assert [(line["step"], line.get("steps", 1), line["epoch"]) for line in lines] == [
        (3, 4, 1),
        (5, 2, 1),
        (6, 1, 2),
        (7, 1, 2),
    ]
    assert (lines[0]["loss"], lines[0]["loss_min"], lines[0]["loss_max"]) == (2.5, 1, 4)
    assert (lines[0]["terms"], lines[0]["images_per_second"]) == ({"box": 1.5, "class": 1.0}, 16)


def test_a_resumed_training_drops_what_came_after(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    log = StepLog(path, total=10)
    log.begin(0)
    for number in range(5):
        log.add(1, step(number))
    log.flush()
    with path.open("a") as stream:
        stream.write('no JSON\n{"step": 5, "lo')
    again = StepLog(path, total=10)
    again.begin(3)
    again.add(1, step(3, loss=9.0))
    again.flush()
    assert [(line["step"], line["terms"]["box"]) for line in written(path)] == [(0, 2), (1, 2), (2, 2), (3, 9)]
    again.begin(0)
    assert written(path) == []


def test_nothing_is_written_through_a_link_nor_without_room(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.txt"
    other.write_text("precious\n")
    (tmp_path / "steps.jsonl").symlink_to(other)
    log = StepLog(tmp_path / "steps.jsonl", total=10)
    log.begin(0)
    log.add(1, step(0))
    assert other.read_text() == "precious\n"
    assert len(written(log.path)) == 1
    log.path.unlink()
    log.path.mkdir()
    for number in (1, 2, 3):
        log.add(1, step(number))
        log.flush()
    assert capsys.readouterr().err.count("no more steps can be written") == 1


@pytest.mark.parametrize("words", [["-k", "secret"], ["-ksecret"], ["--key=secret"], ["--key", "secret"]])
def test_no_key_stands_in_the_command_that_resumes(words: list[str]) -> None:
    given = ["ssd", "-e", "secret.conf", "-r", "out", "--fresh", *words]
    command = train.resume_command(train.parser().parse_args(given), given)
    assert "KEY" in command
    assert "secret" not in command.replace("secret.conf", "")
    assert "--fresh" not in command
