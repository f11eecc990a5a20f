"""What rules know beside the spec itself: how its paths lie on this host, what is in its data."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Paths(Protocol):
    """How the paths that a job sees lie on this host."""

    def host(self, text: str) -> Path | None:
        """The path on this host; None where the job would see nothing there."""
        ...


class DataFacts(Protocol):
    """What is known of the data that a spec names, read when a rule asks for it."""
