"""NVIDIA's options: every one is in the parser of our program, and docs/flags.md says what it does there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from runtime.programs import prune
from runtime.shell import program

DOCS = Path(__file__).parents[2] / "docs"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("flags", DOCS / "flags.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FLAGS = load()
EVERY = [(name, words) for name in FLAGS.PROGRAMS for words in FLAGS.options(name)]


@pytest.mark.parametrize(("name", "words"), EVERY, ids=[f"{name} {words}" for name, words in EVERY])
def test_every_option_is_accepted(name: str, words: str) -> None:
    parser = FLAGS.parser(name)
    assert {FLAGS.effect(parser, word) for word in words.split()}


def test_the_page_is_that_of_the_parsers() -> None:
    assert (DOCS / "flags.md").read_text("utf-8") == FLAGS.page(), "python docs/flags.py writes it anew"


def test_options_without_effect_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ssd", "-m", str(tmp_path / "none.tlt"), "-o", "b", "--gpus", "2", "--gpu_index", "0", "1", "-v"]
    assert prune.main(words) == 4
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" has no effect")[0] for line in lines[:3]] == [
        "warning: --gpus", "warning: --gpu_index", "warning: -v",
    ]  # fmt: skip
    assert prune.main(["ssd", "-m", str(tmp_path / "none.tlt"), "-o", "b"]) == 4
    assert "no effect" not in capsys.readouterr().err


def test_a_log_file_gets_all_that_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "logs" / "prune.log"
    for _ in range(2):
        assert prune.main(["-m", str(tmp_path / "none"), "-o", "b", "--use_amp", "--log_file", str(log)]) == 4
    program.say("after")
    assert capfd.readouterr() == ("after\n", "")
    text = log.read_text()
    assert text.count("error: ") == text.count("--use_amp has no effect") == 2


def test_a_log_file_that_cannot_be_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert prune.main(["-m", "a", "-o", "b", "--log_file", str(tmp_path / "file" / "log")]) == 6
    assert str(tmp_path / "file") in capfd.readouterr().err
