"""Trainings cut short, by kill -9 too, and gone on with: the run in pieces is the run in one."""

from __future__ import annotations

import csv
import os
import random
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from killing import kill_after

from runtime.programs import train
from runtime.training.log import TrainingLog
from runtime.training.loop import Step
from runtime.training.recorder import Recorder
from runtime.weights import checkpoint
from runtime.weights.checkpoint import Checkpoint

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

LOG = "ssd_training_log_resnet10.csv"


def run(spec: Path, results: Path, *words: str | Path) -> None:
    assert train.main(["ssd", "-e", str(spec), "-r", str(results), *map(str, words)]) == 0


def last(results: Path) -> Checkpoint:
    newest = checkpoint.newest(results, "ssd_resnet10")
    return checkpoint.load(newest[0])


def logged(results: Path) -> list[dict[str, str]]:
    """The rows of the log, but for what the clock says."""
    with (results / LOG).open() as stream:
        rows = list(csv.DictReader(stream))
    return [{name: row[name] for name in row if name not in ("images_per_second", "data_wait")} for row in rows]


def assert_same(one: Path, other: Path) -> None:
    """Bit by bit: weights, what the optimiser remembers, the log; and the same files are kept."""
    first, second = last(one), last(other)
    assert (first.epoch, first.metrics) == (second.epoch, second.metrics)
    assert first.resume is not None
    assert second.resume is not None
    assert first.model.keys() == second.model.keys()
    assert [name for name, tensor in first.model.items() if not torch.equal(tensor, second.model[name])] == []
    momenta = [resume.optimizer["state"] for resume in (first.resume, second.resume)]
    assert all(torch.equal(momenta[0][i]["momentum_buffer"], momenta[1][i]["momentum_buffer"]) for i in momenta[0])
    assert logged(one) == logged(other)
    names = [sorted(path.name for path in (results / "weights").iterdir()) for results in (one, other)]
    assert names[0] == names[1]
    best = [checkpoint.facts(results / "weights/ssd_resnet10_best.safetensors")["epoch"] for results in (one, other)]
    assert best[0] == best[1]


@pytest.mark.parametrize("words", [(), ("--ema", "0.9")], ids=["plain", "ema"])
def test_killed_twice_at_random_and_started_again_by_the_same_command(
    shapes: Any, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Steps of three epochs and pictures of their validations are counted; each kill may hit any of them."""
    spec, whole, parts = shapes.spec(epochs=3, period=1, interval=2), tmp_path / "whole", tmp_path / "parts"
    words = (*words, "--save-minutes", "0")
    run(spec, whole, *words)
    moments = [random.randrange(1, 6) for _ in range(2)]
    print(f"killed after {moments} lines")
    kill_after(moments[0], "ssd", spec, parts, *words)
    said = kill_after(moments[1], "ssd", spec, parts, *words)
    assert re.search(r"going on (after epoch \d of 3|in epoch \d of 3, after step \d), from ", said)
    run(spec, parts, *words)
    assert_same(whole, parts)


@pytest.fixture(scope="module")
def three(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A spec of three epochs, and what it gives in one piece."""
    spec, whole = trained.shapes.spec(epochs=3, period=2, name="long.conf"), tmp_path_factory.mktemp("three") / "whole"
    run(spec, whole)
    return spec, whole


@pytest.fixture(scope="module")
def two(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A spec of two epochs with a checkpoint of each, and what it gives."""
    spec, whole = trained.shapes.spec(epochs=2, interval=1, name="two.conf"), tmp_path_factory.mktemp("two") / "whole"
    run(spec, whole)
    return spec, whole


@pytest.mark.parametrize("number", [0, 4, 5])
def test_interrupted_and_started_again(
    three: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    """After the first step of all, in the middle of an epoch, after the last step of one."""
    (spec, whole), parts = three, tmp_path / "parts"
    step = TrainingLog.step

    def interrupted(log: TrainingLog, at: Step, **told: Any) -> None:
        step(log, at, **told)
        if at.number == number:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLog, "step", interrupted)
        assert train.main(["ssd", "-e", str(spec), "-r", str(parts)]) == 130
    assert f"step {number % 3 + 1} of 3 in epoch {number // 3 + 1} is in" in capsys.readouterr().err
    run(spec, parts)
    assert_same(whole, parts)


def test_cut_short_after_the_last_epoch_was_saved(
    shapes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is left is to name the best and to say that it is done, not to train all over."""
    spec, whole, cut = shapes.spec(epochs=2, period=1), tmp_path / "whole", tmp_path / "cut"
    run(spec, whole)

    def stop(_self: Any, path: Path) -> None:
        if "_002" in path.name:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "tidy", stop)
        assert train.main(["ssd", "-e", str(spec), "-r", str(cut)]) == 130
    capsys.readouterr()
    run(spec, cut)
    said = capsys.readouterr().out
    assert "all 2 epochs are in" in said
    assert "epoch 1/2" not in said
    assert said.endswith(f"trained 2 epochs: {cut}/weights/ssd_resnet10_epoch_002.safetensors\n")
    assert_same(whole, cut)
    # That said, the same command begins anew.
    run(spec, cut)
    assert "checkpoints of an earlier run were moved" in capsys.readouterr().out


def test_resumed_as_with_nvidia(shapes: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, whole, parts = shapes.spec(epochs=3, interval=1), tmp_path / "whole", tmp_path / "parts"
    run(spec, whole)
    (parts / "weights").mkdir(parents=True)
    for suffix in (".safetensors", ".json"):
        shutil.copy(whole / f"weights/ssd_resnet10_epoch_001{suffix}", parts / "weights")
    shutil.copy(whole / LOG, parts)
    run(spec, parts, "-m", parts / "weights/ssd_resnet10_epoch_001.safetensors", "--initial_epoch", "2")
    assert "resumed from" in capsys.readouterr().out
    assert_same(whole, parts)


def cut(whole: Path, parts: Path, *, epoch: int) -> None:
    """Make ``parts`` what ``whole`` was after ``epoch``."""
    (parts / "weights").mkdir(parents=True)
    for path in whole.glob(f"weights/ssd_resnet10_epoch_{epoch:03d}.*"):
        shutil.copy(path, parts / "weights")
    shutil.copy(whole / LOG, parts)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "going on after epoch 1 of 2"),
        (["--fresh"], "were moved to"),
        (["--clip-norm", "1"], "holds another run (--clip-norm differs); starting anew"),
        (["--strict-tlt"], "holds another run (--strict-tlt differs, --clip-norm differs); starting anew"),
    ],
)
def test_what_the_same_folder_means(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    (spec, whole), parts = two, tmp_path / "parts"
    cut(whole, parts, epoch=1)
    capsys.readouterr()
    run(spec, parts, *words)
    said = capsys.readouterr().out
    assert told in said
    assert ("epoch 1/2" in said) == (words != [])
    assert (parts / "weights/earlier").exists() == (words != [])
    # That run is over now, and the next one its own.
    run(spec, parts, *words)
    assert "epoch 1/2" in capsys.readouterr().out
    aside = "earlier-2" if words else "earlier"
    assert (parts / "weights" / aside / "ssd_resnet10_epoch_002.safetensors").is_file()


def test_more_epochs_go_on_from_a_run_that_is_over(
    trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "out"
    run(trained.shapes.spec(epochs=1, interval=1, name="one.conf"), results)
    first = (results / "weights/ssd_resnet10_epoch_001.safetensors").read_bytes()
    longer = trained.shapes.spec(epochs=3, interval=1, name="three.conf")
    capsys.readouterr()
    run(longer, results)
    said = capsys.readouterr().out
    assert "going on after epoch 1 of 3" in said
    assert "num_epochs was 1 and is 3" in said
    assert "epoch 1/3" not in said
    assert "epoch 3/3" in said
    assert (results / "weights/ssd_resnet10_epoch_001.safetensors").read_bytes() == first
    assert not (results / "weights/earlier").exists()
    assert [row["epoch"] for row in csv.DictReader((results / LOG).open())] == ["1", "2", "3"]
    # Fewer, or another change beside, is another run.
    run(trained.shapes.spec(epochs=4, interval=1, rate=1e-3, name="other.conf"), results)
    assert "starting anew" in capsys.readouterr().out
    assert (results / "weights/earlier/ssd_resnet10_epoch_003.safetensors").is_file()


def test_another_spec_is_another_run(
    trained: Any, two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut(two[1], tmp_path / "parts", epoch=1)
    run(trained.shapes.spec(epochs=2, interval=1, rate=1e-3, name="other.conf"), tmp_path / "parts")
    said = capsys.readouterr().out
    assert "holds another run (its spec is not this one: here is max_learning_rate: 0.001); starting anew" in said
    # What it says to go on from the other run is so.
    [words] = re.findall(r"to go on from it all the same: (.*)", said)
    run(trained.shapes.spec(epochs=3, interval=1, rate=1e-3, name="third.conf"), tmp_path / "third", *words.split())
    assert "after epoch 1" in capsys.readouterr().out


def test_a_file_of_another_program_is_set_aside(shapes: Any, tmp_path: Path) -> None:
    old = tmp_path / "out/weights/ssd_resnet10_epoch_100.safetensors"
    old.parent.mkdir(parents=True)
    old.write_text("an earlier run")
    run(shapes.spec(epochs=1), tmp_path / "out")
    assert last(tmp_path / "out").epoch == 1
    assert (old.parent / "earlier" / old.name).read_text() == "an earlier run"


def test_an_empty_file_for_the_newest_epoch_does_not_cost_the_others(
    trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "out"
    shutil.copytree(trained.results, results)
    empty = results / "weights/ssd_resnet10_epoch_002.safetensors"
    empty.unlink()
    empty.touch()
    assert train.main(["ssd", "-e", str(trained.spec), "-r", str(results)]) == 4
    told = capsys.readouterr().err
    assert f"error: {empty}: this checkpoint is empty" in told
    assert "delete it to go on from the epoch before; --fresh starts over" in told
    assert not (results / "weights/earlier").exists()


def test_the_wrong_key_for_what_is_there(trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, results = trained.shapes.spec(epochs=1, name="one.conf"), tmp_path / "out"
    run(spec, results, "-k", "right")
    before = (results / "weights/ssd_resnet10_epoch_001.tlt").read_bytes()
    assert train.main(["ssd", "-e", str(spec), "-r", str(results), "-k", "wrong"]) == 4
    told = capsys.readouterr().err
    assert "the key is not the one" in told
    assert "--fresh starts over" in told
    assert (results / "weights/ssd_resnet10_epoch_001.tlt").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "limit"),
    [([], 35.0), (["--clip-norm", "0"], None), (["--clip-norm", "5"], 5.0), (["--strict-tlt"], None)],
)
def test_how_long_a_gradient_may_be(shapes: Any, tmp_path: Path, words: list[str], limit: float | None) -> None:
    run(shapes.spec(epochs=1), tmp_path / "results", *words)
    resume = last(tmp_path / "results").resume
    assert resume.numbers["run"]["clip_norm"] == limit
