"""tltpipe fetch as a user meets it: table, JSON, exit codes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli import app


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def archive(path: Path, *, images: int, annotations: int) -> None:
    with zipfile.ZipFile(path, "w") as zipped:
        for number in range(1, images + 1):
            zipped.writestr(f"train/image/{number:06d}.jpg", b"x")
        for number in range(1, annotations + 1):
            zipped.writestr(f"train/annos/{number:06d}.json", b"{}")


def test_table_then_nothing_to_do(folder: Path) -> None:
    archive(folder / "train.zip", images=3, annotations=3)
    first = CliRunner().invoke(app, ["fetch", "deepfashion2", "--from", "."])
    assert first.exit_code == 0, first.output
    assert "train.zip: 6 files, 9 bytes, not encrypted" in first.output
    assert "warning: F107" in first.output
    assert (folder / "Original-Data/train/image/000003.jpg").exists()
    again = CliRunner().invoke(app, ["fetch", "deepfashion2", "--split", "train"])
    assert "all there already" in again.output


def test_json_is_one_object(folder: Path) -> None:
    archive(folder / "train.zip", images=3, annotations=2)
    result = CliRunner().invoke(app, ["fetch", "deepfashion2", "data", "--from", ".", "--json"])
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert told["splits"][0]["counts"] == {"images": 3, "annotations": 2}
    assert (folder / "data/train").is_dir(), "the rest is in its place"
    assert {(f["code"], f["severity"]) for f in told["findings"]} == {("F102", "error"), ("F107", "warning")}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["deepfashoin2"], 2, 'did you mean "deepfashion2"'),
        (["deepfashion2", "--from", "."], 2, "none of the archives"),
        (["deepfashion2", "--split", "test"], 2, "cannot be downloaded"),
    ],
)
def test_errors(folder: Path, arguments: list[str], code: int, words: str) -> None:
    result = CliRunner().invoke(app, ["fetch", *arguments])
    assert (result.exit_code, words in result.output) == (code, True), result.output


def test_there_is_no_option_for_the_password_itself() -> None:
    result = CliRunner().invoke(app, ["fetch", "deepfashion2", "--password", "secret"])
    assert result.exit_code == 2
    assert "secret" not in result.output
