"""Submitted jobs that go on while no tltpipe waits for them: what is done in the workspace must not disturb them."""

from __future__ import annotations

from orchestrator import session
from orchestrator.jobs import submitted
from orchestrator.jobs.survey import Known, survey
from orchestrator.pipeline.sequence import all_of, before
from orchestrator.run import Run
from orchestrator.runners import Remote
from tltpipe.errors import HostError


def live(run: Run, *stages: str) -> list[Known]:
    """The jobs of these ``stages``, by default of all, that have not ended as far as is known."""
    jobs = [job for job in submitted.every(run.workspace.jobs) if not stages or job.stage in stages]
    return [each for each in survey(jobs, lambda runner: engine(run, runner)) if not each.state.ended]


def engine(run: Run, runner: str) -> Remote:
    """The ``runner`` of this workspace. Raises HostError where its jobs do not outlive it."""
    opened = run.runner
    if run.config.runner != runner:
        opened = session.open_runner(runner, run.config, run.workspace, run.toolkit)
    if not isinstance(opened, Remote):
        raise HostError(f"jobs of the runner {runner} do not outlive it")
    return opened


def take_over(run: Run, stage: str) -> None:
    """Note that ``stage`` has what its jobs made: of one that ended while nobody waited, too."""
    for job in submitted.every(run.workspace.jobs):
        state = submitted.final(job) if job.stage == stage and not job.collected else None
        if state is not None and state.word == submitted.DONE:
            submitted.collect(job)


def refuse_disturbing(run: Run, stage: str) -> None:
    """Raises HostError where ``stage`` would write what a job reads or writes that goes on. A runner that has such jobs
    itself waits for those of the same stage (``Remote.finish_earlier``)."""
    readers = [name for name in all_of(run) if stage in before(run, name)]
    if not isinstance(run.runner, Remote):
        readers.append(stage)
    if readers:
        refuse(run, *readers)


def refuse(run: Run, *stages: str) -> None:
    """Raises HostError where a job of these ``stages``, by default of any, goes on."""
    if going := live(run, *stages):
        first = going[0]
        more = f", and {len(going) - 1} more jobs go on here" if len(going) > 1 else ""
        what = f"job {first.label} ({first.job.name}) is {first.state.sentence}{more}"
        hint = f"`tltpipe attach {first.label}` follows it, `tltpipe stop {first.label}` stops it"
        raise HostError(what, where=run.workspace.root, hint=hint)
