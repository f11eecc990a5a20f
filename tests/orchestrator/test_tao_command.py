"""Command lines of NVIDIA's launchers, three generations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from refusals import error_of
from typer.testing import CliRunner

from orchestrator.cli import app
from orchestrator.commands import tao
from tltpipe.errors import UsageError


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        ("ssd train --gpus 1 -e a -r b -k key -m c", "tlt-train ssd --gpus 1 -e a -r b -k key -m c"),
        ("model ssd train -e a -r b", "tlt-train ssd -e a -r b"),
        ("ssd evaluate -e a -m b -k key", "tlt-evaluate ssd -e a -m b -k key"),
        ("ssd inference -i a -o b -e c -m d -l e -k key", "tlt-infer ssd -i a -o b -e c -m d -l e -k key"),
        ("ssd prune -m a -o b -eq intersection -pth 0.1", "tlt-prune ssd -m a -o b -eq intersection -pth 0.1"),
        ("ssd export -m a -k key -o b --gen_ds_config", "tlt-export ssd -m a -k key -o b --gen_ds_config"),
        ("ssd dataset_convert -d a -o b", "tlt-dataset-convert ssd -d a -o b"),
        ("augment -d a -a b -o c", "tlt-augment -d a -a b -o c"),
        ("augmentation generate -e a data.image_dir=b", "tlt-augment generate -e a data.image_dir=b"),
        ("dataset augmentation generate -e a results_dir=b", "tlt-augment generate -e a results_dir=b"),
    ],
)
def test_the_same_in_our_words(words: str, ours: str) -> None:
    assert tao.translated(words.split()) == ours.split()


@pytest.mark.parametrize(
    "words", ["", "ssd", "ssd fly", "deploy ssd gen_trt_engine", "dataset annotations convert", "list", "-x"]
)
def test_what_is_not_understood(words: str) -> None:
    assert error_of(UsageError, lambda: tao.translated(words.split())).hint


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_no_error(flag: str) -> None:
    done = CliRunner().invoke(app, ["tao", flag])
    assert (done.exit_code, "tltpipe tao dataset augmentation generate" in done.output) == (0, True)


def test_every_word_goes_to_the_program(tmp_path: Path) -> None:
    """Options that tltpipe has, too (--verbose, --json), are the program's; its exit code is that of the command."""
    argv = [str(Path(sys.executable).parent / "tltpipe"), "tao", "ssd", "train", "-e", "nowhere.conf", "-r", "out"]
    done = subprocess.run([*argv, "--json"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "unrecognized arguments: --json" in done.stderr
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "nowhere.conf" in done.stderr


def test_another_network_is_refused_by_name(tmp_path: Path) -> None:
    argv = [str(Path(sys.executable).parent / "tltpipe"), "tao", "yolo_v4", "train", "-e", "a", "-r", "b"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "yolo_v4" in done.stderr
    assert "Traceback" not in done.stderr
