"""Specs moved from one generation of NVIDIA's to another, and to ours: field by field, comments kept.

``kinds/<kind>.py`` moves the specs of a kind that is read here; ``networks/<name>.py`` those of a network of TAO's that
is none of ours to what does its job here. The folders are the list.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from specs.migration.changes import Change
from specs.migration.targets import OURS, TARGETS, Options, Target
from specs.spec import Spec
from tltpipe.errors import Location, SpecError, UsageError

__all__ = ["Change", "Migrated", "Options", "Target", "migrate"]


@dataclass(frozen=True)
class Migrated:
    """The new text, ``kind`` and ``dialect`` of what it is, what became of each field, warnings of the new spec, and
    what is ``missing`` in it: "field: what" of values that the old one does not hold and its user has to fill in.

    Where ``changes`` is empty, ``text`` is the old one.
    """

    text: str
    kind: str
    dialect: str
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Kind(Protocol):
    """What a module in ``kinds`` has."""

    OPTIONS: Mapping[str, Collection[Target]]
    """The targets that a field of Options is for."""

    def migrate(self, spec: Spec, text: str, *, to: Target, options: Options) -> tuple[str, list[Change]]:
        """The text of ``spec`` as it is written for ``to``, and what became of its fields: none where it is for that
        already.

        Raises SpecError with a place: what cannot be said there; UsageError where an option is needed.
        """
        ...


def migrate(
    text: str, *, source: Path | str, to: Target, options: Options | None = None, output: Path | None = None
) -> Migrated:
    """``text``, a spec of any kind, as the programs of ``to`` read it. ``source`` is what errors call it, ``output``
    what warnings call the new one.

    Raises SpecError as ``specs.parse_text`` does, for ``text`` and for what would come of it, and where there is no
    such spec in ``to``; UsageError where an option is needed, or ``to`` is none of the targets.
    """
    import specs
    from specs import foreign
    from specs.migration import networks

    options = options or Options()
    if to not in TARGETS:
        raise UsageError(f'there is no target "{to}"', hint=f"targets: {', '.join(TARGETS)}")
    if (network := foreign.identify(text)) in networks.names():
        return _to_ours(str(network), text, source, to, options, output)
    kind = specs.recognise(text, source=source)
    spec = specs.parse_text(text, kind, source=source)
    if kind not in _modules("kinds"):
        _refuse(options.given, kind, to)
        if to != OURS:
            hint = "--toolkit embedded trains by it"
            raise SpecError(f"specs of {kind} are read by tltpipe alone, not by {to}", where=source, hint=hint)
        return Migrated(text, kind, spec.dialect, (), spec.warnings)
    module: Kind = _load(f"kinds.{kind}")
    _refuse([name for name in options.given if to not in module.OPTIONS.get(name, ())], kind, to)
    new, changes = module.migrate(spec, text, to=to, options=options)
    if not changes:
        _refuse(options.given, kind, to)
        _examine(spec, to)
        return Migrated(text, kind, spec.dialect, (), spec.warnings)
    try:
        made = specs.parse_text(new, kind, source=output or f"{source} as a spec of {to}")
        _examine(made, to)
    except SpecError as problem:
        raise _misfit(problem, new, changes, source) from None
    return Migrated(new, kind, made.dialect, tuple(changes), made.warnings)


def _examine(spec: Spec, to: Target) -> None:
    """Raise SpecError for what the programs of ``to`` refuse in ``spec``."""
    from specs import rules

    if to != OURS:
        findings = rules.examine(rules.Subject(spec, toolkit=to))
        rules.settle(spec, [finding for finding in findings if finding.severity == "error"])


def network(text: str) -> str | None:
    """The kind of spec here that ``text``, one of a network of TAO's that is none of ours, can become; else None."""
    from specs import foreign
    from specs.migration import networks

    module = networks.names().get(str(foreign.identify(text)))
    return None if module is None else networks.load(module).TARGET


def _misfit(problem: SpecError, text: str, changes: Sequence[Change], source: Path | str) -> SpecError:
    """``problem``, which the new ``text`` has, at the fields of the old one, where it comes from some."""
    from specs import checks, foreign
    from specs.migration import reading

    read = reading.yaml_text if foreign.is_yaml(text) else reading.proto_text
    paths = [(each.line, path) for path, each in read(text, source=source).walk()]

    def at_its_origin(part: SpecError) -> SpecError:
        line = part.where.line if isinstance(part.where, Location) else None
        here = {path for place, path in paths if place == line}
        change = next((change for change in changes if change.line and change.new_path in here), None)
        if change is None:
            return part
        what = f"{change.path} cannot be migrated: {part.what}"
        return SpecError(what, where=Location(source, change.line), hint=part.hint, code=part.code)

    return checks.together(map(at_its_origin, problem.parts or (problem,)))


def _to_ours(
    network: str, text: str, source: Path | str, to: Target, options: Options, output: Path | None
) -> Migrated:
    """A spec of TAO's ``network``, which none of ours is, as one of what does its job here."""
    import specs
    from specs.migration import networks

    kind = networks.load(networks.names()[network]).TARGET
    _refuse([name for name in options.given if name != "data"], network, to)
    if to != OURS:
        what = f"NVIDIA's {network} has one kind of spec, which this is already"
        raise SpecError(what, where=source, hint=f"--to {OURS} writes one of {kind}, which does its job here")
    made = networks.rewrite(text, network, source=source, data=options.data)
    spec = specs.parse_text(made.text, kind, source=output or f"{source} as a spec of {kind}")
    return Migrated(made.text, kind, spec.dialect, made.changes, spec.warnings, made.missing)


def _refuse(options: Sequence[str], kind: str, to: Target) -> None:
    """Raise UsageError where there are ``options``: they would have no effect."""
    if options:
        what = f"--{options[0]} has no effect on this spec of {kind} with --to {to}"
        raise UsageError(what, hint="leave it out")


def _modules(folder: str) -> list[str]:
    return [module.name for module in pkgutil.iter_modules([str(Path(__file__).with_name(folder))])]


def _load(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")
