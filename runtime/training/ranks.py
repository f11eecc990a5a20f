"""``ranks/N.json``: on which node each process of a training on several nodes is, and at which step.

For those who watch it: of the first process ``steps.jsonl`` tells more, the others write nothing else.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.training.loop import NullWatcher
from tltpipe.errors import HostError
from tltpipe.files import write_text
from tltpipe.preflight import node

if TYPE_CHECKING:
    from runtime.training.loop import Step

FOLDER = "ranks"
SECONDS = 5.0
"""Between two writes at least."""


class Rank(NullWatcher):
    """The watcher of process ``rank`` of ``world``, which says where it is in ``results``."""

    def __init__(self, results: Path, rank: int, world: int) -> None:
        self.path = results / FOLDER / f"{rank}.json"
        self.about: dict[str, int | str] = {"rank": rank, "world": world, "node": node.name()}
        self.next_write = 0.0

    def step(self, step: Step) -> None:
        if time.monotonic() >= self.next_write:
            self.write(step.number)

    def write(self, step: int | None = None) -> None:
        """A training does not end for want of it."""
        self.next_write = time.monotonic() + SECONDS
        with suppress(OSError, HostError):
            write_text(self.path, json.dumps({**self.about, "step": step, "time": round(time.time(), 3)}) + "\n")
