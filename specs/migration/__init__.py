"""Specs moved from one generation of NVIDIA's to another, and to ours: field by field, comments kept.

``kinds/<kind>.py`` moves the specs of a kind that is read here; ``networks/<name>.py`` those of a network of TAO's that
is none of ours to what does its job here. The folders are the list.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from specs.migration.changes import Change
from specs.migration.targets import OURS, TARGETS, Options, Target
from specs.spec import Spec
from tltpipe.errors import SpecError, UsageError

__all__ = ["Change", "Migrated", "Options", "Target", "migrate"]


@dataclass(frozen=True)
class Migrated:
    """The new text, ``kind`` and ``dialect`` of what it is, what became of each field, and warnings of the new spec.

    Where ``changes`` is empty, ``text`` is the old one.
    """

    text: str
    kind: str
    dialect: str
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()


class Kind(Protocol):
    """What a module in ``kinds`` has."""

    def migrate(self, spec: Spec, text: str, *, to: Target, options: Options) -> tuple[str, list[Change]]:
        """The text of ``spec`` as it is written for ``to``, and what became of its fields: none where it is for that
        already.

        Raises SpecError with a place: what cannot be said there; UsageError where an option is needed.
        """
        ...


def migrate(text: str, *, source: Path | str, to: Target, options: Options | None = None) -> Migrated:
    """``text``, a spec of any kind, as the programs of ``to`` read it. ``source`` is what errors call it.

    Raises SpecError as ``specs.parse_text`` does, for ``text`` and for what would come of it, and where there is no
    such spec in ``to``; UsageError where an option is needed, or ``to`` is none of the targets.
    """
    import specs
    from specs import foreign
    from specs.migration import networks

    if to not in TARGETS:
        raise UsageError(f'there is no target "{to}"', hint=f"targets: {', '.join(TARGETS)}")
    if (network := foreign.identify(text)) in networks.names():
        return _to_ours(str(network), text, source, to, options or Options())
    kind = specs.recognise(text, source=source)
    spec = specs.parse_text(text, kind, source=source)
    if kind not in _modules("kinds"):
        if to != OURS:
            hint = "--toolkit embedded trains by it"
            raise SpecError(f"specs of {kind} are read by tltpipe alone, not by {to}", where=source, hint=hint)
        return Migrated(text, kind, spec.dialect, (), spec.warnings)
    module: Kind = _load(f"kinds.{kind}")
    new, changes = module.migrate(spec, text, to=to, options=options or Options())
    if not changes:
        return Migrated(text, kind, spec.dialect, (), spec.warnings)
    made = specs.parse_text(new, kind, source=f"{source} as a spec of {to}")
    return Migrated(new, kind, made.dialect, tuple(changes), made.warnings)


def _to_ours(network: str, text: str, source: Path | str, to: Target, options: Options) -> Migrated:
    """A spec of TAO's ``network``, which none of ours is, as one of what does its job here."""
    import specs
    from specs.migration import networks

    kind = networks.load(networks.names()[network]).TARGET
    if to != OURS:
        what = f"NVIDIA's {network} has one kind of spec, which this is already"
        raise SpecError(what, where=source, hint=f"--to {OURS} writes one of {kind}, which does its job here")
    made = networks.rewrite(text, network, source=source, data=options.data)
    spec = specs.parse_text(made.text, kind, source=f"{source} as a spec of {kind}")
    return Migrated(made.text, kind, spec.dialect, made.changes, spec.warnings)


def _modules(folder: str) -> list[str]:
    return [module.name for module in pkgutil.iter_modules([str(Path(__file__).with_name(folder))])]


def _load(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")
