"""The trainings that the live page shows, read when somebody looks and not otherwise; and what changed for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator import trainings
from orchestrator.trainings import Training
from orchestrator.trainings.machine import FRESH, Machine
from tltpipe.web.problems import RequestProblem

SEARCHED, READ = 10.0, 0.5
"""Seconds for which the folders, and what was read of a training, hold."""
POINTS = 1000


class Live:
    """The trainings in ``paths``. Threads may share it."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths, self.lock, self.machine = paths, threading.RLock(), Machine()
        self.trainings: dict[str, Training] = {}
        self.searched, self.read = -SEARCHED, dict[str, float]()

    def all(self) -> list[Training]:
        """All trainings there are, without what their steps measured."""
        with self.lock:
            self._search()
            for training in self.trainings.values():
                training.update(steps=False)
            return list(self.trainings.values())

    def one(self, identity: str) -> Training:
        """Raises RequestProblem where there is none of that name."""
        with self.lock:
            if identity not in self.trainings:
                self._search()
            if (training := self.trainings.get(identity)) is None:
                raise RequestProblem(404, f'no run is called "{identity}"', hint="GET /api/runs lists them")
            if time.monotonic() >= self.read.get(identity, 0.0) + READ:
                training.update()
                self.read[identity] = time.monotonic()
            return training

    def _search(self) -> None:
        """Look for trainings that came since, and forget those whose folder is gone."""
        if time.monotonic() < self.searched + SEARCHED:
            return
        there = {training.identity: training for training in trainings.find(self.paths)}
        self.trainings = {name: self.trainings.get(name, training) for name, training in there.items()}
        self.searched = time.monotonic()

    def list(self) -> list[dict[str, Any]]:
        with self.lock:
            return [training.summary() for training in self.all()]

    def details(self, identity: str) -> dict[str, Any]:
        with self.lock:
            training = self.one(identity)
            return {**training.details(), "machine": self.machine.use(training.folder)}

    def steps(self, identity: str, *, points: int = POINTS, after: int = -1) -> dict[str, Any]:
        with self.lock:
            return {"series": self.one(identity).steps.points(points, after)}

    def log(self, identity: str, *, after: int = 0) -> dict[str, Any]:
        """The lines behind the first ``after``; "next" is what to ask for then."""
        with self.lock:
            training = self.one(identity)
            return {"lines": training.lines(after), "next": training.log.count}

    def changes(self, seen: Seen) -> dict[str, Any] | None:
        """What came since ``seen`` was brought up to date, which is done here; None where nothing did."""
        with self.lock:
            training = self.one(seen.identity)
            told = {**seen.progress(training), **seen.curves(training), **seen.log(training)}
            if told and time.monotonic() >= seen.measured + FRESH:
                seen.measured = time.monotonic()
                told["machine"] = self.machine.use(training.folder)
            return {"id": seen.identity, **told} if told else None


@dataclass
class Seen:
    """What somebody who listens to the training ``identity`` knows of it."""

    identity: str
    known: Mapping[str, Any] = field(default_factory=dict)
    generation: int | None = None
    step: int = -1
    lines: int | None = None
    measured: float = 0.0

    def progress(self, training: Training) -> dict[str, Any]:
        """What is other than before, by name."""
        now = {
            **training.progress(),
            "columns": training.epochs.columns,
            "per_class": training.per_class(),
            "samples": training.samples(),
        }
        now.pop("updated")
        changed = {name: value for name, value in now.items() if self.known.get(name) != value}
        if changed.keys() <= {"eta", "id"}:  # it changes with the clock
            return {}
        self.known = now
        return changed

    def curves(self, training: Training) -> dict[str, Any]:
        """The points of new steps. To begin with those of late, which may have come while the page was read; where the
        steps began anew, all of them, "restarted"."""
        steps = training.steps
        restarted = self.generation not in (None, steps.generation)
        if restarted:
            self.step = -1
        elif self.generation is None and steps.recent:
            self.step = steps.recent[0].step
        points = steps.points(POINTS, self.step)
        self.generation = steps.generation
        self.step = steps.last.step if steps.last is not None else -1
        return {"steps": points, **({"restarted": True} if restarted else {})} if points or restarted else {}

    def log(self, training: Training) -> dict[str, Any]:
        """New lines of the log."""
        lines = training.lines(self.lines) if self.lines is not None and training.log.count > self.lines else []
        self.lines = training.log.count
        return {"log": lines} if lines else {}
