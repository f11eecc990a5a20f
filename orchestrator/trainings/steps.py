"""What the steps measured: a curve for each figure, coarser the longer it is, so that memory is bounded."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

MOST = 32_768
"""Points of a curve; beyond that each two become one."""
ROW = 5
PLAIN = ("lr", "gradient_norm", "images_per_second", "data_wait")
RECENT = 200
"""Lines that the speed is measured on."""

Point = list[float]
"""Step, least, greatest and mean value of the steps that it stands for."""


class Line(msgspec.Struct):
    """A line of ``steps.jsonl``."""

    step: int
    epoch: int | None = None
    steps: int = 1
    loss: float | None = None
    loss_min: float | None = None
    loss_max: float | None = None
    terms: dict[str, float | None] = {}
    lr: float | None = None
    gradient_norm: float | None = None
    images_per_second: float | None = None
    data_wait: float | None = None
    time: float | None = None


class Curve:
    """One figure over the steps, in rows: last step, least, greatest, mean, number of steps."""

    def __init__(self) -> None:
        self.rows = array("d")

    def __len__(self) -> int:
        return len(self.rows) // ROW

    def add(self, step: int, least: float, greatest: float, mean: float, count: int) -> None:
        self.rows.extend((step, least, greatest, mean, count))
        if len(self.rows) >= ROW * MOST:
            self.rows = array("d", _merged(self._table(), MOST // 2).T.tobytes())

    def points(self, most: int, after: int) -> list[Point]:
        """At most ``most`` points of the steps later than ``after``."""
        table = self._table()
        table = table[:, np.searchsorted(table[0], after, side="right") :]
        if table.shape[1] > most:
            table = _merged(table, most)
        table[1:4] = _rounded(table[1:4])
        return [[int(step), *values] for step, *values in table[:4].T.tolist()]

    def _table(self) -> NDArray[np.float64]:
        """[5, n], a copy: an array that is seen by others cannot grow."""
        return np.array(self.rows).reshape(-1, ROW).T


class Steps:
    """The curves of a run."""

    def __init__(self) -> None:
        self.decoder = msgspec.json.Decoder(Line)
        self.generation = 0
        self.begin()

    def begin(self) -> None:
        """Forget all; ``generation`` counts how often."""
        self.generation += 1
        self.curves: dict[str, Curve] = {}
        self.last: Line | None = None
        self.recent: deque[Line] = deque(maxlen=RECENT)

    def take(self, lines: Iterable[bytes]) -> None:
        """Add ``lines``; what is no line of a step, or of one before the last, is left out."""
        for text in lines:
            line = self.decoded(text)
            if line is not None and (self.last is None or line.step > self.last.step):
                self._add(line)

    def decoded(self, text: bytes) -> Line | None:
        """None for what is no line of a step."""
        try:
            return self.decoder.decode(text)
        except msgspec.DecodeError:  # ValidationError is one of them
            return None

    def _add(self, line: Line) -> None:
        self.last = line
        self.recent.append(line)
        if line.loss is not None:
            least = line.loss if line.loss_min is None else line.loss_min
            greatest = line.loss if line.loss_max is None else line.loss_max
            self._curve("loss").add(line.step, least, greatest, line.loss, line.steps)
        for name, value in (*((f"loss/{term}", each) for term, each in line.terms.items()), *_plain(line)):
            if value is not None:
                self._curve(name).add(line.step, value, value, value, line.steps)

    def _curve(self, name: str) -> Curve:
        return self.curves.setdefault(name, Curve())

    def points(self, most: int = 1000, after: int = -1) -> dict[str, list[Point]]:
        """Each curve after the step ``after``, in at most ``most`` points; without those that have none."""
        found = {name: curve.points(most, after) for name, curve in self.curves.items()}
        return {name: points for name, points in found.items() if points}

    def speed(self) -> float | None:
        """Steps a second, of late; None where that is not known."""
        if len(self.recent) < 2:
            return None
        first, last = self.recent[0], self.recent[-1]
        seconds = (last.time or 0) - (first.time or 0)
        return (last.step - first.step) / seconds if first.time and seconds > 0 else None


def _plain(line: Line) -> Iterable[tuple[str, Any]]:
    return ((name, getattr(line, name)) for name in PLAIN)


def _merged(table: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """``table`` [5, n] in at most ``most`` columns."""
    begins = np.arange(0, table.shape[1], -(-table.shape[1] // most))
    step, least, greatest, mean, count = table
    counts = np.add.reduceat(count, begins)
    ends = np.append(begins[1:], len(step)) - 1
    means = np.add.reduceat(mean * count, begins) / counts
    return np.stack(
        [step[ends], np.minimum.reduceat(least, begins), np.maximum.reduceat(greatest, begins), means, counts]
    )


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Six digits: all that was written, and half of the bytes to send."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (5 - np.floor(np.log10(np.abs(values))))
        rounded = np.round(values * scale) / scale
    return np.where(np.isfinite(rounded), rounded, values)
