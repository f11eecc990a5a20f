"""Which step each process of a training on several nodes has come to, for those who watch: ``ranks/N.json``.

They say so in the store in which they met; the first one alone writes files, of a folder that is still its own.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from runtime.machine import processes
from runtime.training.loop import NullWatcher, Step
from tltpipe.files import remove, write_text
from tltpipe.preflight import node

FOLDER = "ranks"
EVERY = 5.0
"""Seconds between two notes of one process at least."""


class Noting(NullWatcher):
    """The watcher of a process that has nothing to do but to say how far it is."""

    def __init__(self) -> None:
        self.next_note = 0.0

    def step(self, step: Step) -> None:
        if time.monotonic() >= self.next_note:
            self.next_note = time.monotonic() + EVERY
            processes.note(json.dumps({"node": node.name(), "step": step.number}))


class Ranks:
    """Writes in ``results`` of all processes; with ``nodes`` 1 there is nothing to write."""

    def __init__(self, results: Path, nodes: int) -> None:
        self.folder, self.writes = results / FOLDER, nodes > 1
        self.own, self.known = Noting(), dict[int, str]()

    def begin(self) -> None:
        """Forget what an earlier run left."""
        remove(self.folder)

    def step(self, step: Step) -> None:
        """The first process is done with ``step``."""
        if not self.writes or time.monotonic() < self.own.next_note:
            return
        self.own.step(step)
        for rank, text in processes.notes().items():
            if self.known.get(rank) != text:
                self.known[rank] = text
                about = {"rank": rank, "world": processes.world_size(), **json.loads(text), "time": time.time()}
                write_text(self.folder / f"{rank}.json", json.dumps(about) + "\n")
