"""All rules about specs, by code, and what examines a spec by them.

A rule is a function with the decorator ``rule``, in a module of this folder or, where it concerns one kind of spec, in
``rules.py`` or ``<...>_rules.py`` of that kind's folder. The folders are the list: a new module is found by its name.

Codes: S001-S099 text and schema; S101-S199 training specs of SSD and DSSD; S201-S219 augment; S221-S239
dataset_convert; S241-S299 training specs in YAML; S301-S349 paths; S401-S499 data; S501-S599 portability.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import cache

from specs import comments, kinds
from specs.checks import Finding, as_error, located, together
from specs.rulebook import RULES, SpecRule, Subject, rule
from specs.spec import Spec
from specs.values import one_line

__all__ = ["SpecRule", "Subject", "catalogue", "examine", "rule"]

UNREAD = ("S501", "S502")
"""Of a spec that the toolkit does not read at all there is nothing else to say about its portability."""
_OWN = re.compile(r"(?:.+_)?rules$")


def catalogue(kind: str | None = None) -> tuple[SpecRule, ...]:
    """All rules by code, those for specs of ``kind`` where it is given."""
    for name in _modules(kind):
        importlib.import_module(name)
    rules = (RULES[code] for code in sorted(RULES))
    return tuple(rule for rule in rules if kind is None or not rule.kinds or kind in rule.kinds)


def examine(subject: Subject, *, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> list[Finding]:
    """What the rules that apply report, with their codes and severities, in the order of the file.

    ``select`` and ``ignore`` are codes or beginnings of codes ("S4"). Comments in the spec silence codes, too. Errors
    that make a spec unusable by itself (S0 to S2) are reported in any case.
    """
    found = [
        _stamped(finding, each)
        for each in catalogue(subject.spec.kind)
        if each.applies(subject)
        for finding in each.function(subject)
    ]
    unread = [finding for finding in found if finding.code in UNREAD]
    if unread:
        found = [*(finding for finding in found if not finding.code.startswith("S5")), *unread]
    return _chosen(subject.spec, found, select=select, ignore=ignore)


def _stamped(finding: Finding, each: SpecRule) -> Finding:
    """A finding with the code and severity of its rule, its words on one line each, whatever names they quote."""
    hint = finding.hint and one_line(finding.hint)
    return replace(finding, what=one_line(finding.what), hint=hint, code=each.code, severity=each.severity)


def judge(spec: Spec) -> Spec:
    """The spec with its warnings. Raises SpecError that holds every error, in the order of the file."""
    return settle(spec, examine(Subject(spec)))


def settle(spec: Spec, findings: Sequence[Finding]) -> Spec:
    """``spec`` with what of ``findings`` are warnings. Raises SpecError that holds every error; what could not be read
    comes first."""
    errors = [as_error(spec, finding) for finding in findings if finding.severity == "error"]
    if errors:
        raise together(sorted(errors, key=lambda error: error.code >= "S1"))
    return replace(spec, warnings=tuple(f"{located(spec, finding)}: {finding.what}" for finding in findings))


def _chosen(
    spec: Spec, findings: Collection[Finding], *, select: Sequence[str], ignore: Sequence[str]
) -> list[Finding]:
    """``findings`` without those that are silenced, in the order of the file."""
    silenced = tuple(comments.silenced(spec.text))

    def shown(finding: Finding) -> bool:
        if finding.severity == "error" and finding.code < "S3":
            return True
        line = located(spec, finding).line
        return (
            (not select or finding.code.startswith(tuple(select)))
            and not (ignore and finding.code.startswith(tuple(ignore)))
            and not any(finding.code.startswith(code) and place in (None, line) for code, place in silenced)
        )

    return in_order(spec, filter(shown, findings))


def in_order(spec: Spec, findings: Iterable[Finding]) -> list[Finding]:
    """In the order of the file."""

    def order(finding: Finding) -> tuple[int, int]:
        where = located(spec, finding)
        return (where.line or 0, where.column or 0)

    return sorted(findings, key=order)


@cache
def _modules(kind: str | None) -> tuple[str, ...]:
    """Names of the modules with rules: those here, and those in the folders of ``kind`` or of all kinds."""
    here = [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)]
    known = kinds.folders()
    for folder in known if kind is None else [kind] if kind in known else []:
        package = kinds.load(folder)
        names = [module.name for module in pkgutil.iter_modules(package.__path__) if _OWN.match(module.name)]
        here += [f"{package.__name__}.{name}" for name in names]
    return tuple(here)
