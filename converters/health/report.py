"""What a health check tells: findings by rule, of each split and of the whole, with what to do about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converters.model.findings import Finding, Findings
from converters.model.rules import Severity

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The worst first."""


@dataclass(frozen=True)
class SplitReport:
    """One split: numbers of pictures, of those ``unusable``, of items, of items per class; what was found in it.

    ``polygons``: some items have one. ``closed``: it could not be opened, and nothing is known of its pictures.
    """

    pictures: int
    unusable: int
    items: int
    classes: Mapping[str, int]
    findings: tuple[Finding, ...]
    seconds: float
    annotated: bool = True
    polygons: bool = False
    closed: bool = False


@dataclass(frozen=True)
class Report:
    """The health of a data set.

    ``across`` are the findings that no split has alone. ``spare`` and ``shown`` are for mending: pictures that another
    one makes superfluous, by split and place in its keys, and splits whose turned pictures are annotated as shown.
    """

    path: Path
    format: str
    deep: bool
    splits: Mapping[str, SplitReport]
    across: tuple[Finding, ...]
    seconds: float
    spare: Mapping[str, Mapping[int, str]] = field(default_factory=dict, repr=False)
    shown: frozenset[str] = frozenset()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, counted over all splits; the worst first, then by code."""
        total = Findings()
        for findings in (*(split.findings for split in self.splits.values()), self.across):
            total.take(findings)
        return tuple(sorted(total, key=lambda found: (SEVERITIES.index(found.rule.severity), found.rule.code)))

    @property
    def pictures(self) -> int:
        return sum(split.pictures for split in self.splits.values())

    @property
    def items(self) -> int:
        return sum(split.items for split in self.splits.values())

    @property
    def classes(self) -> dict[str, int]:
        """Items of each class, over all splits."""
        names = dict.fromkeys(name for split in self.splits.values() for name in split.classes)
        return {name: sum(split.classes.get(name, 0) for split in self.splits.values()) for name in names}

    @property
    def polygons(self) -> bool:
        """Whether items have polygons."""
        return any(split.polygons for split in self.splits.values())

    @property
    def closed(self) -> tuple[str, ...]:
        """Splits that could not be opened."""
        return tuple(name for name, split in self.splits.items() if split.closed)

    def count(self, severity: Severity) -> int:
        """How many cases of that severity there are."""
        return sum(found.count for found in self.findings if found.rule.severity == severity)

    @property
    def healthy(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return not any(found.rule.severity != "note" for found in self.findings)

    def where(self, code: str) -> dict[str, int]:
        """How often each split has the rule ``code``."""
        counts = {name: _count(split.findings, code) for name, split in self.splits.items()}
        return {name: count for name, count in counts.items() if count}

    def as_json(self) -> dict[str, Any]:
        """Plain values. ``findings`` has all; those about several splits have no entry in ``splits`` for them."""
        return {
            "path": str(self.path),
            "format": self.format,
            "deep": self.deep,
            "healthy": self.healthy,
            "pictures": self.pictures,
            "items": self.items,
            "classes": self.classes,
            "seconds": round(self.seconds, 3),
            "counts": {severity: self.count(severity) for severity in SEVERITIES},
            "splits": {name: _split(split) for name, split in self.splits.items()},
            "findings": [told(found) | {"splits": self.where(found.rule.code)} for found in self.findings],
        }


def told(found: Finding) -> dict[str, Any]:
    """A finding as plain values."""
    rule = found.rule
    return {
        "code": rule.code,
        "severity": rule.severity,
        "what": rule.title,
        "count": found.count,
        "examples": list(found.examples),
        "fix": rule.fix,
        "mended": rule.mended,
    }


def _split(split: SplitReport) -> dict[str, Any]:
    return {
        "pictures": split.pictures,
        "unusable": split.unusable,
        "items": split.items,
        "classes": dict(split.classes),
        "annotated": split.annotated,
        "opened": not split.closed,
        "seconds": round(split.seconds, 3),
        "findings": [told(found) for found in split.findings],
    }


def _count(findings: Iterable[Finding], code: str) -> int:
    return sum(found.count for found in findings if found.rule.code == code)
