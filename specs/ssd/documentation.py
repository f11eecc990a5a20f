"""The fields of a training spec in words: tables for a page, comments for a spec."""

from __future__ import annotations

import re
from collections.abc import Iterator

from specs.ssd import fields
from specs.ssd.fields import Dialect, Field

START, END = "<!-- fields -->", "<!-- end of fields -->"
WIDTH = 120
GENERATIONS = {"tlt2": "2.0", "tlt3": "3.0 on"}
_LINE = re.compile(r"^(?P<indent> *)(?P<name>\w+)(?P<rest>:? .*)$")


def put_into(page: str) -> str:
    """``page`` with the tables between its two markers written anew."""
    before, _, rest = page.partition(START)
    return f"{before}{START}\n{tables()}{END}{rest.partition(END)[2]}"


def tables() -> str:
    """A Markdown table for each section, both dialects in one."""
    lines: list[str] = []
    sections = dict.fromkeys(field.section for field in fields.FIELDS)
    for section in sections:
        lines += [f"\n### {section or 'At the top'}\n", "| field | in | unset | what it is for | honoured |"]
        lines.append("| --- | --- | --- | --- | --- |")
        lines += [_row(field, section) for field in fields.FIELDS if field.section == section]
    return "\n".join(lines) + "\n\n"


def commented(text: str, dialect: Dialect) -> str:
    """``text``, a rendered spec, with what each field is for behind it, or above it where that is too long."""
    known = fields.of(dialect)
    lines: list[tuple[str, str]] = []
    path: list[str] = []
    told: set[str] = set()
    for line in text.splitlines():
        match = _LINE.match(line)
        if line.strip() == "}":
            path.pop()
        if match is None:
            lines.append((line, ""))
            continue
        here = ".".join([*path, match["name"]])
        if line.endswith("{"):
            path.append(match["name"])
        meaning = known[here].meaning if here in known and here not in told else ""
        told.add(here)
        lines.append((line, meaning))
    return "\n".join(_laid_out(lines)) + "\n"


def _laid_out(lines: list[tuple[str, str]]) -> Iterator[str]:
    """Comments start in one column, past the longest line of those that are short."""
    column = max((len(line) for line, meaning in lines if meaning and len(line) <= 44), default=0) + 2
    for line, meaning in lines:
        beside = f"{line:<{column}}# {meaning}"
        if not meaning:
            yield line
        elif len(line) < column and len(beside) <= WIDTH:
            yield beside
        else:
            indent = line[: len(line) - len(line.lstrip())]
            yield f"{indent}# {meaning}"
            yield line


def _row(field: Field, section: str) -> str:
    name = field.path.removeprefix(f"{section}.")
    generations = "both" if len(field.dialects) > 1 else GENERATIONS[field.dialects[0]]
    return f"| `{name}` | {generations} | {field.unset} | {field.meaning} | {field.honoured} |"
