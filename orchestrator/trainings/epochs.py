"""The training log: a CSV with a row an epoch, ours or NVIDIA's."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ACCURACY = "AP_"
"""How NVIDIA's columns of classes begin."""


@dataclass(frozen=True)
class Epochs:
    """``columns``: what was measured, by its name, as pairs of epoch and value."""

    columns: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The last epoch, 0 before the first is over."""
        return max((points[-1][0] for points in self.columns.values()), default=0)

    def latest(self, column: str) -> float | None:
        """The newest value of ``column``."""
        points = self.columns.get(column)
        return points[-1][1] if points else None

    def per_class(self, columns: Mapping[str, Iterable[str]]) -> dict[str, dict[str, float]]:
        """The newest value of each class: ``columns`` names their classes; without any, NVIDIA's are recognised."""
        if not columns:
            columns = {"AP": [name.removeprefix(ACCURACY) for name in self.columns if name.startswith(ACCURACY)]}
        found = {
            column: {name: value for name in names if (value := self.latest(f"{column}_{name}")) is not None}
            for column, names in columns.items()
        }
        return {column: values for column, values in found.items() if values}


def parse(text: bytes) -> Epochs:
    """``text`` without a last line that is not whole yet; a row that is none is left out, and so are "nan"."""
    whole = text[: text.rfind(b"\n") + 1].decode("utf-8", "replace").replace("\0", "")
    columns: dict[str, list[tuple[int, float]]] = {}
    try:
        for row in csv.DictReader(whole.splitlines()):
            epoch = row.pop("epoch", None) or ""
            if not epoch.isdecimal():
                continue
            for name, cell in row.items():
                value = _number(cell)
                if isinstance(name, str) and value is not None:
                    columns.setdefault(name, []).append((int(epoch), value))
    except csv.Error:  # a field beyond all bounds
        pass
    return Epochs(columns)


def _number(text: object) -> float | None:
    try:
        value = float(text) if isinstance(text, str) else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
