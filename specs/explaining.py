"""What there is to say of a field of specs: by its path, or the last words of it, in the kinds that have it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from specs import fields, folders
from specs.fields import NO, YES, Field
from specs.spec import generic
from specs.values import did_you_mean
from tltpipe.errors import UsageError

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Explanation:
    """Of the field or, with ``section``, of the section at ``path``; ``kinds`` of specs have it alike. ``facts``: what
    is known of a field, by its name; what each field of a section is for."""

    path: str
    kinds: tuple[str, ...]
    facts: Facts
    section: bool = False

    def as_json(self) -> dict[str, Any]:
        about = {"path": self.path, "kinds": list(self.kinds)}
        return {**about, "fields": dict(self.facts)} if self.section else {**about, **dict(self.facts)}


def explain(wanted: str, kind: str | None = None) -> list[Explanation]:
    """Of ``wanted``, in specs of ``kind`` or of all: of a section its fields, with what each is for.

    Raises UsageError where there is no such field.
    """
    path = generic(wanted.strip())
    found: dict[tuple[str, Facts, bool], list[str]] = {}
    for each in [kind] if kind is not None else folders():
        for match in _matches(each, path):
            found.setdefault(match, []).append(each)
    if not found:
        raise _unknown(path, kind)
    return [Explanation(at, tuple(kinds), facts, section) for (at, facts, section), kinds in found.items()]


def _matches(kind: str, path: str) -> Iterator[tuple[str, Facts, bool]]:
    """The field of ``kind`` at ``path``, or the section; else fields and sections whose paths end so."""
    table = fields.table(kind)
    exact = [field for field in table if field.path == path]
    below = [field for field in table if field.path.startswith(f"{path}.")]
    ending = [field for field in table if field.path.endswith(f".{path}")]
    sections = dict.fromkeys(
        field.path[: field.path.index(f".{path}.")] + f".{path}" for field in table if f".{path}." in field.path
    )
    for field in exact or ([] if below else ending):
        yield field.path, tuple(_facts(kind, field)), False
    if not exact and (below or not ending):
        for section in [path] if below else sections:
            inside = [field for field in table if field.path.startswith(f"{section}.")]
            yield section, tuple((field.path.removeprefix(f"{section}."), field.meaning) for field in inside), True


def _facts(kind: str, field: Field) -> Iterator[tuple[str, str]]:
    """What is known of a field, in the order in which it is shown."""
    names = fields.generations(kind)
    instead = [f"; {other}" for other in fields.elsewhere(kind, field.path)]
    ours = {YES: "do what it says", NO: "it has no effect"}.get(field.honoured, field.honoured.removeprefix("yes; "))
    known = {
        "meaning": field.meaning,
        "takes": field.takes,
        "range": field.range,
        "unit": field.unit,
        "default": field.unset or "none",
        "generations": ", ".join(names[each] for each in field.dialects or names) + "".join(instead),
        "tltpipe": ours,
        "nvidia": field.nvidia,
    }
    yield from ((name, text) for name, text in known.items() if text)


def _unknown(path: str, kind: str | None) -> UsageError:
    known = [field.path for each in ([kind] if kind else folders()) for field in fields.table(each)]
    last = list(dict.fromkeys(each.rpartition(".")[2] for each in known))
    meant = did_you_mean(path, list(dict.fromkeys(known))) or did_you_mean(path.rpartition(".")[2], last)
    what = f'specs of {kind} have no field "{path}"' if kind else f'no kind of spec has a field "{path}"'
    return UsageError(what, hint=meant or "tltpipe spec explain SECTION lists the fields of a section")
