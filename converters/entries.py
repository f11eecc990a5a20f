"""What came of a chunk of pictures, as the plain data that the journal keeps, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from types import SimpleNamespace
from typing import Any, TypedDict, get_type_hints

from converters.findings import Finding, Findings
from converters.formats import Recorder
from converters.passes import Batch, Gathered
from tltpipe.errors import DataError

LeftOut = tuple[str, str, str | None, str | None]
"""Name of a picture, and of the error: what, its code, its hint."""

Entry = tuple[dict[str, Any], int, tuple[Finding, ...], list[LeftOut]]
"""What was gathered, by field; how many pictures; what was odd; what was left out."""


def entry(batch: Batch[Any]) -> Entry:
    """What the journal keeps of ``batch``."""
    gathered = {name: getattr(batch.gathered, name) for name in _collected(type(batch.gathered))}
    left_out = [(name, str(problem), problem.code, problem.hint) for name, problem in batch.left_out]
    return gathered, batch.pictures, batch.findings.all(), left_out


def batch(entry: Entry, empty: Gathered) -> Batch[Gathered]:
    """The batch of which ``entry`` was made; ``empty`` is a gatherer of its kind."""
    gathered, pictures, found, left_out = entry
    findings = Findings()
    for finding in found:
        findings.kinds[finding.rule] = (finding.count, list(finding.examples))
    problems = [(name, DataError(what, code=code, hint=hint)) for name, what, code, hint in left_out]
    return Batch(replace(empty, **gathered), pictures, findings, problems)  # type: ignore[type-var]


def entry_type(gatherer: type, recorders: Sequence[Recorder]) -> Any:
    """``Entry`` as a dataclass ``gatherer`` and ``recorders`` fill it: each picture's record is a tuple of what the
    recorders return, by their annotations."""
    kinds = get_type_hints(gatherer)
    kinds["records"] = list[tuple[tuple(map(_returned, recorders))]]  # type: ignore[misc]
    gathered = TypedDict("gathered", {name: kinds[name] for name in _collected(gatherer)})  # type: ignore[misc]
    return tuple[gathered, int, tuple[Finding, ...], list[LeftOut]]


def _collected(gatherer: type) -> list[str]:
    """The fields that begin empty and are added to; the others are settings."""
    return [each.name for each in fields(gatherer) if each.default_factory is not MISSING]


def _returned(recorder: Recorder) -> Any:
    record = type(recorder).record
    only = SimpleNamespace(__annotations__={"return": record.__annotations__["return"]})
    return get_type_hints(only, record.__globals__)["return"]
