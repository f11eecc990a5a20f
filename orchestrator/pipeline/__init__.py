"""Order by NEEDS, skip by receipt, execute, keep a receipt."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from orchestrator import drafts, session
from orchestrator.jobs import Job, attempts, checkpoints, receipts
from orchestrator.jobs.receipts import Facts, Receipt
from orchestrator.jobs.workspace import Workspace
from orchestrator.pipeline import live_jobs, remote, spec_checks
from orchestrator.pipeline.judging import facts, holds, judge, outdated, prints, settle, survey, with_needs
from orchestrator.pipeline.sequence import every, has, known, load, needs, order, recorded, require
from orchestrator.run import Run
from orchestrator.runners import Cluster, Remote
from orchestrator.settings import image_extensions, image_size, sections
from orchestrator.stages import Stage
from tltpipe import __version__, executors, files, locks, plain, registry
from tltpipe.errors import ConfigError, DataError, HostError, Interrupted
from tltpipe.losses import Losses

__all__ = ["Result", "every", "execute", "facts", "judge", "load", "order", "settle", "survey", "write_specs"]


@dataclass(frozen=True)
class Result:
    """What became of a stage: ``state`` is "ran", "skipped" or "shown"; ``told`` what it has to tell, as JSON types."""

    stage: str
    state: str
    why: str
    seconds: float = 0.0
    told: dict[str, Any] = field(default_factory=dict)


def execute(run: Run, names: Iterable[str] | None = None, *, with_needed: bool = False) -> list[Result]:
    """Run the stages ``names`` in order, by default all, each only if it must; ``with_needed``: and those before them
    that have to.

    All specs are rendered and checked before anything starts. Raises the TltpipeError of the first stage that fails;
    what finished before keeps its receipt. A stage whose data were made under other settings raises DataError.
    """
    _refuse_misfits(run)
    names = every(run) if names is None else list(names)
    for name in names:
        require(run, name)
    remote.bring(run, names, with_needed=with_needed)
    settle(run, names)
    ordered = with_needs(run, names) if with_needed else order(run, names)
    requests = [request for name in ordered for request in load(name).requests(run)]
    jobs = [run.job(request) for request in requests]  # a missing key shows now, not after hours
    results: list[Result] = []
    with ExitStack() as lasting:
        for name in ordered:
            stage = load(name)
            run.judged.clear()  # stages before this one may have changed what it reads
            _refuse_outdated(run, name, results)
            why = None if run.force or not recorded(name) or _follows(run, results, name) else holds(run, name)
            if why is not None:
                run.report.skipped(name, why)
                results.append(Result(name, "skipped", why))
                remote.publish(run, name)
                continue
            if not run.runner.pretends:
                _need(run, name, stage)
            warnings = spec_checks.require(run, stage)
            if all(result.state == "skipped" for result in results):  # the first that has to run
                _get_ready(run, lasting, jobs)
            results.append(_perform(run, name, stage, warnings))
            remote.publish(run, name)
    return results


def _refuse_misfits(run: Run) -> None:
    """Raises ConfigError where the runner cannot serve the toolkit, or an option means nothing to it."""
    given = run.config.given
    what = session.misfit(run.config, run.toolkit, run.runner)
    if what is not None:
        where = next((given[name].where for name in ("toolkit", "runner") if name in given), None)
        raise ConfigError(what, where=where, hint="or --dry-run to see what would run; toolkit embedded is our own")
    for name in ("image", "gpu_request"):
        if name in given and not given[name].in_file and not run.runner.contained and not run.runner.pretends:
            what = f"{name} would be ignored: the runner {run.config.runner} uses no container"
            raise ConfigError(what, where=given[name].where, hint="--runner docker does")
    if run.config.settings.nodes > 1 and not isinstance(run.runner, Cluster) and not run.runner.pretends:
        what = f"nodes is {run.config.settings.nodes}, but the runner {run.config.runner} has this machine alone"
        raise ConfigError(what, where=given["nodes"].where, hint="--runner slurm and --runner ray have several")
    for dotted in _of_other_runners(run):
        what = f"{dotted} would be ignored: the runner is {run.config.runner}"
        raise ConfigError(what, where=given[dotted].where, hint=f"--runner {dotted.partition('.')[0]}")
    for dotted, what in _unused(run).items():
        value = given[dotted]
        if not value.in_file:
            raise ConfigError(f"{dotted} would be ignored: {what}", where=value.where, hint="leave it out")
        run.report.say(f"{dotted} ({value.where}) is not used: {what}")


def _of_other_runners(run: Run) -> list[str]:
    """The settings of runners that are not the chosen one, given for this call alone."""
    others = set(registry.names(sections.RUNNERS)) - {run.config.runner}
    named = [dotted for dotted, value in run.config.given.items() if f"{value.where}".startswith("--set")]
    return [dotted for dotted in named if dotted.partition(".")[0] in others]


def _unused(run: Run) -> dict[str, str]:
    """The settings that were given and mean nothing to this network, and why."""
    network, given = run.config.network, run.config.given
    unused = {
        dotted: f"{network} has no stage {stage}"
        for dotted, value in given.items()
        if (stage := dotted.partition(".")[0]) in known() and not has(run, stage) and not value.derived
    }
    unused.pop(image_extensions.SETTING, None)  # which goes for all stages
    if image_size.KEY in given and not run.sized:
        unused[image_size.KEY] = f"{network} has no setting for the size of its images"
    return unused


def _follows(run: Run, results: list[Result], name: str) -> bool:
    """Whether a stage that ``name`` needs was shown, in a dry run: after that it would not be up to date."""
    return any(result.state == "shown" and result.stage in needs(run, name) for result in results)


def _refuse_outdated(run: Run, name: str, results: list[Result]) -> None:
    """Raises DataError where a stage before ``name`` would make something else now; a dry run only says so."""
    if not recorded(name) or any(result.state == "shown" for result in results):
        return
    current = [result.stage for result in results]
    if run.config.settings.model not in ("last", "best"):
        current.append("train")  # a checkpoint that was named is nobody's output
    stage, found = load(name), outdated(run, name, current=current)
    if found is None:
        return
    needed, why = found
    if hasattr(stage, "indifferent") and not outdated(run, name, current=current, unread=stage.indifferent(run)):
        run.report.say(f"{needed} was done under other settings ({why}); {name} takes what it left")
        return
    what = f"{name} would work on outdated data: {needed} has to run again ({why})"
    hint = f"`tltpipe run {name}` brings up to date what it needs, and runs it"
    if not run.runner.pretends:
        raise DataError(what, hint=hint)
    run.report.say(f"would be refused: {what}; {hint}")


def _get_ready(run: Run, lasting: ExitStack, jobs: list[Job]) -> None:
    if jobs or run.runner.executor is not None:
        run.need_health(jobs)
    if not run.runner.pretends and executors.divided() is None:  # runs that do a part each may go on at once
        lasting.enter_context(alone(run.workspace))
    write_specs(run)


def alone(workspace: Workspace) -> AbstractContextManager[locks.Hold]:
    """Work in the workspace while nobody else does; raises HostError while somebody does."""
    hint = "wait for its end, or stop it; `tltpipe status` may be asked meanwhile"
    taken = HostError("another tltpipe is at work in this folder", where=workspace.root, hint=hint)
    files.refuse_links(workspace.root, [workspace.receipts / "receipt"])
    return locks.held(workspace.lock, taken)


def _perform(run: Run, name: str, stage: Stage, warnings: Iterable[str]) -> Result:
    run.report.begin(name, stage.ABOUT)
    for line in warnings:
        run.report.say(line)
    start = time.monotonic()
    before = run.judged.pop(name, None) or facts(run, stage)
    told = receipts.load(run.workspace.receipts, f"{name}.begun")
    run.stage, run.losses, run.inputs = name, Losses(), plain.identity(before.inputs)
    run.continuing = not run.force and told is not None and _goes_on(run, stage, told.facts, before)
    if not run.runner.pretends:
        live_jobs.refuse_disturbing(run, name)
    run.begun = partial(_keep, run, f"{name}.begun", before)
    unrecorded = run.runner.pretends or executors.divided() is not None or not recorded(name)
    try:
        noted = nullcontext() if unrecorded else attempts.noted(run.workspace.receipts, name)
        with noted, executors.using(run.runner.executor):
            if isinstance(run.runner, Remote):
                run.runner.finish_earlier(name, run.report.line, force=run.force)
            result = stage.execute(run)
        if run.losses.read.images:
            result = {**result, "losses": run.losses.as_json()}
    except executors.Part:
        raise
    except (Interrupted, KeyboardInterrupt) as stop:
        if isinstance(stop, Interrupted) and stop.hint:  # somebody else stopped the job, or it goes on
            raise
        hint = "what was finished is kept; the same command goes on from there"
        raise Interrupted(f"{name} was interrupted", hint=hint) from stop
    seconds = time.monotonic() - start
    if not run.runner.pretends:
        live_jobs.take_over(run, name)
    if not unrecorded:
        _keep(run, name, before, seconds=seconds, outputs=prints(run, stage.outputs(run)), result=result)
    if run.runner.pretends:
        return Result(name, "shown", "nothing was run", 0.0, result)
    run.report.end(name, seconds)
    return Result(name, "ran", "done", seconds, result)


def _goes_on(run: Run, stage: Stage, begun: Facts, now: Facts) -> bool:
    """Whether the stage, begun under other facts perhaps, may take what was done then for its own."""
    change = partial(stage.differs, run) if hasattr(stage, "differs") else receipts.differs
    return receipts.difference(begun, now, change) is None


def _need(run: Run, name: str, stage: Stage) -> None:
    """Raises DataError for an input that is not there, naming the stage that makes it."""
    for path in stage.inputs(run):
        if not path.exists():
            makers = [need for need in needs(run, name) if any(_near(path, out) for out in load(need).outputs(run))]
            made = f"run `tltpipe {makers[0]}` first" if makers else stage.MISSING
            hint = (checkpoints.unknown(run, path) if "train" in needs(run, name) else None) or made
            if "*" in path.name:  # its name is not known before it is there
                raise DataError("no checkpoint found", where=run.workspace.name(path.parent), hint=hint)
            raise DataError("not found", where=run.workspace.name(path), hint=hint)


def _near(path: Path, output: Path) -> bool:
    return path in (output, output.parent) or path.parent in (output, output.parent)


def write_specs(run: Run) -> None:
    """Put the settled specs where jobs look for them, and say what is odd about them."""
    notes = drafts.Notes(run.workspace.receipts)
    for settled in run.specs.values():
        if settled.edited:
            place = run.workspace.name(settled.path)
            run.report.say(f"{place} was edited by hand and is used as it lies (--render writes it anew)")
        for remark in settled.remarks:
            run.report.say(f"warning: {remark}")
        for warning in settled.spec.warnings:
            run.report.say(f"warning: {warning}")
        if not run.runner.pretends:
            drafts.write(settled, notes, root=run.root_seen)
    for warning in drafts.sizes_apart(run.specs.values()):
        run.report.say(f"warning: {warning}")


def _keep(run: Run, name: str, known: Facts, *, seconds: float = 0.0, **kept: dict[str, Any]) -> None:
    receipt = Receipt(
        facts=known,
        runner=run.config.runner,
        image=run.image(load(run.stage).requests(run)[0]) if known.image_id else None,
        version=__version__,
        finished=receipts.now(),
        seconds=round(seconds, 3),
        **kept,
    )
    receipts.save(run.workspace.receipts, name, receipt)
