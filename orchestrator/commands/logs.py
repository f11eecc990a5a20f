"""logs: what a job that was handed to an engine has printed."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.commands.options import JOB, InFolder
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.jobs.submitted import Submitted
    from orchestrator.jobs.survey import Known

PAUSE = 0.5
ASKING = 10
"""Every so many pauses the engine is asked whether the job goes on."""


def logs(
    options: InFolder,
    job: Annotated[str | None, JOB] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show new lines until the job ends; Ctrl-C ends that alone.")
    ] = False,
    tail: Annotated[
        int | None,
        typer.Option("--tail", "-n", min=0, help="Only the last N lines (default: all).", show_default=False),
    ] = None,
) -> None:
    """Show the log of a submitted job: of the one that runs, or else of the latest."""
    from orchestrator.commands import submitted_jobs

    if follow and options.json:
        raise UsageError("--follow has no JSON", hint="leave one of them out")
    chosen = submitted_jobs.require(options, job, live=False)
    log = Log(chosen.job)
    lines = deque(log.read(), maxlen=tail)
    if options.json:
        options.console.json({**chosen.as_json(), "lines": list(lines)})
        return
    for line in lines:
        options.console.put(line)
    if follow:
        chosen = _follow(options, chosen, log)
    if follow or not log.began:
        options.console.put(f"{chosen.label} ({chosen.job.name}) is {chosen.state.sentence}")


def _follow(options: InFolder, chosen: Known, log: Log) -> Known:
    """Show what comes until the job has ended; returns how it ended."""
    from orchestrator.commands import submitted_jobs
    from orchestrator.jobs import submitted, survey

    pauses = 0
    while not chosen.state.ended:
        time.sleep(PAUSE)
        pauses += 1
        for line in log.read():
            options.console.put(line)
        if pauses % ASKING == 0 or submitted.final(chosen.job) is not None:
            chosen = survey.survey([chosen.job], lambda runner: submitted_jobs.engine(options, runner))[0]
    for line in log.read():
        options.console.put(line)
    return chosen


class Log:
    """The log of a job, whose lines are read as they come."""

    def __init__(self, job: Submitted) -> None:
        from orchestrator.trainings.reading import Tail

        self.tail = Tail(Path(os.path.realpath(job.folder)), job.log.name)

    @property
    def began(self) -> bool:
        """Whether there was anything to read."""
        return self.tail.size > 0

    def read(self) -> list[str]:
        """The whole lines that came since, without what a terminal would obey."""
        from orchestrator.trainings.logs import shown

        lines: list[bytes] = []
        self.tail.read(lines.clear, lines.extend)
        return [shown(line.decode("utf-8", "replace")) for line in lines]
