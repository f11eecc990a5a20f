"""attach: the terminal of a job that was handed to an engine, on any machine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from orchestrator.commands.options import JOB, InFolder
from tltpipe.errors import HostError, Interrupted

if TYPE_CHECKING:
    from orchestrator.jobs import Outcome
    from orchestrator.jobs.survey import Known


def attach(options: InFolder, job: Annotated[str | None, JOB] = None) -> None:
    """Follow a submitted job to its end, whose exit code is the job's; Ctrl-C detaches, and the job goes on.

    It may have been submitted from another machine, or from a terminal that is closed. `tltpipe stop` stops a job.
    """
    from orchestrator.commands import submitted_jobs
    from orchestrator.jobs import Job, outcomes, submitted

    chosen = submitted_jobs.require(options, job, live=job is None)
    outcome = _ended(chosen) if chosen.state.ended else _followed(options, chosen)
    if outcome.exit_code != 0:
        raise outcomes.failure(Job(chosen.job.name, submitted.argv(chosen.job)), outcome)
    if options.json:
        options.console.json(replace(chosen, state=submitted.ended(chosen.job) or chosen.state).as_json())
    else:
        more = (
            "" if chosen.job.collected else "; the command that submitted it takes its outputs over, if need be again"
        )
        options.console.put(f"{chosen.label} ({chosen.job.name}) is done{more}")


def _followed(options: InFolder, chosen: Known) -> Outcome:
    """The outcome of a job that goes on, its lines shown meanwhile. Raises Interrupted to detach."""
    from orchestrator.commands import submitted_jobs

    label = f"{chosen.label} ({chosen.job.name})"
    stops = f"`tltpipe stop {chosen.label}` stops it"
    if not options.json:
        options.console.put(f"{label} is {chosen.state.sentence}; Ctrl-C detaches, {stops}")
    runner = submitted_jobs.engine(options, chosen.job.runner)
    try:
        return runner.follow(chosen.job, options.console.line)
    except (KeyboardInterrupt, Interrupted):
        hint = f"`tltpipe attach {chosen.label}` comes back to it, {stops}"
        raise Interrupted(f"detached from {label}, which goes on", hint=hint) from None


def _ended(chosen: Known) -> Outcome:
    """The outcome of a job that has ended. Raises Interrupted for one that was stopped, HostError for one
    that is lost."""
    from orchestrator.commands.logs import Log
    from orchestrator.jobs import Outcome, logs, submitted

    state, job = chosen.state, chosen.job
    if state.word == submitted.STOPPED:
        raise Interrupted(
            f"{chosen.label} ({job.name}) is {state.sentence}", hint="the same command goes on from there"
        )
    if state.exit_code is None:
        hint = f"what it printed is in {job.log}; the command that submitted it goes on from what there is"
        raise HostError(f"{chosen.label} ({job.name}) is {state.sentence}", hint=hint)
    return Outcome(state.exit_code, job.log, 0.0, tuple(Log(job).read()[-logs.TAIL :]))
