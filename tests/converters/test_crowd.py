"""Crowd regions: kept or dropped as asked, and said in words wherever they become ordinary boxes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from converters.health import examine
from converters.transfer.selection import Selection
from orchestrator.cli import app
from tltpipe.errors import DataError
from tltpipe.progress import Silent

MASK = {"size": [80, 100], "counts": [0, 7200, 800]}


@pytest.fixture
def crowds(sets: Any) -> Any:
    """Three things, of which one is a crowd."""
    for name in "ab":
        sets.picture(f"images/train/{name}.jpg")
    notes = [
        {"image_id": 1},
        {"image_id": 1, "bbox": [0, 0, 90, 70], "iscrowd": 1, "segmentation": MASK},
        {"image_id": 2},
    ]
    sets.coco("annotations/instances_train.json", "a.jpg", "b.jpg", notes=notes)
    return sets


@pytest.mark.parametrize(
    ("format", "told"), [("coco", {}), ("open_images", {}), ("kitti", {"C612": 1}), ("yolo", {"C612": 1})]
)
def test_kept_crowds_are_told_where_they_become_boxes(format: str, told: dict[str, int], crowds: Any) -> None:
    made = crowds.convert(format=format)
    assert (made.counts, made.codes) == ({"train": (2, 3)}, told)


@pytest.mark.parametrize("format", ["coco", "kitti"])
def test_dropped_crowds_are_counted(format: str, crowds: Any) -> None:
    made = crowds.convert(format=format, selection=Selection(crowd="drop"))
    assert (made.counts, made.codes) == ({"train": (2, 2)}, {})
    assert made.done.splits["train"].selected_away == {"crowd": 1}
    if format == "coco":
        assert made.boxes() == {"a.jpg": [("cat", [10, 10, 30, 20])], "b.jpg": [("cat", [10, 10, 30, 20])]}


@pytest.mark.parametrize(("marked", "told"), [(1, {}), (2, {"C611": 1}), (3, {"C611": 1})])
def test_sets_that_mark_everything_are_told(marked: int, told: dict[str, int], sets: Any) -> None:
    for name in "abc":
        sets.picture(f"images/train/{name}.jpg")
    notes = [{"image_id": number, "iscrowd": int(number <= marked)} for number in (1, 2, 3)]
    sets.coco("annotations/instances_train.json", "a.jpg", "b.jpg", "c.jpg", notes=notes)
    assert sets.convert().codes == told
    found = {finding.rule.code: finding.count for finding in examine(sets.root, progress=Silent()).findings}
    assert {code: count for code, count in found.items() if code == "C611"} == told


def tltpipe(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize(("choice", "items"), [((), 3), (("--crowd", "keep"), 3), (("--crowd", "drop"), 2)])
def test_the_commands_take_the_choice(choice: tuple[str, ...], items: int, crowds: Any, tmp_path: Path) -> None:
    result = tltpipe("convert", crowds.root, tmp_path / "out", "--to", "kitti", *choice, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["splits"]["train"]["items"] == items
    result = tltpipe("split", crowds.root, tmp_path / "sides", "--ratio", "0.5,0.5", *choice, "--json")
    assert result.exit_code == 0, result.output
    assert sum(split["items"] for split in json.loads(result.stdout)["splits"].values()) == items


def test_another_choice_is_refused(crowds: Any, tmp_path: Path) -> None:
    assert tltpipe("convert", crowds.root, tmp_path / "out", "--to", "kitti", "--crowd", "maybe").exit_code == 2
    assert tltpipe("split", crowds.root, tmp_path / "out", "--list-only", "--crowd", "drop").exit_code == 2


@pytest.mark.parametrize(("choice", "lines"), [((), 2), (("--crowd", "drop"), 1), (("--set", "data.crowd=drop"), 1)])
def test_prepare_takes_the_choice(
    choice: tuple[str, ...], lines: int, crowds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = crowds.root.parent / "work"
    workspace.mkdir()
    crowds.root.rename(workspace / "Original-Data")
    (workspace / "tltpipe.yaml").write_text("data:\n  format: coco\n  splits: [train]\n  prepared: KITTI\n")
    monkeypatch.chdir(workspace)
    result = tltpipe("prepare", *choice)
    assert result.exit_code == 0, result.output
    (label,) = workspace.rglob("label/a.txt")
    assert len(label.read_text().splitlines()) == lines
    assert ("C612" in result.output) == (lines == 2)


def test_a_class_that_is_crowds_alone_goes_with_them(sets: Any) -> None:
    """It was asked for; a split of which nothing is left is an error all the same."""
    sets.picture("images/train/a.jpg")
    notes = [{"image_id": 1}, {"image_id": 1, "category_id": 2, "iscrowd": 1, "bbox": [50, 10, 30, 20]}]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    sets.coco("annotations/instances_train.json", "a.jpg", notes=notes, categories=categories)
    made = sets.convert(selection=Selection(crowd="drop"))
    assert (made.counts, made.done.losses.missing) == ({"train": (1, 1)}, (0, 1))
    sets.coco("annotations/instances_train.json", "a.jpg", notes=notes[1:], categories=categories)
    with pytest.raises(DataError, match="lost"):
        sets.convert(selection=Selection(crowd="drop"))
