"""Jobs that were handed to an engine, for the commands that show, follow and stop them.

Everything is read from the workspace, so any machine that sees it will do: the terminal that submitted a job may be
closed. Engines are asked for jobs that have not ended, each engine once for all of its jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.jobs import submitted
from orchestrator.jobs.survey import UNKNOWN, Known, survey
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.commands.options import InFolder
    from orchestrator.pipeline.judging import Verdict
    from orchestrator.runners import Remote
    from orchestrator.screen.console import Console
    from orchestrator.trainings.ranks import Rank

GOING, ENDED = 30, 10
"""Jobs that are listed at most: of those that go on, and of the latest that have ended."""
COLOURS = {submitted.RUNNING: "green", submitted.DONE: "green", submitted.PENDING: "yellow"}
COLOURS |= {submitted.STOPPED: "yellow", submitted.FAILED: "red", submitted.LOST: "red", UNKNOWN: "yellow"}


def folder(options: InFolder) -> Path:
    """The jobs' folder of the workspace."""
    from orchestrator.jobs.workspace import Workspace

    root = options.workspace.absolute()
    if not root.is_dir():
        raise UsageError("folder not found", where=root, hint="--workspace names the folder of the run")
    return Workspace(root).jobs


def engine(options: InFolder, runner: str) -> Remote:
    """The ``runner``, with its settings in this workspace. Raises HostError where its jobs do not outlive it."""
    from orchestrator import session
    from orchestrator.pipeline import live_jobs

    return live_jobs.engine(session.start(options.workspace, options.console), runner)


def of_workspace(options: InFolder) -> list[Known]:
    """All jobs of the workspace, the oldest first."""
    return survey(submitted.every(folder(options)), lambda runner: engine(options, runner))


def require(options: InFolder, name: str | None, *, live: bool) -> Known:
    """The job that ``name`` names: an id, a folder, a stage (its latest job); without a name the only one that has not
    ended, or else the latest unless ``live``. Raises UsageError for another."""
    if name is not None:
        jobs = submitted.every(folder(options))
        found = [job for job in jobs if name in (job.id, job.folder.name)] or [
            job for job in jobs if name in (job.name, job.stage)
        ]
        if not found:
            raise UsageError(f'there is no job "{name}"', where=folder(options), hint="`tltpipe status` lists them")
        return survey(found[-1:], lambda runner: engine(options, runner))[0]
    known = of_workspace(options)
    going = [each for each in known if not each.state.ended]
    if len(going) == 1 or (known and not live):
        return (going or known)[-1]
    if not going:
        raise UsageError("no job is pending or running here", where=folder(options), hint="`tltpipe status` lists them")
    named = ", ".join(f"{each.label} ({each.job.name})" for each in going)
    raise UsageError(f"{len(going)} jobs are pending or running: {named}", hint="name one of them")


def under_way(known: Iterable[Known], verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """The verdicts of stages whose job goes on, though no tltpipe waits for it."""
    going = {each.job.stage: each for each in known if not each.state.ended}
    return {
        name: replace(verdict, state="running", why=f"job {going[name].label} is {going[name].state.sentence}")
        for name, verdict in verdicts.items()
        if name in going
    }


def any_running(known: Iterable[Known]) -> bool:
    """Whether one of them runs, as far as is known."""
    return any(each.state.word in (submitted.RUNNING, UNKNOWN) for each in known)


def show(console: Console, known: Sequence[Known]) -> None:
    """A table of those that go on, and of the latest others; of many only the first ones to be started."""
    ended = [each for each in known if each.state.ended]
    going = [each for each in known if not each.state.ended]
    going.sort(key=lambda each: each.state.word == submitted.PENDING)
    listed = {each.job.folder for each in (*ended[-ENDED:], *going[:GOING])}
    console.put("")
    rows = [_row(each) for each in known if each.job.folder in listed]
    console.table(("job", "name", "state", "submitted", "attempt", "nodes", "why"), rows, colours=COLOURS)
    more = [(len(going) - GOING, "more jobs go on"), (len(ended) - ENDED, "earlier jobs have ended")]
    if told := [f"{count:,} {what}" for count, what in more if count > 0]:
        console.put(f"{', '.join(told)} (--json lists all)")
    if again := _uncollected(known):
        console.put(f"done, and not taken over yet: {', '.join(again)}; the command that submitted it does that")


def trainings(output: Path) -> list[dict[str, Any]]:
    """The trainings in ``output`` that go on: how far each is, and on which node each of its processes."""
    from orchestrator.trainings import find, ranks

    found = []
    for training in find([output]) if output.is_dir() else ():
        training.update()
        progress = training.progress()
        if progress["state"] == "running":
            processes = [_process(rank, progress["step"]) for rank in ranks.read(training.folder)]
            known = {name: progress[name] for name in ("name", "folder", "epoch", "epochs", "step", "total_steps")}
            found.append({**known, "ranks": processes})
    return found


def _process(rank: Rank, step: int | None) -> dict[str, Any]:
    """A process of a training; the first one's ``step`` (from 1) is that of the training."""
    last = step if rank.rank == 0 else None if rank.step is None else rank.step + 1
    return {"rank": rank.rank, "node": rank.node, "step": last, "updated": rank.time}


def show_trainings(console: Console, each: Sequence[Mapping[str, Any]]) -> None:
    """A line for each training, and one for each of its processes."""
    for training in each:
        of = f" of {training['total_steps']}" if training["total_steps"] else ""
        console.put(f"\ntraining {training['name']}: epoch {training['epoch']}, step {training['step'] or 0}{of}")
        rows = [(str(rank["rank"]), rank["node"], str(rank["step"] or 0)) for rank in training["ranks"]]
        if rows:
            console.table(("rank", "node", "last step"), rows)


def _row(known: Known) -> tuple[str, ...]:
    job, state = known.job, known.state
    when = job.submitted[:16].replace("T", " ")
    nodes = ", ".join(state.nodes[:3]) + (f" and {len(state.nodes) - 3} more" if len(state.nodes) > 3 else "")
    return known.label, job.name, state.word, when, str(state.attempt), nodes, state.reason


def _uncollected(known: Iterable[Known]) -> list[str]:
    """The latest job of each name, where it is done and its outputs were not taken over."""
    latest = {each.job.name: each for each in known}
    done = (each for each in latest.values() if each.state.word == submitted.DONE and not each.job.collected)
    return [f"{each.label} ({each.job.name})" for each in done]
