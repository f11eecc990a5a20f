"""tltpipe check as a user meets it: the table, JSON, exit codes, the mended copy, the catalogue."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from converters.health import examine
from converters.model import rules
from orchestrator.cli import app
from orchestrator.commands import check as check_command
from orchestrator.screen.console import Console
from tltpipe.errors import FindingsError
from tltpipe.progress import Silent

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A healthy KITTI data set of three pictures."""
    root = tmp_path / "data"
    for name in ("label_2", "image_2"):
        (root / "train" / name).mkdir(parents=True)
    for number in range(1, 4):
        Image.effect_noise((100, 80), 40 + number).convert("RGB").save(root / f"train/image_2/{number:06d}.jpg")
        write(root, number, (10, 10, 60, 70))
    return root


def write(root: Path, number: int, *boxes: tuple[float, ...]) -> None:
    lines = [f"skirt 0.00 0 0.00 {' '.join(map(str, box))}{' 0.00' * 7}\n" for box in boxes]
    (root / f"train/label_2/{number:06d}.txt").write_text("".join(lines))


def check(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def test_a_healthy_data_set(data: Path) -> None:
    result = check(data, "--strict")
    assert result.exit_code == 0, result.output
    assert "healthy: nothing found" in result.output
    assert "train         3         0      3        1" in result.output


def test_findings_with_examples_and_what_to_do(data: Path) -> None:
    write(data, 2, (10, 10, 120, 70), (10, 10, 10, 70))
    (data / "train/image_2/000003.jpg").write_bytes(b"")
    result = check(data)
    assert result.exit_code == 0
    lines = [line.rstrip() for line in result.output.splitlines()]
    found = lines.index("B302  error         1  boxes that reach beyond their picture")
    assert lines[found + 1].strip() == "000002:1 (20 pixels)"
    assert "train/image_2/000003.jpg: this picture is an empty file" in result.output
    assert "B302  *  clip or draw them anew" in lines
    assert f"* done by: tltpipe check {data} --fix OUT" in lines
    assert lines[-1] == "3 errors, 0 warnings, 0 notes"


def test_more_examples_when_asked_for(data: Path) -> None:
    write(data, 1, *((x, 10, 120, 70) for x in range(12)))
    few, more = check(data).output, check(data, "--all").output
    assert (few.count("000001:"), more.count("000001:")) == (3, 10)
    assert "and 9 more" in few
    assert "and 2 more" in more


def test_strict_is_7(data: Path) -> None:
    write(data, 2, (10, 10, 15, 70))
    assert FindingsError.exit_code == 7
    assert check(data).exit_code == 0
    result = check(data, "--strict")
    assert result.exit_code == 7
    assert "not healthy: 0 errors, 1 warning, 0 notes" in result.output


def test_notes_are_not_strict(data: Path) -> None:
    write(data, 2)
    result = check(data, "--strict")
    assert result.exit_code == 0
    assert "B306" in result.output


def test_json_is_one_object(data: Path) -> None:
    write(data, 2, (10, 10, 15, 70))
    result = check(data, "--json", "--strict")
    assert result.exit_code == 7
    told = json.loads(result.stdout)
    assert (told["images"], told["items"], told["classes"]) == (3, 3, {"skirt": 3})
    (found,) = told["findings"]
    assert found["code"] == "B304"
    assert found["splits"] == {"train": 1}
    assert found["examples"] == ["000002:1 (5 x 60)"]
    assert told["splits"]["train"]["findings"][0]["count"] == 1


def test_fix_writes_a_mended_copy(data: Path, tmp_path: Path) -> None:
    write(data, 2, (10, 10, 120, 70))
    (data / "train/image_2/000003.jpg").write_bytes(b"")
    out = tmp_path / "mended"
    result = check(data, "--fix", out)
    assert result.exit_code == 0, result.output
    assert f"mended copy: {out} (kitti)" in result.output
    assert (out / "train/label_2/000002.txt").read_text().split()[4:8] == ["10.00", "10.00", "100.00", "70.00"]
    assert (out / "left-out.txt").read_text().startswith("000003\t")
    assert check(out, "--strict").exit_code == 0
    again = check(data, "--fix", out)
    assert again.exit_code == 2
    assert "is there already" in again.output
    forced = check(data, "--fix", out, "--force", "--json")
    assert json.loads(forced.stdout)["mended"]["splits"]["train"]["images"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "DATASET missing"),
        (["nowhere"], 3, "there is nothing here"),
        (["."], 2, "none of the formats"),
        (["data", "--from", "kiti"], 2, 'did you mean "kitti"'),
    ],
)
def test_errors(data: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str) -> None:
    monkeypatch.chdir(data.parent)
    if arguments == ["."]:
        (data.parent / "empty").mkdir()
        monkeypatch.chdir(data.parent / "empty")
    result = check(*arguments)
    assert (result.exit_code, words in result.output) == (code, True), result.output


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_split_that_cannot_be_opened_is_3_and_the_report_is_there(tmp_path: Path, flags: list[str]) -> None:
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    page: dict[str, Any] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "skirt"}]}
    (root / "annotations/instances_train.json").write_text(json.dumps(page))
    (root / "annotations/instances_validation.json").write_text('{"images": [], "annotations": [], "categories": [{}]}')
    result = check(root, "--from", "coco", *flags)
    assert result.exit_code == 3, result.output
    assert "F103" in result.stdout
    if flags:
        assert json.loads(result.stdout)["splits"]["validation"]["opened"] is False
    else:
        assert "validation cannot be opened" in result.output


def test_fits_80_columns(data: Path) -> None:
    write(data, 2, (10, 10, 120, 70))
    path = data / "train/image_2" / f"{'long-' * 30}name.jpg"
    path.write_bytes((data / "train/image_2/000001.jpg").read_bytes())
    report = examine(data, progress=Silent())
    console = Console(stream=io.StringIO())
    console.screen.width, console.screen._force_terminal = 80, True
    check_command.show(console, report)
    stream = console.screen.file
    assert isinstance(stream, io.StringIO)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in stream.getvalue().splitlines()]
    listed = lines[lines.index(next(line for line in lines if line.startswith("code"))) :]
    told = [line for line in listed if not line.startswith("* done by")]  # a command to copy is not broken
    assert max(map(len, told)) <= 80
    assert "name.jpg" in "".join(line.strip() for line in told)


def test_the_catalogue_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # where no title is broken
    result = check("--rules")
    assert result.exit_code == 0
    assert all(rule.code in result.output and rule.title in result.output for rule in rules.catalogue())
    told = json.loads(check("--rules", "--json").stdout)["rules"]
    assert [rule["code"] for rule in told] == [rule.code for rule in rules.catalogue()]


def test_the_page_of_rules_is_complete() -> None:
    rows = [line for line in (ROOT / "docs/rules.md").read_text().splitlines() if line[:3] in _starts()]
    expected = [
        f"| {rule.code} | {rule.severity} | {rule.title} | {rule.fix} | {'yes' if rule.mended else ''} |"
        for letter in "FIBPKCD"
        for rule in rules.catalogue()
        if rule.code[0] == letter
    ]
    assert rows == expected


def _starts() -> set[str]:
    return {f"| {letter}" for letter in "FIBPKCD"}
