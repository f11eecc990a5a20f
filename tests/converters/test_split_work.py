"""Splits as files: written in a format, listed, judged; and the command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from refusals import error_of
from typer.testing import CliRunner, Result

import converters
from converters.partition import Rules, work
from converters.transfer.parts import Summary
from orchestrator.commands.options import command
from orchestrator.commands.split import split as split_command
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Silent


@pytest.fixture
def source(maker: Any) -> Path:
    """Thirty pictures, no two the same: ten pairs of three, each with a garment of its own."""
    pages = [maker.page(maker.item(1 + n % 3, style=1), pair_id=1 + n // 3) for n in range(30)]
    folder = maker.split(*pages)
    for path in (folder / "image").iterdir():
        path.write_bytes(path.read_bytes() + path.name.encode())
    return Path(maker.root)


def split(source: Path, target: Path, **options: Any) -> work.Done:
    return work.split(source, target, progress=Silent(), **({"source_format": "deepfashion2"} | options))


def garments(target: Path, name: str) -> set[int | None]:
    dataset = converters.read("coco", target, name)
    return {thing.pair_id for sample in dataset for thing in sample.objects}


def test_written_as_a_data_set_that_can_be_read(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    done = split(source, target)
    assert (done.source_format, done.format) == ("deepfashion2", "coco")
    assert {name: summary.images for name, summary in done.splits.items()} == {"train": 24, "validation": 6}
    assert isinstance(done.splits["train"], Summary)
    assert not garments(target, "train") & garments(target, "validation")
    assert len(garments(target, "train") | garments(target, "validation")) == 10
    pictures = [path.name for split in ("train", "validation") for path in (target / "images" / split).iterdir()]
    assert sorted(pictures) == [f"{n:06d}.jpg" for n in range(1, 31)]
    report = json.loads((target / work.REPORT).read_text())
    assert report["splits"]["validation"]["pictures"] == 6
    assert report["leaks"]["garments"]["count"] == 0
    assert report["source"] == {"format": "deepfashion2", "splits": ["train"]}
    assert (target / "classes.txt").is_file()
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} <= {".out.journal.lock"}


def test_what_was_torn_is_found_in_the_data_set_made_of_it(source: Path, tmp_path: Path) -> None:
    done = split(source, tmp_path / "out", rules=Rules(identity=False))
    told = work.judge_at(tmp_path / "out", source_format="coco", progress=Silent())
    assert told.leaks.garments.count == done.report.leaks.garments.count > 0


def test_twice_the_same_bytes(source: Path, tmp_path: Path) -> None:
    def bytes_of(target: Path) -> dict[str, bytes]:
        files = (path for path in sorted(target.rglob("*")) if path.is_file())
        return {str(path.relative_to(target)): path.read_bytes() for path in files}

    split(source, tmp_path / "one")
    split(source, tmp_path / "other", workers=2)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "other")


def test_its_own_format_where_that_can_be_written(source: Path, tmp_path: Path) -> None:
    split(source, tmp_path / "kitti", format="kitti", splits=("train",))
    done = split(tmp_path / "kitti", tmp_path / "again", source_format="kitti", splits=("train",), pictures="copy")
    assert done.format == "kitti"
    labels = [len(list((tmp_path / "again" / name / "label_2").iterdir())) for name in ("train", "validation")]
    assert labels == [19, 5]


def test_what_is_there_is_not_replaced_unasked(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    split(source, target)
    with pytest.raises(UsageError, match="is there already"):
        split(source, target)
    split(source, target, replace=True, counts={"validation": 9})
    assert len(list((target / "images" / "validation").iterdir())) == 9
    with pytest.raises(UsageError, match="would replace"):
        split(source, source)


def test_several_splits_must_be_chosen_from(source: Path, maker: Any, tmp_path: Path) -> None:
    maker.split(*(maker.page(maker.item(2, style=1), pair_id=1 + n) for n in range(10)), name="validation")
    target = tmp_path / "out"
    error = error_of(UsageError, split, source, target, match="several splits")
    assert "--split" in str(error.hint)
    assert "--all" in str(error.hint)
    with pytest.raises(UsageError, match='no split "test"'):
        split(source, target, splits=("test",))
    assert sum(each.images for each in split(source, target, splits=("validation",)).splits.values()) == 10
    done = split(source, tmp_path / "all", pool=True)
    assert sum(each.images for each in done.splits.values()) == 40
    names = [sample.id for name in done.splits for sample in converters.read("coco", tmp_path / "all", name)]
    assert sorted(names) == sorted(
        [f"train/{n:06d}" for n in range(1, 31)] + [f"validation/{n:06d}" for n in range(1, 11)]
    )
    assert len(garments(tmp_path / "all", "train") | garments(tmp_path / "all", "validation")) == 20


def test_a_split_nobody_labelled_takes_no_part(source: Path, maker: Any, tmp_path: Path) -> None:
    folder = maker.split(*(maker.page(maker.item(2)) for _ in range(3)), name="test")
    for path in (folder / "annos").iterdir():
        path.unlink()
    (folder / "annos").rmdir()
    done = split(source, tmp_path / "out", pool=True)
    assert sum(each.images for each in done.splits.values()) == 30
    assert "test has no annotations and takes no part" in done.report.notes


def test_lists_alone(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "lists"
    done = split(source, target, lists=True)
    assert (done.format, done.splits) == (None, {})
    assert sorted(path.name for path in target.iterdir()) == [work.REPORT, "train.txt", "validation.txt"]
    listed = [(target / f"{name}.txt").read_text().splitlines() for name in ("train", "validation")]
    assert [len(lines) for lines in listed] == [24, 6]
    assert all((source / line).is_file() for lines in listed for line in lines)


def test_lists_names_that_are_no_unicode(source: Path, tmp_path: Path) -> None:
    for folder, suffix in (("image", b".jpg"), ("annos", b".json")):
        old = os.fsencode(source / "train" / folder / "000001") + suffix
        Path(os.fsdecode(old)).rename(os.fsdecode(os.fsencode(source / "train" / folder) + b"/\xff\xe9" + suffix))
    split(source, tmp_path / "lists", lists=True, rules=Rules(identity=False))
    listed = b"".join((tmp_path / "lists" / f"{name}.txt").read_bytes() for name in ("train", "validation"))
    assert b"train/image/\xff\xe9.jpg\n" in listed


def test_bad_pictures_stop_or_are_listed(source: Path, tmp_path: Path) -> None:
    (source / "train" / "annos" / "000005.json").write_text('{"item1": 3')
    with pytest.raises(DataError, match=r"000005\.json"):
        split(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    done = split(source, tmp_path / "out", skip_bad=True)
    assert done.report.left_out == 1
    assert (tmp_path / "out" / work.LEFT_OUT).read_text().startswith("000005\t")
    assert sum(each.images for each in done.splits.values()) == 29


def test_a_killed_run_goes_on(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out"
    split(source, tmp_path / "whole")

    def pulled(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tltpipe.journal.Journal.commit", pulled)
        with pytest.raises(KeyboardInterrupt):
            split(source, target)
    assert (tmp_path / ".out.journal").is_dir()
    split(source, target)
    assert not (tmp_path / ".out.journal").exists()
    name = Path("annotations/instances_train.json")
    assert (target / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


# The command


@pytest.fixture
def run() -> Callable[..., Result]:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command(split_command))
    return lambda *words: CliRunner().invoke(app, [os.fspath(word) for word in words])


def test_command_shows_and_writes(source: Path, tmp_path: Path, run: Callable[..., Result]) -> None:
    done = run(source, tmp_path / "out", "--from", "deepfashion2", "--ratio", "0.6,0.2,0.2", "--seed", "x")
    assert done.exit_code == 0, done.output
    for told in ("validation", "60.00 %", "short_sleeved_shirt", "split at random", "10 of 3-5", work.REPORT):
        assert told in done.output
    assert sorted(path.stem for path in (tmp_path / "out" / "annotations").iterdir()) == [
        "instances_test",
        "instances_train",
        "instances_validation",
    ]


def test_command_answers_in_json(source: Path, tmp_path: Path, run: Callable[..., Result]) -> None:
    done = run(source, tmp_path / "out", "--from", "deepfashion2", "--list-only", "--near", "--no-stratify", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["to"] is None
    assert told["report"]["leaks"]["alike"] == {"count": 0, "examples": []}


def test_command_judges(source: Path, maker: Any, run: Callable[..., Result]) -> None:
    one = run(source, "--report-only", "--from", "deepfashion2")
    assert one.exit_code == 2
    folder = maker.split(maker.page(maker.item(2, style=1)), name="validation")
    (folder / "image" / "000001.jpg").write_bytes((source / "train" / "image" / "000007.jpg").read_bytes())
    done = run(source, "--report-only", "--from", "deepfashion2", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["leaks"]["garments"]["count"] == 0  # pairs are numbered anew in each split
    assert told["leaks"]["identical"] == {"count": 1, "examples": told["leaks"]["identical"]["examples"]}
    assert set(told["leaks"]["identical"]["examples"][0].split(" ~ ")) == {"train/000007", "validation/000001"}
    shown = run(source, "--report-only", "--from", "deepfashion2")
    assert "train/000007" in shown.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "DST missing"),
        (("out", "--ratio", "0.8,0.1"), "adds up"),
        (("out", "--to", "deepfashion2"), "only be read"),
    ],
)
def test_command_says_what_is_wrong(
    source: Path, words: tuple[str, ...], told: str, run: Callable[..., Result]
) -> None:
    done = run(source, *words, "--from", "deepfashion2")
    assert done.exit_code == 2
    assert told in done.output
