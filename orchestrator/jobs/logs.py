"""The log of one job: every line it said, secrets masked, of each piece of progress only the last line."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from orchestrator.jobs import MASK, Job, shown
from tltpipe import files, progress

TAIL = 40
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


class JobLog:
    """Takes the lines of a job as they come. ``say`` gets all of them, the file all but the passing progress."""

    def __init__(self, path: Path, stream: IO[str], secrets: Mapping[str, str], say: Callable[[str], None]) -> None:
        self.path, self.stream, self.say = path, stream, say
        self.hidden = sorted({value for value in secrets.values() if value}, key=len, reverse=True)
        self.waiting: str | None = None
        self.last: deque[str] = deque(maxlen=TAIL)

    def line(self, text: str) -> None:
        """One line of output, with or without its line end."""
        text = _CONTROL.sub("", text.rstrip())
        for secret in self.hidden:
            text = text.replace(secret, MASK)
        tick = progress.read(text)
        if self.waiting is not None:
            before = progress.read(self.waiting)
            if tick is None or (before is not None and before.what != tick.what):
                self.keep(self.waiting)
            self.waiting = None
        if tick is None:
            self.keep(text)
        else:
            self.waiting = text
        self.say(text)

    def keep(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()
        self.last.append(text)

    def tail(self) -> tuple[str, ...]:
        """The last lines, progress left out."""
        return tuple(text for text in self.last if progress.read(text) is None)


@contextmanager
def kept(folder: Path, job: Job, say: Callable[[str], None]) -> Iterator[JobLog]:
    """A new log below ``folder``, named by the time and the job, that begins with the job's command line.

    Raises HostError when the folder cannot be written.
    """
    with files.writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        path, stream = _create(folder, job.name)
    with stream:
        log = JobLog(path, stream, job.secrets, say)
        stream.write("$ " + " ".join(shown(job.argv)) + "\n")
        try:
            yield log
        finally:
            if log.waiting is not None:
                log.keep(log.waiting)


def _create(folder: Path, name: str) -> tuple[Path, IO[str]]:
    stem = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{name}"
    for number in range(1000):
        path = folder / (f"{stem}-{number}.log" if number else f"{stem}.log")
        try:
            return path, path.open("x", encoding="utf-8", newline="\n")
        except FileExistsError:
            continue
    raise FileExistsError(f"{stem}.log")
