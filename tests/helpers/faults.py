"""Faults that tests cause: what came of each, and after how many seconds. docs/scale.md has a table of them, which
``docs/faults.py`` makes of the lines that ``pytest --faults FILE`` writes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Fault:
    """A ``fault`` that happens to ``engine``, in a test of this name, and its ``outcome``."""

    engine: str
    fault: str
    outcome: str
    test: str
    file: Path | None
    began: float = field(default_factory=time.monotonic)

    def occurs(self) -> None:
        """It happens only now: seconds count from here."""
        self.began = time.monotonic()

    def over(self) -> None:
        """The outcome is there."""
        row = {"engine": self.engine, "fault": self.fault, "outcome": self.outcome, "test": self.test}
        if self.file is not None:
            with self.file.open("a") as lines:
                lines.write(json.dumps({**row, "seconds": round(time.monotonic() - self.began, 2)}) + "\n")


Record = Callable[[str, str, str], Fault]
"""Begins to time a fault: where it happens, what it is, what comes of it."""
