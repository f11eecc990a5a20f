"""tltpipe tfrecords --inspect as a user meets it, in a folder that is no workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kept import skirt
from PIL import Image
from typer.testing import CliRunner

from converters.tfrecords import records
from orchestrator import cli


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two records in a shard of split train; the current folder has a tltpipe.yaml that nobody could read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tltpipe.yaml").write_text("{{{")
    root = tmp_path / "TFRecords" / "train"
    root.mkdir(parents=True)
    (tmp_path / "data" / "images").mkdir(parents=True)
    for number in (1, 2):
        Image.new("RGB", (80, 60), "white").save(tmp_path / f"data/images/{number:06d}.png")
    records.write_records(root / "train-shard-0", [skirt(1), skirt(2)])
    return root


def tfrecords(*arguments: object) -> Any:
    return CliRunner().invoke(cli.app, ["tfrecords", *map(str, arguments)])


def test_tables_without_a_workspace(folder: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    result = tfrecords("--inspect", "TFRecords")
    assert result.exit_code == 0, result.output
    assert "train-shard-0        2        2" in result.output
    assert "every check sum fits, in 2 records of 1 file" in result.output
    assert sorted(tmp_path.rglob("*")) == before


def test_json_of_a_glob_that_the_shell_spread(folder: Path) -> None:
    records.write_records(folder / "train-shard-1", [])
    result = tfrecords("--inspect", folder / "train-shard-0", folder / "train-shard-1", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [file["records"] for file in told["files"]] == [2, 0]
    assert told["empty"] == [str(folder / "train-shard-1")]


@pytest.mark.parametrize("answer", [[], ["--json"]])
def test_records_one_a_line(folder: Path, answer: list[str]) -> None:
    result = tfrecords("--inspect", folder, "--records", "1", *answer)
    assert json.loads(result.stdout)["features"]["target/coordinates_y2"] == [40.1]
    result = tfrecords("--inspect", folder, "--records", "0", *answer)
    assert len(result.stdout.splitlines()) == 2


@pytest.mark.parametrize("answer", [[], ["--json"], ["--records", "0"]])
def test_damage(folder: Path, answer: list[str]) -> None:
    path = folder / "train-shard-0"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    result = tfrecords("--inspect", folder, *answer)
    assert result.exit_code == 3
    told = result.stdout if "--json" in answer else result.stderr
    assert str(list(records.offsets(path))[1]) in told


def test_draws(folder: Path, tmp_path: Path) -> None:
    result = tfrecords("--inspect", folder, "--draw", "out", "--count", 1)
    assert result.exit_code == 0, result.output
    assert "1 picture in out; all on out/contact-sheet.jpg" in result.output
    result = tfrecords("--inspect", folder, "--draw", "out", "--images", "data", "--json")
    assert json.loads(result.stdout)["drawn"]["written"] == [f"out/train-shard-0/images/{n:06d}.jpg" for n in (1, 2)]
    assert (tmp_path / "out/train-shard-0/images/000002.jpg").is_file()


@pytest.mark.parametrize("given", [["--draw", "out"], ["--records", "1"], ["--count", "3"], ["x"], ["--images", "x"]])
def test_options_that_go_with_an_inspection(folder: Path, given: list[str]) -> None:
    result = tfrecords(*given)
    assert result.exit_code == 2
    assert "goes with --inspect" in result.stderr
