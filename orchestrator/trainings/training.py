"""One training as its files tell of it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.jobs import attempts
from orchestrator.trainings import description, epochs, life, reading, resuming, status
from orchestrator.trainings.logs import Log
from orchestrator.trainings.reading import Tail, Whole
from orchestrator.trainings.steps import Line, Steps

STEPS, STATUS = "steps.jsonl", "status.json"
SAMPLES = "samples"
PICTURES = ("curves.png", "labels.png", "train_batch1.jpg", "train_batch2.jpg", "train_batch3.jpg", "val_batch.jpg")
"""Those that a training leaves."""
SILENT = 120.0
"""Seconds without a word after which a training counts as silent."""
AHEAD = 60.0
"""Seconds that the clock of another machine may be ahead."""
USUAL = ("mAP", "loss")
"""What is shown of a run that does not say what its figure is."""
_SAMPLE = re.compile(r"(epoch|step)_(\d+)\.jpg")


class Training:
    """The training whose results are in ``folder``, by real path. ``workspace`` is the pipeline's that trains there."""

    def __init__(self, identity: str, name: str, folder: Path, workspace: Path | None = None) -> None:
        self.identity, self.name, self.folder, self.workspace = identity, name, folder, workspace
        self.steps, self.status, self.epochs = Steps(), status.Status(), epochs.Epochs()
        self.log = Log(folder, workspace)
        self.described = description.Description()
        self.heard: float | None = None
        self._description = Whole(folder, description.NAME)
        self._csv: Whole | None = None
        self._steps, self._status = Tail(folder, STEPS), Tail(folder, STATUS)
        self._peeked: Line | None = None
        self._read = False

    def update(self, *, steps: bool = True) -> bool:
        """Read what came since, of ``steps`` only whether any did unless they are asked for; returns whether anything
        did."""
        if new := self._description.read() or not self._read:
            self.described = description.parse(self._description.bytes or b"") or description.guessed(self.folder)
        new |= self._read_steps() if steps else self._peek()
        new |= self._status.read(self.status.begin, self.status.take)
        new |= self._read_epochs()
        new |= self.log.read()
        if new and self._read:
            self.heard = time.monotonic()
        self._read = True
        return new

    def _peek(self) -> bool:
        """Take note of the last line of the steps, unless all are read."""
        if self._steps.size:
            return self._read_steps()
        line = self.steps.decoded(reading.last_line(self.folder, STEPS))
        before, self._peeked = self._peeked, line
        return line != before

    def _read_steps(self) -> bool:
        """Where only their last line was known so far, news is one that is later than that."""
        first = not self._steps.size
        changed = self._steps.read(self.steps.begin, self.steps.take)
        return changed and not (first and self._peeked is not None and self._peeked == self.steps.last)

    def _read_epochs(self) -> bool:
        if not (name := self.described.log):
            guessed = description.guessed(self.folder)
            name, self.described = guessed.log, self.described if self.described.network else guessed
        if not name:
            return False
        if self._csv is None or self._csv.parts != (name,):
            self._csv = Whole(self.folder, name)
        if not self._csv.read():
            return False
        self.epochs = epochs.parse(self._csv.bytes or b"")
        return True

    # --------------------------------------------------------------------------------------------- how it goes

    def state(self) -> tuple[str, str]:
        """ "running", "finished", "failed", "interrupted" or "silent", and a message."""
        if life.holds(self.folder):
            return "running", ""
        attempt = attempts.load(self.workspace / ".tltpipe" / "receipts", "train") if self.workspace else None
        if attempt is not None and attempt.state == attempts.FAILED:
            return "failed", (self.status.message if self.status.state == "failed" else "") or attempt.why
        if attempt is not None and attempt.state == attempts.INTERRUPTED:
            return "interrupted", ""
        if self.status.state in ("finished", "failed", "interrupted"):
            return self.status.state, self.status.message
        if life.gone(self.described):
            return "interrupted", "its process ended without a word: it was killed, or ran out of memory"
        quiet = self.quiet()
        if quiet is None:
            return "silent", "when it wrote last is not known"
        if quiet < SILENT:
            return "running", ""
        return "silent", f"nothing was written for {_span(quiet)}"

    def quiet(self) -> float | None:
        """Seconds since it wrote something; None where nothing says when."""
        known = [] if self.updated is None else [time.time() - self.updated]
        known = [ago for ago in known if ago > -AHEAD]  # else its clock says nothing about ours
        known += [time.monotonic() - self.heard] if self.heard is not None else []
        return max(0.0, min(known)) if known else None

    @property
    def updated(self) -> float | None:
        """When it wrote last by its own clock, in seconds since 1970."""
        line = self.steps.last or self._peeked
        last = line.time if line is not None else None
        return max((when for when in (last, self.status.updated) if when is not None), default=None)

    @property
    def epoch(self) -> int:
        """The last whole epoch."""
        return max(self.epochs.last, self.status.epoch)

    @property
    def total_epochs(self) -> int | None:
        return self.described.epochs or self.status.epochs

    @property
    def primary(self) -> str:
        usual = next((name for name in USUAL if name in self.epochs.columns), USUAL[-1])
        known = self.described.primary
        return known if known and (known in self.epochs.columns or not self.epochs.columns) else usual

    def remaining(self) -> float | None:
        """Seconds until the end, of a training that goes on at its speed."""
        speed, total, last = self.steps.speed(), self.described.steps, self.steps.last
        if speed and total and last is not None:
            return max(0.0, (total - last.step - 1) / speed)
        return status.seconds(self.status.eta)

    # --------------------------------------------------------------------------------------------- its snapshot

    def summary(self) -> dict[str, Any]:
        """What a list of trainings shows."""
        state, message = self.state()
        return {
            "id": self.identity,
            "name": self.name,
            "folder": str(self.folder),
            "state": state,
            "message": message,
            "epoch": self.epoch,
            "epochs": self.total_epochs,
            "primary": self.primary,
            "value": self.epochs.latest(self.primary),
            "updated": self.updated,
        }

    def progress(self) -> dict[str, Any]:
        """What changes as it goes on, but for curves and log."""
        told, last = self.summary(), self.steps.last
        running, over = told["state"] == "running", told["state"] in ("running", "finished")
        told["resume"] = "" if over else resuming.command(self.folder, self.workspace, self.described)
        told["step"] = last.step + 1 if last is not None else None
        told["total_steps"] = self.described.steps
        told["eta"] = self.remaining() if running else None
        return told

    def details(self) -> dict[str, Any]:
        """All but the curves of the steps."""
        return {
            **self.progress(),
            "network": self.described.name or self.described.network,
            "classes": self.described.classes,
            "titles": self.described.titles,
            "columns": self.epochs.columns,
            "terms": sorted(name.removeprefix("loss/") for name in self.steps.curves if name.startswith("loss/")),
            "per_class": self.per_class(),
            "samples": self.samples(),
            "pictures": self.pictures(),
            "spec": self.spec(),
            "log": self.lines(),
        }

    def per_class(self) -> Mapping[str, Mapping[str, float]]:
        return self.epochs.per_class(self.described.per_class)

    def samples(self) -> list[dict[str, Any]]:
        """The pictures in ``samples/``, in the order they came: after a step or a whole epoch."""
        there = (name for name in description.names(self.folder / SAMPLES) if self.sample(name) is not None)
        found = map(_SAMPLE.fullmatch, there)
        steps, epochs = self.described.steps, self.described.epochs
        per_epoch = steps / epochs if steps and epochs else None

        def told(match: re.Match[str]) -> dict[str, Any]:
            number = int(match[2])
            if match[1] == "epoch":
                return {"name": match[0], "epoch": number, "step": round(number * per_epoch) if per_epoch else None}
            return {"name": match[0], "epoch": None, "step": number}

        made = [told(match) for match in found if match]
        return sorted(made, key=lambda each: (each["step"] or 0, each["epoch"] or 0))

    def pictures(self) -> list[str]:
        return [name for name in PICTURES if reading.inside(self.folder, name) is not None]

    def sample(self, name: str) -> Path | None:
        """The file of a sample, None for a name that is none of one."""
        return reading.inside(self.folder, SAMPLES, name) if _SAMPLE.fullmatch(name) else None

    def picture(self, name: str) -> Path | None:
        return reading.inside(self.folder, name) if name in PICTURES else None

    def spec(self) -> str:
        """The text that it is trained by, as far as a file says it."""
        if self.described.spec or self.workspace is None:
            return self.described.spec
        drafts = [name for name in description.names(self.workspace / "specs") if name.startswith("train.")]
        text = reading.content(self.workspace, "specs", drafts[0]) if drafts else None
        return (text or b"").decode("utf-8", "replace")

    def lines(self, after: int = 0) -> list[str]:
        """The last lines of its log; where it has none, those of ``status.json``."""
        return self.log.after(after) if self.log.count else list(self.status.lines)


def _span(seconds: float) -> str:
    """``3 min``, ``5 h``, ``2 d``: whole ones, so that it does not change all the time."""
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
