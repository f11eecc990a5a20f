"""Shell completion in the shells themselves: the script that is shown completes commands and options."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BESIDE = Path(sys.executable).parent
BASH = """
eval "$(tltpipe --show-completion)"
complete -p tltpipe | grep -q tltpipe
COMP_WORDS=({words}) COMP_CWORD={place}
_tltpipe_completion tltpipe
echo "${{COMPREPLY[@]}}"
"""
ZSH = """
compdef() {{ :; }}
_arguments() {{ echo "$@"; }}
eval "$(tltpipe --show-completion)"
words=({words}) CURRENT={place}
_tltpipe_completion
"""


def shell(name: str, script: str, home: Path) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} here")
    if not (BESIDE / "tltpipe").exists():
        pytest.skip("tltpipe is not installed into this environment")
    environment = {"PATH": f"{BESIDE}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "TERM": "dumb"}
    command = [name, *(["-f"] if name == "zsh" else ["--norc"]), "-c", f"{script}\ntrue"]
    result = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("words", "complete"),
    [
        (("tltpipe", "tf"), {"tfrecords"}),
        (("tltpipe", "s"), {"sample", "serve", "schema", "status", "stats", "split", "spec", "stop"}),
    ],
)
def test_commands_in_bash(tmp_path: Path, words: tuple[str, ...], complete: set[str]) -> None:
    script = BASH.format(words=" ".join(words), place=len(words) - 1)
    assert set(shell("bash", script, tmp_path).split()) == complete


@pytest.mark.parametrize(
    ("words", "complete"), [(("tltpipe", "tf"), "tfrecords"), (("tltpipe", "train", "--ep"), "--epochs")]
)
def test_commands_and_options_in_zsh(tmp_path: Path, words: tuple[str, ...], complete: str) -> None:
    assert complete in shell("zsh", ZSH.format(words=" ".join(words), place=len(words)), tmp_path)


def test_options_in_bash(tmp_path: Path) -> None:
    script = BASH.format(words="tltpipe train --ep", place=2)
    assert shell("bash", script, tmp_path).split() == ["--epochs"]


@pytest.mark.parametrize(("name", "startup"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_it_installs_itself(tmp_path: Path, name: str, startup: str) -> None:
    shell(name, "tltpipe --install-completion", tmp_path)
    assert (tmp_path / startup).read_text().strip()
    assert [path for path in tmp_path.rglob("*tltpipe*") if "_TLTPIPE_COMPLETE" in path.read_text()]
