"""``status.json``, ours or NVIDIA's: how a training goes, and how it ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime

import msgspec

from orchestrator.trainings.logs import shown

BEGUN, DONE = "Starting Training Loop.", "Training finished successfully."
INTERRUPTED = "Training was interrupted"
LINES = 200
"""So many lines are remembered as a log."""


class Line(msgspec.Struct):
    """A line of it, as far as it matters here."""

    status: str = ""
    message: str = ""
    date: str = ""
    time: str = ""
    epoch: int | None = None
    max_epoch: int | None = None
    eta: str | None = None

    @property
    def when(self) -> datetime | None:
        """The writer's local time, M/D/YYYY and H:M:S, as a time here."""
        try:
            return datetime.strptime(f"{self.date} {self.time}", "%m/%d/%Y %H:%M:%S").astimezone()
        except (ValueError, OverflowError, OSError):
            return None

    @property
    def text(self) -> str:
        """As a line of a log."""
        epoch = f" (epoch {self.epoch} of {self.max_epoch})" if self.epoch is not None and self.max_epoch else ""
        return f"{self.date} {self.time} {self.status}: {_plain(self.message)}{epoch}"


class Status:
    """All lines so far. ``state`` is "", "running", "finished", "failed" or "interrupted" by them alone."""

    def __init__(self) -> None:
        self.decoder = msgspec.json.Decoder(Line, strict=False)
        self.begin()

    def begin(self) -> None:
        """Forget all."""
        self.state, self.message = "", ""
        self.epoch, self.epochs, self.eta = 0, None, None
        self.updated: float | None = None
        self.lines: deque[str] = deque(maxlen=LINES)
        self.training = True

    epochs: int | None
    eta: str | None

    def take(self, lines: Iterable[bytes]) -> None:
        """Add ``lines``; one that is no JSON object is left out."""
        for text in lines:
            try:
                self._add(self.decoder.decode(text))
            except msgspec.DecodeError:
                continue

    def _add(self, line: Line) -> None:
        self.lines.append(line.text)
        if (when := line.when) is not None:
            self.updated = when.timestamp()
        if line.status == "STARTED":  # an evaluation may write to the same file
            self.training = line.message == BEGUN
        if not self.training:
            return
        if line.epoch is not None:
            self.epoch, self.epochs, self.eta = line.epoch, line.max_epoch or self.epochs, line.eta
        self.state, self.message = self._judged(line)

    def _judged(self, line: Line) -> tuple[str, str]:
        if line.status == "FAILURE":
            return ("interrupted", "") if line.message == INTERRUPTED else ("failed", _plain(line.message))
        if line.status == "SUCCESS" and line.message == DONE:
            return "finished", ""
        return "running", ""


def _plain(message: str) -> str:
    """Its lines without what is meant for a terminal."""
    return "\n".join(map(shown, message.split("\n")))


def seconds(eta: str | None) -> float | None:
    """``h:mm:ss.ffffff``, with days before it as Python writes them, in seconds."""
    if not eta:
        return None
    days, _, rest = eta.rpartition(",")
    try:
        hours, minutes, last = rest.strip().split(":")
        whole = int(days.split()[0]) if days else 0
        return max(0.0, whole * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(last))
    except (ValueError, IndexError):
        return None
