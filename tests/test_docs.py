"""Every command that README and docs/ show is there, with the options that they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import warm

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ +)*(?:\.venv/bin/)?(tltpipe|tlt-[a-z-]+)((?:\s.*)?)$")
_WORD = re.compile(r"[a-z][a-z-]*")
_OPTION = re.compile(r"--?[A-Za-z][\w-]*")


@cache
def usage(words: tuple[str, ...]) -> str:
    """What ``--help`` of these words says; empty where there is no such command."""
    wide = {**os.environ, "COLUMNS": "300", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run([*warm.command(words[0]), *words[1:], "--help"], capture_output=True, text=True, env=wide)
    return done.stdout if done.returncode == 0 else ""


def commands(text: str) -> Iterator[str]:
    """The command lines in the fenced blocks and between the backticks of a page."""
    text = text.replace("\\\n", " ")
    blocks = [line for block in re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    for line in [*blocks, *re.findall(r"`([^`\n]+)`", text)]:
        command = line.strip().removeprefix("$ ").partition("#")[0].partition("|")[0].rpartition(" && ")[2].strip()
        if (found := _COMMAND.match(command)) and (BIN / found[1]).exists():
            yield f"{found[1]}{found[2]}"


def unknown(command: str) -> list[str]:
    """The options in ``command`` that it does not have."""
    program, *rest = command.split()
    words = (program,)
    if program == "tltpipe" and rest and rest[0] in usage(words).split():
        words = (*words, rest.pop(0))
        while rest and _WORD.fullmatch(rest[0]) and usage((*words, rest[0])) not in ("", usage(words)):
            words = (*words, rest.pop(0))
    options = [found[0] for word in rest if (found := _OPTION.match(word.strip("[](),.;'\"")))]
    if words == ("tltpipe", "tao"):  # takes NVIDIA's
        return []
    return [each for each in options if not re.search(rf"(?<![\w-]){re.escape(each)}(?![\w-])", usage(words))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_that_a_page_shows_are_there(page: Path) -> None:
    assert {command: odd for command in commands(page.read_text("utf-8")) if (odd := unknown(command))} == {}


def test_what_is_not_there_is_seen() -> None:
    page = "```\ntltpipe convert a b --to coco --nonsense\ntlt-train ssd -e x --nothing\n```\n"
    assert [unknown(command) for command in commands(page)] == [["--nonsense"], ["--nothing"]]


def test_the_pages_show_commands() -> None:
    assert sum(len(list(commands(page.read_text("utf-8")))) for page in PAGES) > 50
