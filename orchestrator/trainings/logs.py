"""The last lines of what a training printed."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from orchestrator.trainings.description import names
from orchestrator.trainings.reading import Tail

MOST, LENGTH = 400, 2000
"""So many lines are remembered, each of so many characters at most."""
_OF_STAGE = re.compile(r"\d{8}-\d{6}-train(-\d+)?\.log")
_ESCAPE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\x9c|$)|\x1b[ -/]*[0-~]")
"""Colours and movements of a terminal; titles and links that are told to it; what changes its character set."""
_BACK = re.compile(r"\r|\x08{2,}")
"""Goes back, mostly to the beginning: a progress bar draws itself over what was there."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Log:
    """The newest of the logs of the stage in ``workspace``, else the newest ``*.log`` in ``folder``; ``count`` is the
    number of lines so far."""

    def __init__(self, folder: Path, workspace: Path | None) -> None:
        self.folder, self.workspace = folder, workspace
        self.lines: deque[str] = deque(maxlen=MOST)
        self.count = 0
        self.tail: Tail | None = None

    def read(self) -> bool:
        """Returns whether there is anything new."""
        place = self._place()
        if place is None:
            return False
        root, *parts = place
        if self.tail is None or (self.tail.root, self.tail.parts) != (root, tuple(parts)):
            self.tail = Tail(Path(root), *map(str, parts))
        return self.tail.read(lambda: None, self._take)

    def after(self, count: int) -> list[str]:
        """The lines behind the first ``count``, as far as they are remembered."""
        return list(islice(self.lines, max(0, len(self.lines) - (self.count - count)), None))

    def _place(self) -> tuple[Path, *tuple[str, ...]] | None:
        if self.workspace is not None:
            of_stage = [name for name in names(self.workspace / ".tltpipe" / "logs") if _OF_STAGE.fullmatch(name)]
            return (self.workspace, ".tltpipe", "logs", of_stage[-1]) if of_stage else None
        beside = [name for name in names(self.folder) if name.endswith(".log") and not name.startswith(".")]
        return (self.folder, beside[-1]) if beside else None

    def _take(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self.count += 1
            self.lines.append(shown(line.decode("utf-8", "replace"))[:LENGTH])


def shown(line: str) -> str:
    """``line`` as it stood on a terminal in the end, without colours, and without what would turn other text round."""
    parts = [part for part in _BACK.split(_ESCAPE.sub("", line)) if part.strip()]
    return _CONTROL.sub("", parts[-1] if parts else "")
