"""The comments of a text: found between its tokens, and given to the fields that they stand at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from specs.migration.tree import Field, Section


@dataclass(frozen=True)
class Remark:
    """A comment, or "" for a blank line; ``alone`` on its line, or behind something."""

    text: str
    line: int
    column: int
    alone: bool


@dataclass(frozen=True)
class Mark:
    """A line where a field or section begins, or with ``closes`` where a section ends: what stands before is in it;
    with a ``column``, if it stands to the right of that."""

    line: int
    node: Field | Section
    closes: bool = False
    column: int = 0


def between(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[Remark]:
    """The comments and blank lines of ``text`` outside ``spans``: start and end of each token, in their order."""
    line, place = 1, 0
    for start, end in [*spans, (len(text), len(text))]:
        gap = text[place:start].split("\n")
        for number, found in enumerate(gap):
            bare, alone = found.strip(), number > 0 or not place
            if bare.startswith("#") or (not bare and alone and number < len(gap) - 1):
                column = len(found) - len(found.lstrip()) + 1 if bare else 0
                yield Remark(bare, line + number, column, alone)
        end = max(end, place)
        line, place = line + text.count("\n", place, end), end


def attach(root: Section, marks: list[Mark], remarks: Iterable[Remark]) -> None:
    """Give each of ``remarks`` to the field, or the end of a section, before which or behind which it stands."""
    index = 0
    for remark in remarks:
        while index < len(marks) and marks[index].line <= remark.line:
            index += 1
        if remark.alone or not index:
            _above(root, (marks[place] for place in range(index, len(marks))), remark).append(remark.text)
        else:
            _behind(marks[index - 1], remark.text)


def _above(root: Section, following: Iterable[Mark], remark: Remark) -> list[str]:
    """The comments among which ``remark`` belongs."""
    for mark in following:
        if not mark.closes:
            return mark.node.comments.above
        if isinstance(mark.node, Section) and (not mark.column or mark.column < remark.column):
            return mark.node.below
    return root.below


def _behind(mark: Mark, text: str) -> None:
    node = mark.node
    if mark.closes and isinstance(node, Section):
        node.end = text
    elif node.comments.behind:
        node.comments.above.append(text)
    else:
        node.comments.behind = text
