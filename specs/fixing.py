"""What ``--fix`` makes of a text: the edits of findings, as long as they leave less wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from specs.checks import Edit, Finding

Examine = Callable[[str], Collection[Finding]]
MOST_TRIES = 60
"""Examinations of a text: where many edits do harm, those that are still left then are not made."""


def mended(text: str, findings: Sequence[Finding], examine: Examine) -> tuple[str, list[Finding]]:
    """``text`` with the edits of ``findings`` that help, and the findings whose edits they are."""
    mending = _Mending(text, examine, Counter(_misread(findings)))
    mending.together([finding for finding in findings if finding.edit is not None])
    return mending.result(mending.accepted), sorted(mending.accepted, key=_place)


def edited(text: str, edit: Edit) -> str:
    """``text`` with ``edit`` made."""
    rows, start = text.split("\n"), edit.column - 1
    row = rows[edit.line - 1]
    rows[edit.line - 1] = row[:start] + edit.text + row[start + edit.length :]
    return "\n".join(rows)


def in_words(text: str, edit: Edit) -> str:
    """What ``edit`` does to ``text``: ``"resnet" in place of resnet``."""
    before = text.split("\n")[edit.line - 1][edit.column - 1 :][: edit.length]
    if not edit.text:
        return f"{before.strip() or 'what cannot be seen'} removed".replace("\N{BYTE ORDER MARK}", "byte order mark")
    return f"{edit.text} in place of {before}"


@dataclass
class _Mending:
    text: str
    examine: Examine
    wrong: Counter[tuple[str, str]]
    accepted: list[Finding] = field(default_factory=list)
    tries: int = 0

    def together(self, group: Sequence[Finding]) -> None:
        """Accept all of ``group`` if that helps, else what of its halves does."""
        if not group or self.tries >= MOST_TRIES:
            return
        self.tries += 1
        now = Counter(_misread(self.examine(self.result([*self.accepted, *group]))))
        due = sum(finding.code < "S1" for finding in group)
        if now <= self.wrong and (self.wrong - now).total() >= due:
            self.accepted += group
            self.wrong = now
        elif len(group) > 1:
            middle = len(group) // 2
            self.together(group[middle:])
            self.together(group[:middle])

    def result(self, made: Sequence[Finding]) -> str:
        """The text with these edits made, from its end to its beginning."""
        text = self.text
        for finding in sorted(made, key=_place, reverse=True):
            text = edited(text, finding.edit) if finding.edit is not None else text
        return text


def _place(finding: Finding) -> tuple[int, int]:
    return (finding.edit.line, finding.edit.column) if finding.edit is not None else (0, 0)


def _misread(findings: Collection[Finding]) -> list[tuple[str, str]]:
    """What is wrong with the text itself: an edit must not add to it."""
    return [(finding.code, finding.what) for finding in findings if finding.code < "S1" and finding.severity == "error"]
