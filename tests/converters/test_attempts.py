"""Conversions on several machines: parts of an array, and attempts that were given up and wake up again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attempts
import pytest

import converters
from converters.transfer import transfer
from converters.transfer.convert import convert
from converters.transfer.prepare import Target, prepare
from tltpipe.errors import DataError, HostError
from tltpipe.executors import VARIABLE, Part
from tltpipe.progress import Silent

Work = Callable[[Path], object]


@pytest.fixture
def data(maker: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two splits of 40 and 20 pictures; one of each cannot be used."""
    monkeypatch.setattr(transfer, "CHUNK", 4)
    monkeypatch.delenv(VARIABLE, raising=False)
    pages = [maker.page(maker.item(1 + n % 13), maker.item(9)) for n in range(60)]
    maker.split(*pages[:17], "no JSON", *pages[18:40])
    return Path(maker.split(*pages[40:50], "no JSON", *pages[51:], name="validation")).parent


def prepared(data: Path, out: Path, *, skip_bad: bool = True) -> object:
    """COCO files and KITTI labels of both splits, in one command."""
    splits = {
        name: (dataset, Target(out / f"{name}.json", out / name / "label"))
        for name, dataset in converters.splits(data, "deepfashion2")[1].items()
    }
    lists = {"left_out": out / "left-out.txt", "skip_bad": skip_bad}
    return prepare(splits, class_maps=(out,), journal=out / ".journal", progress=Silent(), workers=1, **lists)


def converted(data: Path, out: Path, *, format: str, pictures: str) -> object:
    return convert(data, out, format=format, progress=Silent(), pictures=pictures, skip_bad=True, workers=1)


WORKS = {
    "prepare": prepared,
    "kitti": partial(converted, format="kitti", pictures="copy"),
    "coco": partial(converted, format="coco", pictures="link"),
    "tfrecord": partial(converted, format="tfrecord", pictures="link"),
}


def left(out: Path) -> list[str]:
    """What lies around the output: locks, journals, staging."""
    return [path.name for path in out.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("name", WORKS)
def test_parts_of_an_array_that_are_killed_make_the_same_bytes(
    data: Path, name: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, place = WORKS[name], tmp_path_factory.mktemp("work")
    work(data, place / "whole")

    def begin(part: int) -> int:
        monkeypatch.setenv(VARIABLE, f"array:{part}/3")
        return attempts.forked(partial(work, data, place / "out"))

    attempts.all_parts([partial(begin, part) for part in (2, 0, 1)], kills=4, usual=0.05)
    monkeypatch.delenv(VARIABLE)
    made = [path for path in (place / "out").rglob("*") if not path.relative_to(place).parts[1].startswith(".")]
    assert not [path for path in made if path.is_file() and ".partial" not in str(path)], "before all parts are done"
    monkeypatch.setattr(transfer, "gather", None)  # all of it is noted
    work(data, place / "out")
    assert attempts.tree(place / "out") == attempts.tree(place / "whole")
    assert not left(place / "out")
    lines = next((place / "out").glob("left-out.txt")).read_text().splitlines()
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("name", "moment"), [("kitti", "in a file"), *(("prepare", moment) for moment in attempts.MOMENTS)]
)
def test_an_old_attempt_that_wakes_up_spoils_nothing(
    data: Path, name: str, moment: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, place = WORKS[name], tmp_path_factory.mktemp("work")
    work(data, place / "whole")
    whole = attempts.tree(place / "whole")

    def first() -> None:
        attempts.become("n1", attempt=0)
        attempts.sleep_at(moment, "000031.txt")
        work(data, place / "out")

    old = attempts.forked(first)
    attempts.asleep(old)
    with monkeypatch.context() as patch:
        attempts.become("n2", attempt=0, patch=patch)
        with pytest.raises(HostError, match="on n1, slurm job 17"):
            work(data, place / "out")
        attempts.become("n2", attempt=1, patch=patch)
        work(data, place / "out")
    assert attempts.tree(place / "out") == whole
    assert attempts.woken(old) == 6
    assert attempts.tree(place / "out") == whole
    assert not left(place / "out")


def test_an_old_attempt_leaves_the_one_that_took_over_alone(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes up while the new one is at work, and fails."""
    prepared(data, tmp_path / "whole")

    def first() -> None:
        attempts.become("n1", attempt=0)
        attempts.sleep_at("before a note", "")
        prepared(data, tmp_path / "out")

    old = attempts.forked(first)
    attempts.asleep(old)
    real = transfer._record
    woken: list[int] = []

    def record(*arguments: Any) -> int:
        number = real(*arguments)
        if number == 12:
            woken.append(attempts.woken(old))
        return number

    monkeypatch.setattr(transfer, "_record", record)
    attempts.become("n2", attempt=1, patch=monkeypatch)
    prepared(data, tmp_path / "out")
    assert woken == [6]
    assert attempts.tree(tmp_path / "out") == attempts.tree(tmp_path / "whole")


def test_a_part_that_fails_leaves_the_work_of_the_others(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, error in (("0/5", Part), ("4/5", DataError)):  # 17 is in the chunk 4
        monkeypatch.setenv(VARIABLE, f"array:{part}")
        with pytest.raises(error):
            prepared(data, tmp_path / "out", skip_bad=False)
    noted = sorted(path.name for path in (tmp_path / "out/.journal").glob("0*"))
    assert noted == ["000000", "000005", "000010"]
