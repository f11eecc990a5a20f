"""Order by NEEDS, skip by receipt, execute, keep a receipt."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from orchestrator import drafts, receipts
from orchestrator.jobs import Job, shown
from orchestrator.receipts import Facts, Receipt
from orchestrator.run import Run
from orchestrator.stages import Stage
from orchestrator.workspace import Workspace
from tltpipe import __version__, files, locks, registry
from tltpipe.errors import DataError, HostError, Interrupted, UsageError
from tltpipe.losses import Losses

STAGES = "orchestrator.stages"


@dataclass(frozen=True)
class Verdict:
    """``state`` is "done", "stale" or "missing"; ``when`` it finished last, in local time."""

    state: str
    why: str
    when: str | None = None


@dataclass(frozen=True)
class Result:
    """What became of a stage: ``state`` is "ran", "skipped" or "shown"; ``told`` what it has to tell, as JSON types."""

    stage: str
    state: str
    why: str
    seconds: float = 0.0
    told: dict[str, Any] = field(default_factory=dict)


def load(name: str) -> Stage:
    return cast("Stage", registry.load(STAGES, name))


def order(names: Iterable[str]) -> list[str]:
    """``names`` so that every stage follows those it needs; ties by name. Raises UsageError for an unknown one."""
    wanted = set(names)
    stages = {name: load(name) for name in wanted | set(registry.names(STAGES))}
    placed: list[str] = []

    def place(name: str) -> None:
        if name not in placed:
            for needed in sorted(stages[name].NEEDS):
                place(needed)
            placed.append(name)

    for name in sorted(stages):
        place(name)
    return [name for name in placed if name in wanted]


def every() -> list[str]:
    """The stages of a whole run, in order: all but those that wait to be asked for."""
    return order(name for name in registry.names(STAGES) if not load(name).ON_REQUEST)


def execute(run: Run, names: Iterable[str]) -> list[Result]:
    """Run the stages ``names`` in order, each only if it must.

    All specs are rendered and checked before anything starts. Raises the TltpipeError of the first stage that fails;
    what finished before keeps its receipt.
    """
    ordered = order(names)
    settle(run)
    requests = [request for name in ordered for request in load(name).requests(run)]
    jobs = [run.job(request) for request in requests]  # a missing key shows now, not after hours
    results: list[Result] = []
    with ExitStack() as lasting:
        for name in ordered:
            stage = load(name)
            run.judged.clear()  # stages before this one may have changed what it reads
            why = None if run.force or run.runner.pretends or stage.ON_REQUEST else holds(run, name)
            if why is not None:
                run.report.skipped(name, why)
                results.append(Result(name, "skipped", why))
                continue
            if not run.runner.pretends:
                _need(run, stage)
            if all(result.state == "skipped" for result in results):  # the first that has to run
                _get_ready(run, lasting, jobs)
            results.append(_perform(run, name, stage))
    return results


def _get_ready(run: Run, lasting: ExitStack, jobs: list[Job]) -> None:
    if jobs:
        run.need_health()
    if not run.runner.pretends:
        lasting.enter_context(_alone(run.workspace))
    write_specs(run)


def _alone(workspace: Workspace) -> AbstractContextManager[None]:
    hint = "wait for its end, or stop it; `tltpipe status` may be asked meanwhile"
    taken = HostError("another tltpipe is at work in this folder", where=workspace.root, hint=hint)
    return locks.held(workspace.receipts.parent / "lock", taken)


def holds(run: Run, name: str) -> str | None:
    """Why the stage need not run; None if it must."""
    verdict = judge(run, name)
    return verdict.why if verdict.state == "done" else None


def _perform(run: Run, name: str, stage: Stage) -> Result:
    run.report.begin(name, stage.ABOUT)
    start = time.monotonic()
    before = run.judged.pop(name, None) or facts(run, stage)
    told = receipts.load(run.workspace.receipts, f"{name}.begun")
    run.stage, run.losses = name, Losses()
    run.continuing = not run.force and told is not None and receipts.difference(told.facts, before) is None
    run.begun = partial(_keep, run, f"{name}.begun", before)
    try:
        result = stage.execute(run)
        if run.losses.read.images:
            result = {**result, "losses": run.losses.as_json()}
    except (Interrupted, KeyboardInterrupt) as stop:
        hint = "what was finished is kept; the same command goes on from there"
        raise Interrupted(f"{name} was interrupted", hint=hint) from stop
    seconds = time.monotonic() - start
    if not (run.runner.pretends or stage.ON_REQUEST):
        _keep(run, name, before, seconds=seconds, outputs=_prints(run, stage.outputs(run)))
    if run.runner.pretends:
        return Result(name, "shown", "nothing was run", 0.0, result)
    run.report.end(name, seconds)
    return Result(name, "ran", "done", seconds, result)


def _need(run: Run, stage: Stage) -> None:
    """Raises DataError for an input that is not there, naming the stage that makes it."""
    for path in stage.inputs(run):
        if not path.exists():
            makers = [need for need in stage.NEEDS if any(_near(path, out) for out in load(need).outputs(run))]
            hint = f"run `tltpipe {makers[0]}` first" if makers else stage.MISSING
            raise DataError("this is missing", where=run.workspace.name(path), hint=hint)


def _near(path: Path, output: Path) -> bool:
    return path in (output, output.parent) or path.parent in (output, output.parent)


def judge(run: Run, name: str) -> Verdict:
    """Whether the stage's outputs are there and still those that it would make now."""
    stage = load(name)
    receipt = receipts.load(run.workspace.receipts, name)
    if receipt is None:
        begun = receipts.load(run.workspace.receipts, f"{name}.begun")
        return Verdict("missing", f"begun {begun.when}, not finished" if begun else "never finished here")
    run.judged[name] = known = facts(run, stage)
    why = receipts.difference(receipt.facts, known)
    if why is not None:
        return Verdict("stale", why, receipt.when)
    for path in stage.outputs(run):
        name_here = run.workspace.name(path)
        if not path.exists():
            return Verdict("stale", f"{name_here} is missing", receipt.when)
        if receipt.outputs.get(name_here) != files.fingerprint([path]):
            return Verdict("stale", f"{name_here} was changed since", receipt.when)
    return Verdict("done", f"nothing changed since {receipt.when}", receipt.when)


def facts(run: Run, stage: Stage) -> Facts:
    """What the stage's outputs depend on, as it stands now."""
    requests = stage.requests(run)
    texts = {draft.name: run.specs[draft.name].text for draft in stage.drafts(run)}
    if not requests:  # it works in this process, by the data section alone
        texts["data"] = "\n".join(f"{name}: {value}" for name, value in vars(run.config.data).items())
    return Facts(
        toolkit=run.config.toolkit if requests else "",
        argv=tuple(tuple(shown(run.toolkit.argv(request, run.workspace.name))) for request in requests),
        specs={name: text.replace(f'"{run.root_seen}/', '"') for name, text in texts.items()},
        inputs=_prints(run, stage.inputs(run)),
        image_id=_image_id(run) if requests else None,
    )


def _image_id(run: Run) -> str | None:
    """None too where the engine cannot be asked: what is there is then judged without it."""
    try:
        return run.runner.image_id(run.image)
    except HostError:
        return None


def settle(run: Run) -> None:
    """Render and parse the specs of all stages; nothing is written. Raises SpecError."""
    notes = drafts.Notes(run.workspace.receipts)
    for name in order(registry.names(STAGES)):
        for draft in load(name).drafts(run):
            if draft.name in run.specs:
                continue
            dialect = run.toolkit.SPECS.get(draft.folder)
            if dialect is None:
                raise UsageError(f"the toolkit {run.config.toolkit} knows no {draft.folder}")
            folder, root = run.workspace.specs, run.root_seen
            run.specs[draft.name] = drafts.settle(draft, dialect, folder, notes, root=root, overwrite=run.render)


def write_specs(run: Run) -> None:
    """Put the settled specs where jobs look for them, and say what is odd about them."""
    notes = drafts.Notes(run.workspace.receipts)
    for settled in run.specs.values():
        if settled.edited:
            place = run.workspace.name(settled.path)
            run.report.say(f"{place} was edited by hand and is used as it lies (--render writes it anew)")
        for warning in settled.spec.warnings:
            run.report.say(f"warning: {warning}")
        if not run.runner.pretends:
            drafts.write(settled, notes, root=run.root_seen)
    for warning in drafts.sizes_apart(run.specs.values()):
        run.report.say(f"warning: {warning}")


def _prints(run: Run, paths: Iterable[Path]) -> dict[str, str]:
    return {run.workspace.name(path): files.fingerprint([path]) for path in paths}


def _keep(run: Run, name: str, known: Facts, *, seconds: float = 0.0, outputs: dict[str, str] | None = None) -> None:
    receipt = Receipt(
        facts=known,
        runner=run.config.runner,
        image=run.image if known.image_id else None,
        version=__version__,
        finished=receipts.now(),
        seconds=round(seconds, 3),
        outputs=outputs or {},
    )
    receipts.save(run.workspace.receipts, name, receipt)


def survey(run: Run) -> dict[str, Verdict]:
    """The state of every stage of a whole run, in order. Writes nothing.

    A stage whose outputs still hold is stale all the same when one that it needs must run.
    """
    settle(run)
    verdicts: dict[str, Verdict] = {}
    for name in every():
        verdict = judge(run, name)
        ahead = [need for need in load(name).NEEDS if verdicts[need].state != "done"]
        if verdict.state == "done" and ahead:
            verdict = Verdict("stale", f"{ahead[0]} has to run first", verdict.when)
        verdicts[name] = verdict
    return verdicts
