"""tltpipe report without a browser: its numbers, what it says of runs that have little, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import run_folders
from PIL import Image
from typer.testing import CliRunner

from orchestrator.cli import app


def report(*words: Path | str) -> Any:
    """What ``tltpipe report --json`` answers."""
    return CliRunner().invoke(app, ["report", *map(str, words), "--json"])


def numbers(page: Path) -> list[dict[str, Any]]:
    """The block of numbers in a page."""
    found = re.search(
        r'<script type="application/json" id="numbers">(.*?)</script>', page.read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    runs: list[dict[str, Any]] = json.loads(found[1])["runs"]
    return runs


def test_all_numbers_stand_in_the_page(tmp_path: Path) -> None:
    run = run_folders.write(tmp_path / "run", epochs=30, done=30, evaluated=True)
    told = report(run)
    assert told.exit_code == 0
    answer = json.loads(told.stdout)
    assert answer["report"] == str(run / "report.html")
    assert answer["runs"][0]["best"] == {"epoch": 30, "value": 0.37927}
    assert answer["runs"][0]["evaluated"] == 0.6
    (one,) = numbers(run / "report.html")
    assert (one["state"], one["epoch"], one["epochs"]) == ("finished", 30, 30)
    assert one["columns"]["mAP"][0] == [1, 0.01967]
    assert one["steps"]["loss"][0][0] == 0
    assert one["steps"]["loss/iou"][0][3] == pytest.approx(1.125, rel=1e-3)
    assert one["evaluation"]["confusions"][0]["counts"][0] == [8, 1, 0, 1]
    assert one["evaluation"]["confusions"][0]["columns"][-1] == "missed"
    assert one["evaluation"]["points"]["vest"] == [[0, 1], [0.5, 0.9], [1, 0.25]]


def test_the_page_has_the_difference_to_the_default_and_no_script_of_a_name(tmp_path: Path) -> None:
    run = run_folders.write(tmp_path / "run", epochs=30, done=2)
    report(run, "-o", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert re.search(r"train\.num_epochs</th><td class=\"mono\">30</td><td class=\"mono\">300<", text)
    assert re.search(r"train\.optim\.lr_min</th><td class=\"mono\">", text) is None, "it follows from the rate"
    assert "train.optim.momentum" not in text
    assert "dataset.classes" not in text, "no default has anybody's classes"
    assert "<b onclick" not in text
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    run = run_folders.write(tmp_path / "run", epochs=2, done=2, evaluated=True)
    (run / "evaluation/worst.png").write_bytes(b"no picture")
    Image.new("1", (9000, 9000)).save(run / "train_batch1.jpg", "PNG")
    (run / "evaluation/val_batch.jpg").symlink_to("/dev/zero")
    report(run)
    text = (run / "report.html").read_text("utf-8")
    assert re.search(r"worst\.png</span>[^<]*\(it cannot be read\)", text)
    assert re.search(r"train_batch1\.jpg</span>[^<]*\(9000 x 9000 pixels are too many\)", text)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"classes": 3, "curves": [1], "confusion": {"counts": [[1], 2]}, "per_class": {"AP": 3}, "tasks": [2]}',
    ],
)
def test_an_evaluation_that_is_none_leaves_the_rest(tmp_path: Path, content: str) -> None:
    run = run_folders.write(tmp_path / "run", epochs=2, done=2, evaluated=True)
    (run / "evaluation/evaluation.json").write_text(content)
    assert report(run).exit_code == 0
    assert numbers(run / "report.html")[0]["epoch"] == 2


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    both = [
        run_folders.write(tmp_path / name / "run", epochs=2, done=2, best=best)
        for name, best in (("a", 0.6), ("b", 0.3))
    ]
    report(*both)
    assert [run["name"] for run in numbers(both[0] / "report.html")] == [str(each) for each in both]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("a", "b"):
        run_folders.write(tmp_path / "runs" / name, epochs=2, done=1)
    one = tmp_path / "runs/a"
    for words, code, word in (
        ([tmp_path / "empty"], 2, "no training"),
        ([tmp_path / "absent"], 2, "not found"),
        ([tmp_path / "runs"], 2, "a, b"),
        ([one, one, one], 2, "3 runs"),
        ([one, "-o", tmp_path], 2, "folder"),
        ([one, "-o", tmp_path / "file/page.html"], 6, "file"),
    ):
        told = report(*words)
        assert (told.exit_code, word in told.stdout) == (code, True), told.stdout
    assert not list(tmp_path.rglob("*.html"))


def test_the_best_epoch_is_the_first_of_equals_and_of_a_loss_the_lowest(tmp_path: Path) -> None:
    run = run_folders.write(tmp_path / "run", epochs=4, done=4)
    for primary, values, best in (
        ("mAP", (0.1, 0.4, 0.4, 0.2), {"epoch": 2, "value": 0.4}),
        ("loss", (0.5, 0.3, 0.3, 0.4), {"epoch": 2, "value": 0.3}),
    ):
        rows = [f"{epoch},{value}" for epoch, value in enumerate(values, start=1)]
        (run / run_folders.LOG).write_text("\n".join([f"epoch,{primary}", *rows]) + "\n")
        told = json.loads((run / "training.json").read_text()) | {"primary": primary}
        (run / "training.json").write_text(json.dumps(told))
        assert json.loads(report(run).stdout)["runs"][0]["best"] == best
