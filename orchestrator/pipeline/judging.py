"""Whether the work of a stage still holds: its receipt against what it would do now."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from orchestrator import drafts
from orchestrator.jobs import Request, attempts, changes, receipts, shown
from orchestrator.jobs.receipts import Facts
from orchestrator.pipeline.sequence import before, every, has, known, load, needs, order, recorded
from orchestrator.run import Run
from orchestrator.stages import Stage
from tltpipe import files, locks, plain
from tltpipe.errors import HostError, TltpipeError, UsageError
from tltpipe.executors import processes

DATA = "data"
"""Name of the section whose settings prepare works by."""


@dataclass(frozen=True)
class Verdict:
    """``state`` is "done", "stale" or "missing", of one that was begun and not finished "running", "interrupted" or
    "failed"; ``when`` it finished last, in local time."""

    state: str
    why: str
    when: str | None = None


def judge(run: Run, name: str) -> Verdict:
    """Whether the stage's outputs are there and still those that it would make now."""
    verdict = _compared(run, name)
    attempt = attempts.load(run.workspace.receipts, name)
    if attempt is None or verdict.state == "done":
        return verdict
    if attempt.state == attempts.RUNNING and locks.taken(run.workspace.lock):
        return Verdict(attempts.RUNNING, f"since {attempt.when}", verdict.when)
    state = attempts.INTERRUPTED if attempt.state == attempts.RUNNING else attempt.state
    why = f"begun {attempt.when}, not finished" + (f": {attempt.why}" if attempt.why else "")
    return Verdict(state, why, verdict.when)


def _compared(run: Run, name: str) -> Verdict:
    """As the receipt has it."""
    stage = load(name)
    receipt = receipts.load(run.workspace.receipts, name)
    if receipt is None:
        return Verdict("missing", "never finished here")
    run.judged[name] = known = facts(run, stage)
    why = _change(run, name, receipt.facts, known)
    if why is not None:
        return Verdict("stale", why, receipt.when)
    for path in stage.outputs(run):
        name_here = run.workspace.name(path)
        if not path.exists():
            return Verdict("stale", f"{name_here} is missing", receipt.when)
        if receipt.outputs.get(name_here) != files.fingerprint([path]):
            return Verdict("stale", f"{name_here} was changed since", receipt.when)
    return Verdict("done", f"nothing changed since {receipt.when}", receipt.when)


def outdated(
    run: Run, name: str, *, current: Collection[str] = (), unread: Collection[str] = ()
) -> tuple[str, str] | None:
    """The first stage before ``name`` whose work was done under other settings or on other data, and the change.

    ``current`` are stages that are known not to be, ``unread`` fields at the top of their specs that do not count. One
    without a receipt, or whose own inputs are gone, is taken as it is: it cannot be done again.
    """
    for needed in before(run, name):
        receipt = None if needed in current else receipts.load(run.workspace.receipts, needed)
        if receipt is None or not _sources_there(run, receipt):
            continue
        known = facts(run, load(needed))
        begun = receipts.load(run.workspace.receipts, f"{needed}.begun")
        if begun is not None and _change(run, needed, begun.facts, known) is None:
            continue  # what is there is of an unfinished run of these very settings
        why = _change(run, needed, receipt.facts, known, unread=unread)
        if why is not None:
            return needed, why
    return None


def with_needs(run: Run, names: Iterable[str]) -> list[str]:
    """``names`` with the stages before them that have to run first, in order."""
    named = list(names)
    ahead = {needed for name in order(run, named) for needed in before(run, name)} - set(named)
    return order(run, [*named, *(name for name in ahead if _must_run(run, name))])


def _must_run(run: Run, name: str) -> bool:
    receipt = receipts.load(run.workspace.receipts, name)
    if receipt is None or not _sources_there(run, receipt):
        return not all(path.exists() for path in load(name).outputs(run))
    return outdated(run, name) is not None or judge(run, name).state != "done"


def _sources_there(run: Run, receipt: receipts.Receipt) -> bool:
    return all((run.workspace.root / path).exists() for path in receipt.facts.inputs)


def _change(run: Run, name: str, old: Facts, new: Facts, *, unread: Collection[str] = ()) -> str | None:
    """Why the stage's work under ``old`` does not hold under ``new``, in the user's words."""
    stage = load(name)
    drafted = {draft.name: draft for draft in stage.drafts(run)}
    paths, fields = stage.unread(run) if hasattr(stage, "unread") else ((), ())

    def change(spec: str, before: str, after: str) -> str | None:
        if spec == DATA:
            return changes.settings_changes(DATA, _settings(before), _settings(after))
        if spec not in drafted or not before or not after:
            return f"{spec} changed"
        folder = drafted[spec].folder
        section = run.config.section_of(folder)
        template, edited = run.toolkit.template(folder) or "", run.specs[spec].edited
        return changes.spec_changes(
            drafted[spec], template, section, before, after, unread={*fields, *unread}, edited=edited
        )

    return receipts.difference(old, new, change, [run.workspace.name(path) for path in paths])


def _settings(text: str) -> Mapping[str, Any]:
    """The data section as a receipt has it; empty for another text."""
    try:
        return plain.from_json(text, dict[str, Any])
    except plain.NotPlain:
        return {}


def facts(run: Run, stage: Stage) -> Facts:
    """What the stage's outputs depend on, as it stands now."""
    requests = stage.requests(run)
    texts = {draft.name: run.specs[draft.name].text for draft in stage.drafts(run)}
    if not requests:  # it works in this process, by the data section alone
        resolved = {"format": run.data_set[0], "splits": run.splits, "test": run.test}  # however they were spelled
        texts[DATA] = json.dumps({**vars(run.config.data), **resolved}, default=list)
    return Facts(
        toolkit=run.config.toolkit if requests else "",
        argv=tuple(tuple(shown(run.toolkit.argv(request, run.workspace.name))) for request in requests),
        specs={name: text.replace(f'"{run.root_seen}/', '"') for name, text in texts.items()},
        inputs=prints(run, stage.inputs(run)),
        image_id=_image_id(run, requests[0]) if requests else None,
    )


def _image_id(run: Run, request: Request) -> str | None:
    """None too where the engine cannot be asked: what is there is then judged without it."""
    try:
        return run.runner.image_id(run.image(request))
    except HostError:
        return None


def holds(run: Run, name: str) -> str | None:
    """Why the stage need not run; None if it must."""
    verdict = judge(run, name)
    return verdict.why if verdict.state == "done" else None


def prints(run: Run, paths: Iterable[Path]) -> dict[str, str]:
    """The fingerprint of each path, by its name in the workspace."""
    return {run.workspace.name(path): run.prints.pop(path, partial(files.fingerprint, [path]))() for path in paths}


def _begin_prints(run: Run, named: Sequence[str]) -> None:
    """Let processes, where such were started, work out the fingerprints of the first stage's inputs meanwhile, unless
    they are what another stage makes."""
    if processes.started():
        with suppress(TltpipeError, OSError):  # it is raised again where it is due
            first = [name for name in named[:1] if not needs(run, name)]
            folders = [path for name in first for path in load(name).inputs(run) if path.is_dir()]
            run.prints |= {path: processes.begin(files.fingerprint, [path]) for path in folders}


def settle(run: Run, named: Sequence[str] = ()) -> None:
    """Render and parse the specs of a whole run's stages and of those ``named``; nothing is written. Raises
    SpecError."""
    _begin_prints(run, named)
    notes = drafts.Notes(run.workspace.receipts)
    for name in order(run, [*every(run), *named]):
        for draft in load(name).drafts(run):
            if draft.name in run.specs:
                continue
            template = run.toolkit.template(draft.folder)
            if template is None:
                what = f"the toolkit {run.config.toolkit} knows no {draft.folder}"
                raise UsageError(what, hint="toolkit: embedded knows all networks; `tltpipe toolkit list` lists others")
            run.specs[draft.name] = drafts.settle(
                draft,
                template,
                run.workspace.specs,
                notes,
                root=run.root_seen,
                overwrite=run.render,
                section=(section := run.config.section_of(draft.folder)),
                given=run.config.given_in(section),
            )


def _was_begun(run: Run, name: str) -> bool:
    """Whether the stage, which runs on request alone, has left anything to judge."""
    return (
        load(name).ON_REQUEST
        and recorded(name)
        and has(run, name)
        and receipts.load(run.workspace.receipts, f"{name}.begun") is not None
    )


def survey(run: Run) -> dict[str, Verdict]:
    """The state of every stage of a whole run, and of others that were begun, in order. Writes nothing.

    A stage whose outputs still hold is stale all the same when one that it needs must run.
    """
    names = [*every(run), *(name for name in known() if _was_begun(run, name))]
    settle(run, names)
    verdicts: dict[str, Verdict] = {}
    for name in order(run, names):
        verdict = judge(run, name)
        ahead = [need for need in needs(run, name) if verdicts[need].state != "done"]
        if verdict.state == "done" and ahead:
            verdict = Verdict("stale", f"{ahead[0]} has to run first", verdict.when)
        verdicts[name] = verdict
    return verdicts
