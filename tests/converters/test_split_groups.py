"""Splits by what names say, and folds for cross-validation."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import converters
from orchestrator.cli import app


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


@pytest.fixture
def source(maker: Any) -> Path:
    """Forty pictures p<patient>_<number>: ten patients with four each, two classes; no two pictures the same."""
    pages = [maker.page(maker.item(1 + n % 2, style=0), pair_id=n) for n in range(40)]
    folder = maker.split(*pages)
    for path in sorted((folder / "image").iterdir()):
        number = int(path.stem) - 1
        name = f"p{number // 4:02d}_{number % 4}"
        path.write_bytes(path.read_bytes() + name.encode())
        path.rename(path.with_name(f"{name}.jpg"))
        annotations = folder / "annos" / f"{path.stem}.json"
        annotations.rename(annotations.with_name(f"{name}.json"))
    return Path(maker.root)


def ids(root: Path, split: str) -> list[str]:
    return [sample.id for sample in converters.read("coco", root, split)]


def test_groups_stay_on_one_side(source: Path, tmp_path: Path) -> None:
    result = run("split", source, tmp_path / "out", "--from", "deepfashion2", "--group-by", "^(p[0-9]+)_", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    sides = {split: {id.partition("_")[0] for id in ids(tmp_path / "out", split)} for split in ("train", "validation")}
    assert (len(sides["train"]), len(sides["validation"])) == (8, 2)
    assert not sides["train"] & sides["validation"]
    assert any("10 groups by name" in note for note in told["report"]["notes"])
    assert told["losses"]["in"] == told["losses"]["out"] == {"images": 40, "items": 40}
    assert json.loads((tmp_path / "out/split-report.json").read_text())["rules"]["group_by"] == "^(p[0-9]+)_"


def test_without_a_group_the_match_counts_and_others_are_alone(source: Path, tmp_path: Path) -> None:
    words = ("split", source, tmp_path / "out", "--from", "deepfashion2", "--group-by", "p0[0-4]", "--no-identity")
    result = run(*words, "--ratio", "0.5,0.5", "--json")
    assert result.exit_code == 0, result.output
    notes = json.loads(result.stdout)["report"]["notes"]
    assert any("5 groups by name" in note and "20 images match nothing" in note for note in notes)
    for split in ("train", "validation"):
        counts = Counter(id[:3] for id in ids(tmp_path / "out", split) if id < "p05")
        assert set(counts.values()) <= {4}


@pytest.mark.parametrize("pattern", ["(p", "patient"])
def test_a_pattern_that_is_none_or_matches_nothing(pattern: str, source: Path, tmp_path: Path) -> None:
    result = run("split", source, tmp_path / "out", "--from", "deepfashion2", "--group-by", pattern)
    assert result.exit_code == 2
    assert "--group-by" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("format", ["coco", "yolo"])
def test_folds(format: str, source: Path, tmp_path: Path) -> None:
    words = ("split", source, tmp_path / "out", "--from", "deepfashion2", "--folds", 5, "--group-by", "^(p[0-9]+)")
    result = run(*words, "--to", format, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["losses"]["in"] == told["losses"]["out"] == {"images": 40, "items": 40}
    assert told["splits"]["fold_3/train"]["images"] == 32
    seen: list[str] = []
    for number in range(5):
        root = tmp_path / "out" / f"fold_{number}"
        found = {split: list(dataset) for split, dataset in converters.splits(root, format)[1].items()}
        names = {split: {sample.id for sample in samples} for split, samples in found.items()}
        assert (len(names["train"]), len(names["validation"])) == (32, 8)
        assert not {id[:3] for id in names["train"]} & {id[:3] for id in names["validation"]}
        classes = Counter(thing.category for sample in found["validation"] for thing in sample.objects)
        assert sorted(classes.values()) == [4, 4]
        seen += names["validation"]
    assert len(seen) == len(set(seen)) == 40
    again = run(*[word if word != tmp_path / "out" else tmp_path / "other" for word in words], "--to", format)
    assert again.exit_code == 0
    files = [
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*.*[a-z]")}
        for name in ("out", "other")
    ]
    assert files[0].keys() == files[1].keys()
    fewer = run("split", source, tmp_path / "out", "--from", "deepfashion2", "--folds", 2, "--to", format, "--force")
    assert fewer.exit_code == 0, fewer.output
    assert sorted(path.name for path in (tmp_path / "out").glob("fold_*")) == ["fold_0", "fold_1"]


def test_folds_are_of_one_size(source: Path, tmp_path: Path) -> None:
    result = run("split", source, tmp_path / "out", "--from", "deepfashion2", "--folds", 3, "--ratio", "0.5,0.5")
    assert result.exit_code == 2
    assert "--folds" in result.output
