"""What a command read, what it wrote, and what became of the rest: counted and reported in one way everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Count(NamedTuple):
    """How many images, and how many annotated items on them."""

    images: int = 0
    items: int = 0

    def plus(self, images: int = 0, items: int = 0) -> Count:
        return Count(self.images + images, self.items + items)

    def __str__(self) -> str:
        return f"{self.images:,} images, {self.items:,} items"


@dataclass
class Losses:
    """The balance of one split, or of a whole run: ``read`` = ``written`` + everything in ``lost``.

    ``lost`` counts by reason, in words that a user understands ("left out: picture cannot be read"). Picklable and
    mergeable, so that worker processes can each keep a part.
    """

    read: Count = field(default_factory=Count)
    written: Count = field(default_factory=Count)
    lost: dict[str, Count] = field(default_factory=dict)

    def take(self, *, images: int = 0, items: int = 0) -> None:
        """Count what was read and is written."""
        self.read = self.read.plus(images, items)
        self.written = self.written.plus(images, items)

    def lose(self, reason: str, *, images: int = 0, items: int = 0) -> None:
        """Count what was read and is not written."""
        self.read = self.read.plus(images, items)
        self.lost[reason] = self.lost.get(reason, Count()).plus(images, items)

    def merge(self, others: Losses) -> None:
        """Count all of ``others``, too."""
        self.read = self.read.plus(*others.read)
        self.written = self.written.plus(*others.written)
        for reason, count in others.lost.items():
            self.lost[reason] = self.lost.get(reason, Count()).plus(*count)

    def lines(self) -> list[str]:
        """The summary for people: one line when nothing was lost, else one more for each reason."""
        first = f"in: {self.read}; out: {self.written}"
        return [first, *(f"  lost: {count} ({reason})" for reason, count in self.lost.items())]

    def as_json(self) -> Mapping[str, Any]:
        """{"in": {"images", "items"}, "out": {...}, "lost": [{"reason", "images", "items"}, ...]}."""
        lost = [{"reason": reason, **count._asdict()} for reason, count in self.lost.items()]
        return {"in": self.read._asdict(), "out": self.written._asdict(), "lost": lost}
