"""stop: an end for a job that was handed to an engine."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.commands.options import JOB, InFolder


def stop(
    options: InFolder,
    job: Annotated[str | None, JOB] = None,
    now: Annotated[bool, typer.Option("--now", help="End it at once, without a checkpoint.")] = False,
) -> None:
    """Stop a submitted job, from any machine that sees the workspace.

    A training finishes its step and saves a checkpoint, from which the same command goes on. A job that is pending is
    withdrawn.
    """
    from orchestrator.commands import submitted_jobs
    from orchestrator.jobs import survey

    chosen = submitted_jobs.require(options, job, live=True)
    label = f"{chosen.label} ({chosen.job.name})"
    if chosen.state.ended:
        text = f"{label} has ended before: {chosen.state.word}"
    else:
        runner = submitted_jobs.engine(options, chosen.job.runner)
        runner.stop(chosen.job, now=now)
        chosen = survey.survey([chosen.job], lambda _: runner)[0]
        soft = f"{label} was told to stop; `tltpipe logs --follow {chosen.label}` shows its end, --now is faster"
        text = f"{label} is stopped" if chosen.state.ended or now else soft
    if options.json:
        options.console.json(chosen.as_json())
    else:
        options.console.put(text)
