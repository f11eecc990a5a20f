"""What the steps of a training measured, as lines of ``steps.jsonl``: a JSON object a step, of a long one for several.

The file stays small however long a training is: of more than ``LINES`` steps so many share a line that about as many
lines remain. A line ends with every checkpoint, so that a run that goes on from one continues it without a gap.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.shell.program import warn
from tltpipe.files import atomic

if TYPE_CHECKING:
    from runtime.training.loop import Step

NAME = "steps.jsonl"
LINES = 20_000
"""About the most lines of a training."""
FLUSH = 1.0
"""Seconds between two writes at least."""


class StepLog:
    """Writes to ``path``; ``total`` is the number of steps of the whole training."""

    def __init__(self, path: Path, total: int) -> None:
        self.path, self.share = path, max(1, -(-total // LINES))
        self.steps: list[tuple[int, Step]] = []
        self.lines: list[str] = []
        self.due = 0.0
        self.writes = True

    def begin(self, step: int) -> None:
        """Keep the lines of the steps before ``step`` (from 0) alone."""
        if self.path.is_symlink():  # nothing is emptied, or added to, where it leads
            self.path.unlink()
        with atomic(self.path) as stream:
            stream.writelines(_before(self.path, step))

    def add(self, epoch: int, step: Step) -> None:
        """Take in ``step`` of ``epoch``."""
        if self.steps and self.steps[0][0] != epoch:
            self._close()
        self.steps.append((epoch, step))
        if len(self.steps) >= self.share:
            self._close()
        if time.monotonic() >= self.due:
            self._write()

    def flush(self) -> None:
        """End the line under way, and write all there is."""
        self._close()
        self._write()

    def _close(self) -> None:
        if self.steps:
            self.lines.append(json.dumps(_record(self.steps[-1][0], [step for _, step in self.steps])) + "\n")
            self.steps = []

    def _write(self) -> None:
        """A training does not end for want of a line."""
        lines, self.lines = self.lines, []
        self.due = time.monotonic() + FLUSH
        if not lines or not self.writes:
            return
        try:
            with self.path.open("a", encoding="utf-8", newline="\n") as stream:
                stream.write("".join(lines))
        except OSError as refusal:
            self.writes = False
            warn(f"{self.path}: no more steps can be written: {refusal.strerror or refusal}")


def _before(path: Path, step: int) -> Iterator[str]:
    """The whole lines in ``path`` of steps before ``step``."""
    if not step or not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace", newline="\n") as stream:
        for line in stream:
            number = _number(line)
            if line.endswith("\n") and number is not None and number < step:
                yield line


def _number(line: str) -> int | None:
    try:
        told = json.loads(line)
    except ValueError:  # a line that was cut by a full disk
        return None
    number = told.get("step") if isinstance(told, dict) else None
    return number if isinstance(number, int) else None


def _record(epoch: int, steps: list[Step]) -> dict[str, Any]:
    """One line of ``steps``: means, of the loss the range, too; "time" is when they ended, in seconds since 1970."""
    losses = [sum(step.losses.values()) for step in steps]
    seconds, last = sum(step.seconds for step in steps), steps[-1]
    record: dict[str, Any] = {"step": last.number, "epoch": epoch, "loss": _mean(losses)}
    if len(steps) > 1:
        record |= {"steps": len(steps), "loss_min": _rounded(min(losses)), "loss_max": _rounded(max(losses))}
    record["terms"] = {name: _mean([step.losses.get(name, 0.0) for step in steps]) for name in last.losses}
    record |= {"lr": _rounded(last.rate), "gradient_norm": _mean([step.gradient_norm for step in steps])}
    if seconds > 0:
        record["images_per_second"] = _rounded(sum(step.images for step in steps) / seconds)
        record["data_wait"] = _rounded(min(1.0, sum(step.data_wait for step in steps) / seconds))
    return record | {"time": round(time.time(), 3)}


def _mean(values: list[float]) -> float | None:
    return _rounded(sum(values) / len(values))


def _rounded(value: float) -> float | None:
    """Six digits; JSON has no infinity, which a gradient in half precision may have."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
