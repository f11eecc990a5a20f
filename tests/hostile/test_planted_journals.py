"""A journal that came with a folder runs nothing, moves nothing, and loses nothing: it is set aside."""

from __future__ import annotations

import json
import pickle
import subprocess
from pathlib import Path

import pytest
import warm
from planted import Command

COMMANDS = {
    "augment": (
        ["tlt-augment", "-d", "Original-Data/train", "-a", "augment.conf", "-o", "out"],
        "out/.augment.journal",
    ),
    "convert": (["tltpipe", "convert", "Original-Data", "out", "--from", "kitti", "--to", "coco"], ".out.journal"),
    "split": (["tltpipe", "split", "Original-Data", "out", "--from", "kitti", "--ratio", "0.5,0.5"], ".out.journal"),
    "check": (["tltpipe", "check", "Original-Data", "--fix", "out"], ".out.journal"),
    "prepare": (["tltpipe", "prepare"], ".tltpipe/prepare"),
}
MADE = {
    "augment": "out/images/003.jpg",
    "convert": "out/annotations/instances_train.json",
    "split": "out/split-report.json",
    "check": "out/classes.txt",
    "prepare": "COCO/train.json",
}
WORDS = [*COMMANDS]


def run(work: Path, word: str) -> subprocess.CompletedProcess[str]:
    argv = COMMANDS[word][0]
    return subprocess.run([*warm.command(argv[0]), *argv[1:]], cwd=work, capture_output=True, text=True)


def plant(work: Path, word: str, finished: object) -> Path:
    journal = work / COMMANDS[word][1]
    journal.mkdir(parents=True)
    for name in ("-00001", "000000", "000001"):
        (journal / name).write_bytes(pickle.dumps(Command(work / "ran")))
    (journal / "identity").write_text("0" * 64)
    (journal / "finished").write_text(json.dumps(finished))
    return journal


@pytest.mark.parametrize("word", WORDS)
def test_a_planted_pickle_runs_nothing(work: Path, word: str) -> None:
    journal = plant(work, word, [])
    before = {path.name: path.read_bytes() for path in journal.iterdir()}
    done = run(work, word)
    assert not (work / "ran").exists(), "the pickle ran its command"
    assert done.returncode == 0, done.stderr
    assert (work / MADE[word]).is_file()
    aside = journal.with_name(f"{journal.name}.foreign")
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == before, "nothing of it is lost"
    said = [line for line in (done.stdout + done.stderr).splitlines() if aside.name in line]
    assert len(said) == 1
    assert not journal.exists()


@pytest.mark.parametrize("word", WORDS)
def test_planted_moves_overwrite_nothing(work: Path, word: str) -> None:
    victim = work / "victim"
    victim.mkdir()
    (victim / "file").write_text("precious")
    (work / "planted").write_text("evil")
    journal = plant(work, word, [[str(work / "planted"), str(victim / "file")]])
    (journal / "-00001").write_bytes(pickle.dumps({}))
    assert run(work, word).returncode == 0
    assert (victim / "file").read_text() == "precious"
    assert (work / "planted").read_text() == "evil"
    assert (work / MADE[word]).is_file()
