"""What is odd about a data set: counted by kind, with the first examples, in memory that does not grow."""

from __future__ import annotations

from dataclasses import dataclass, field

EXAMPLES = 10


@dataclass(frozen=True)
class Finding:
    """``count`` times ``what``; ``examples`` are the first few places."""

    what: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.examples) else ""
        return f"{self.count} {self.what}: {', '.join(self.examples)}{more}"


@dataclass
class Findings:
    """Collects; the order is that of first appearance."""

    kinds: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def add(self, what: str, where: object) -> None:
        """Count ``what``, seen at ``where``."""
        self._count(what, 1, [str(where)])

    def merge(self, others: Findings) -> None:
        """Count all of ``others`` as seen after what is here."""
        for what, (count, examples) in others.kinds.items():
            self._count(what, count, examples)

    def all(self) -> tuple[Finding, ...]:
        return tuple(Finding(what, count, tuple(examples)) for what, (count, examples) in self.kinds.items())

    def _count(self, what: str, count: int, examples: list[str]) -> None:
        before, kept = self.kinds.get(what, (0, []))
        self.kinds[what] = (before + count, (kept + examples)[:EXAMPLES])
