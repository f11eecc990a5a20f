"""What came of a chunk of images, as the plain data that the journal keeps, and back.

Fields of a gatherer and of a batch travel by name, with their types: a new one needs no edit here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any, TypedDict, get_type_hints

from converters.formats import Recorder
from converters.model.findings import Finding, Findings
from converters.transfer.passes import Batch, Gathered
from tltpipe.errors import DataError

Entry = dict[str, Any]
"""The fields of a batch by name; of its gatherer, those that are no longer as they were in an empty one."""

LeftOut = tuple[str, str, str | None, str | None]
"""Name of an image, and of the error: what, its code, its hint."""

_SPECIAL = {"gathered", "findings", "left_out"}


def entry(batch: Batch[Gathered], empty: Gathered) -> Entry:
    """What the journal keeps of ``batch``, whose gatherer began as ``empty``."""
    filled = batch.gathered
    names = [each.name for each in fields(filled)]  # type: ignore[arg-type]
    gathered = {name: getattr(filled, name) for name in names if getattr(filled, name) != getattr(empty, name)}
    left_out = [(name, str(problem), problem.code, problem.hint) for name, problem in batch.left_out]
    others = {name: getattr(batch, name) for name in _others()}
    return {"gathered": gathered, "findings": batch.findings.all(), "left_out": left_out, **others}


def batch(entry: Entry, empty: Gathered) -> Batch[Gathered]:
    """The batch of which ``entry`` was made; ``empty`` is a gatherer as its own was."""
    findings = Findings()
    for finding in entry["findings"]:
        findings.kinds[finding.rule] = (finding.count, list(finding.examples))
    problems = [(name, DataError(what, code=code, hint=hint)) for name, what, code, hint in entry["left_out"]]
    gathered = replace(empty, **entry["gathered"])  # type: ignore[type-var]
    others = {name: entry[name] for name in _others()}
    return Batch(gathered=gathered, findings=findings, left_out=problems, **others)


def entry_type(gatherer: type, recorders: Sequence[Recorder]) -> Any:
    """``Entry`` as the dataclass ``gatherer`` fills it: what its recorders return, by their annotations, is in the
    field ``records``, a tuple for each image."""
    kinds = get_type_hints(gatherer) | {"records": list[tuple[tuple(map(_returned, recorders))]]}  # type: ignore[misc]
    known = {each.name: kinds[each.name] for each in fields(gatherer)}
    gathered = TypedDict("gathered", known, total=False)  # type: ignore[misc]
    hints = get_type_hints(Batch)
    all_hints = {name: hints[name] for name in _others()}
    all_hints |= {"gathered": gathered, "findings": tuple[Finding, ...], "left_out": list[LeftOut]}
    return TypedDict("entry", all_hints)  # type: ignore[operator]


def _others() -> list[str]:
    return [each.name for each in fields(Batch) if each.name not in _SPECIAL]


def _returned(recorder: Recorder) -> Any:
    record = type(recorder).record
    only = SimpleNamespace(__annotations__={"return": record.__annotations__["return"]})
    return get_type_hints(only, record.__globals__)["return"]
