"""What a command read, what it wrote, and what became of the rest: counted and reported in one way everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Count(NamedTuple):
    """How many images, and how many annotated items on them."""

    images: int = 0
    items: int = 0

    def plus(self, images: int = 0, items: int = 0) -> Count:
        return Count(self.images + images, self.items + items)

    def __str__(self) -> str:
        return ", ".join(_many(count, what) for count, what in zip(self, ("image", "item"), strict=True))

    @property
    def brief(self) -> str:
        """Without what there is none of."""
        parts = (_many(count, what) for count, what in zip(self, ("image", "item"), strict=True) if count)
        return ", ".join(parts) or "nothing"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


@dataclass
class Losses:
    """The balance of one split, or of a whole run: ``read`` = ``written`` + everything in ``lost``.

    What is read is counted where it is read, what is written where it is written, so that ``require_balance`` finds a
    step in between that drops something and says nothing. ``lost`` counts by reason, in words that a user
    understands. The items are counted by class, too, as far as their class is known: ``classes_read``,
    ``classes_written``, and ``classes_lost`` with reasons. Plain data, and mergeable, so that worker processes can
    each keep a part.
    """

    read: Count = field(default_factory=Count)
    written: Count = field(default_factory=Count)
    lost: dict[str, Count] = field(default_factory=dict)
    classes_read: dict[str, int] = field(default_factory=dict)
    classes_written: dict[str, int] = field(default_factory=dict)
    classes_lost: dict[str, dict[str, int]] = field(default_factory=dict)

    def count_read(self, *, images: int = 0, items: int = 0, classes: Iterable[str] = ()) -> None:
        """Count what the input holds; ``classes`` has the class of each further item."""
        self.read = self.read.plus(images, items + _tally(self.classes_read, classes))

    def count_written(self, *, images: int = 0, items: int = 0, classes: Iterable[str] = ()) -> None:
        """Count what the output holds."""
        self.written = self.written.plus(images, items + _tally(self.classes_written, classes))

    def lose(self, reason: str, *, images: int = 0, items: int = 0, classes: Iterable[str] = ()) -> None:
        """Count what the input holds and the output does not."""
        counted: dict[str, int] = {}
        items += _tally(counted, classes)
        self.lost[reason] = self.lost.get(reason, Count()).plus(images, items)
        for name, count in counted.items():
            reasons = self.classes_lost.setdefault(name, {})
            reasons[reason] = reasons.get(reason, 0) + count

    def leave_out(self, reason: str, *, images: int = 0, items: int = 0, classes: Iterable[str] = ()) -> None:
        """``lose`` what nobody has counted as read."""
        classes = tuple(classes)
        self.count_read(images=images, items=items, classes=classes)
        self.lose(reason, images=images, items=items, classes=classes)

    def merge(self, others: Losses) -> None:
        """Count all of ``others``, too."""
        self.read = self.read.plus(*others.read)
        self.written = self.written.plus(*others.written)
        for reason, count in others.lost.items():
            self.lost[reason] = self.lost.get(reason, Count()).plus(*count)
        _add(self.classes_read, others.classes_read)
        _add(self.classes_written, others.classes_written)
        for name, reasons in others.classes_lost.items():
            _add(self.classes_lost.setdefault(name, {}), reasons)

    @property
    def missing(self) -> Count:
        """Everything in ``lost``."""
        total = Count()
        for count in self.lost.values():
            total = total.plus(*count)
        return total

    def require_balance(self) -> None:
        """Raise AssertionError, a fault of ours, where the sum is not right."""
        expected = self.written.plus(*self.missing)
        if self.read != expected:
            raise AssertionError(f"{self.read} were read, but {expected} are written or counted as lost")

    def emptied(self) -> dict[str, tuple[int, Mapping[str, int]]]:
        """Classes of which items were read and none is written: how many, and why."""
        return {
            name: (count, self.classes_lost.get(name, {}))
            for name, count in self.classes_read.items()
            if count and not self.classes_written.get(name)
        }

    def lines(self) -> list[str]:
        """The summary for people: one line when nothing was lost, else one more for each reason."""
        first = f"in: {self.read}; out: {self.written}"
        return [first, *(f"  lost: {count} ({reason})" for reason, count in self.lost.items())]

    def as_json(self) -> dict[str, Any]:
        """{"in": {"images", "items"}, "out": {...}, "lost": [{"reason", "images", "items"}, ...]}."""
        lost = [{"reason": reason, **count._asdict()} for reason, count in self.lost.items()]
        return {"in": self.read._asdict(), "out": self.written._asdict(), "lost": lost}


def total(parts: Iterable[Losses]) -> Losses:
    """The balance of all ``parts`` together."""
    found = Losses()
    for part in parts:
        found.merge(part)
    return found


def parse(text: str, found: Losses) -> bool:
    """Take one of the ``lines`` that a program printed into ``found``; False where ``text`` is no such line."""
    if match := _BALANCE.fullmatch(text):
        figures = [int(figure.replace(",", "")) for figure in match.groups()]
        found.read, found.written = Count(*figures[:2]), Count(*figures[2:])
    elif match := _LOST.fullmatch(text):
        images, items, reason = match.groups()
        found.lose(reason, images=int(images.replace(",", "")), items=int(items.replace(",", "")))
    else:
        return False
    return True


_COUNT = r"([\d,]+) images?, ([\d,]+) items?"
_BALANCE = re.compile(rf"in: {_COUNT}; out: {_COUNT}")
_LOST = re.compile(rf"  lost: {_COUNT} \((.*)\)")


def _tally(counts: dict[str, int], classes: Iterable[str]) -> int:
    items = 0
    for name in classes:
        counts[name] = counts.get(name, 0) + 1
        items += 1
    return items


def _add(counts: dict[str, int], others: Mapping[str, int]) -> None:
    for name, count in others.items():
        counts[name] = counts.get(name, 0) + count
