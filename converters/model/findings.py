"""What is odd about a data set: counted by rule, with the first examples, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from converters.model.rules import Rule

if TYPE_CHECKING:
    from converters.model.header import Header

EXAMPLES = 10


@dataclass(frozen=True)
class Finding:
    """``count`` cases of ``rule``; ``examples`` are the first few places."""

    rule: Rule
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.examples) else ""
        return f"{self.rule.code}: {self.count} {self.rule.title}: {', '.join(self.examples)}{more}"


@dataclass
class Findings:
    """Collects; the order is that of first appearance.

    ``looked`` is the header that was read last, with its path, so that nobody reads that of the same picture again;
    ``measured`` is the size that was, None where more must be read for it.
    """

    kinds: dict[Rule, tuple[int, list[str]]] = field(default_factory=dict)
    looked: tuple[str, Header] | None = field(default=None, repr=False, compare=False)

    measured: tuple[str, tuple[int, int] | None] | None = field(default=None, repr=False, compare=False)

    def add(self, rule: Rule, where: object, *, count: int = 1) -> None:
        """Count ``rule``, seen at ``where``, ``count`` times."""
        self._count(rule, count, [str(where)])

    def take(self, findings: Iterable[Finding]) -> None:
        """Count all of ``findings`` as seen after what is here."""
        for found in findings:
            self._count(found.rule, found.count, list(found.examples))

    def merge(self, others: Findings) -> None:
        """Count all of ``others`` as seen after what is here."""
        for rule, (count, examples) in others.kinds.items():
            self._count(rule, count, examples)

    def all(self) -> tuple[Finding, ...]:
        return tuple(self)

    def __iter__(self) -> Iterator[Finding]:
        return (Finding(rule, count, tuple(examples)) for rule, (count, examples) in self.kinds.items())

    def __contains__(self, rule: Rule) -> bool:
        return rule in self.kinds

    def _count(self, rule: Rule, count: int, examples: list[str]) -> None:
        before, kept = self.kinds.get(rule, (0, []))
        self.kinds[rule] = (before + count, (kept + examples)[:EXAMPLES])
