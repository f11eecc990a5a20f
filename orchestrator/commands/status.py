"""status: which stages are done, which jobs go on, what earlier runs left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.commands.options import Chosen, Plain

if TYPE_CHECKING:
    from orchestrator.jobs.leftovers import Leftover
    from orchestrator.jobs.workspace import Workspace


def status(options: Chosen) -> None:
    """Show which stages are done, which are stale and why; of jobs that were submitted, how each is."""
    from orchestrator import pipeline, session
    from orchestrator.commands import submitted_jobs
    from orchestrator.jobs import leftovers, receipts
    from orchestrator.screen import answers

    run = session.start(options.workspace, options.console, flags=options.flags())
    verdicts, left = pipeline.survey(run), leftovers.find(run.workspace)
    jobs = submitted_jobs.of_workspace(options)
    verdicts |= submitted_jobs.under_way(jobs, verdicts)
    going = submitted_jobs.trainings(run.workspace.output) if submitted_jobs.any_running(jobs) else []
    evaluation = receipts.load(run.workspace.receipts, "evaluate")
    scores = answers.scores(evaluation.result if evaluation else {})
    told: dict[str, Any] = {"workspace": str(run.workspace.root), "stages": {n: vars(v) for n, v in verdicts.items()}}
    told |= {"scores": scores, "leftovers": [vars(each) for each in left]}
    told |= {"jobs": [each.as_json() for each in jobs], "trainings": going}
    if options.json:
        options.console.json(told)
    rows = [(name, each.state, each.when or "", each.why) for name, each in verdicts.items()]
    colours = {"done": "green", "running": "green", "stale": "yellow", "interrupted": "yellow"}
    colours |= {"missing": "red", "failed": "red"}
    options.console.table(("stage", "state", "finished", "why"), rows, colours=colours)
    if jobs and not options.json:
        submitted_jobs.show(options.console, jobs)
        submitted_jobs.show_trainings(options.console, going)
    if scores and not options.json:
        value = scores["figures"][scores["primary"]]
        options.console.put(f"\n{scores['primary']} {'-' if value is None else f'{value:.3f}'} when last evaluated")
    if left and not options.json:
        total = leftovers.in_words(sum(each.size for each in left))
        show_leftovers(options, run.workspace, f"\nleft by earlier runs, {total}; `tltpipe clean` removes it:", left)


def show_leftovers(options: Plain, workspace: Workspace, title: str, found: list[Leftover]) -> None:
    """A line for each of ``found``, below ``title``."""
    from orchestrator.jobs import leftovers

    options.console.put(title)
    for each in found:
        options.console.put(f"  {leftovers.in_words(each.size):>10}  {workspace.name(each.path)}  ({each.what})")
