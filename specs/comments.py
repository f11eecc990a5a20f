"""Comments that speak to us: ``# tltpipe: strict-tlt``, ``# tltpipe: ignore S401``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from specs import values
from specs.checks import Finding

STRICT = "strict-tlt"
_COMMENT = re.compile(r"^(?P<before>.*?)#[ \t]*tltpipe:[ \t]*(?P<says>.*?)[ \t]*\r?$", re.MULTILINE)
_IGNORE = re.compile(r"ignore[ \t:]+(S\d+(?:[ \t,]+S\d+)*)")
_FORMER = re.compile(r"was .")
"""What a migration has kept."""


def strict(text: str) -> bool:
    """Whether a comment on a line of its own asks for NVIDIA's behaviour to the letter."""
    return any(says == STRICT for _, alone, says in _comments(text) if alone)


def silenced(text: str) -> Iterator[tuple[str, int | None]]:
    """Codes of rules, or beginnings of codes, that a comment silences, each with its line: None, for the whole file,
    where nothing stands before the comment."""
    for line, alone, says in _comments(text):
        if found := _IGNORE.fullmatch(says):
            yield from ((code, None if alone else line) for code in re.findall(r"S\d+", found[1]))


def codes(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each code that a comment silences, with its place."""
    rows = text.split("\n")
    for line, _, says in _comments(text):
        if found := _IGNORE.fullmatch(says):
            for code in re.findall(r"S\d+", found[1]):
                yield code, (line, rows[line - 1].rindex(code) + 1)


def misread(text: str) -> Iterator[Finding]:
    """Every ``# tltpipe:`` that is none of ours: misspelt, it would be taken for a comment."""
    for line, alone, says in _comments(text):
        if (alone and says == STRICT) or _IGNORE.fullmatch(says) or _FORMER.match(says):
            continue
        meant = values.did_you_mean(says, [STRICT]) or f'only "{STRICT}" and "ignore S401" are'
        if (word := says.partition(" ")[0]) != "ignore" and values.nearest(word, ["ignore"]):
            meant = f'did you mean "{says.replace(word, "ignore", 1)}"?'
        if says == STRICT:
            meant = "write it on a line of its own"
        column = 1 if alone else text.split("\n")[line - 1].index("#") + 1
        yield Finding("", f'"# tltpipe: {says}" is not understood; {meant}', place=(line, column))


def _comments(text: str) -> Iterator[tuple[int, bool, str]]:
    """Line, whether nothing stands before it, and what it says."""
    if "tltpipe:" not in text:
        return
    for found in _COMMENT.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, not found["before"].strip(), found["says"]
