"""What a spec means that the default does not, field by field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from specs.effective import Effective
    from specs.spec import Spec

Defaults = Callable[["Spec"], "str | None"]
"""The text of the default spec of the kind and generation of another one; None where there is none."""


@dataclass(frozen=True)
class Field:
    """``value`` in the spec and ``default``, as text; empty where the one or the other does not have it."""

    path: str
    value: str
    default: str


def fields(text: str, network: str, defaults: Defaults, placeholder: str = "") -> list[Field] | None:
    """The fields of the spec ``text`` that mean something else than the default; None where it is no spec that can be
    read, or has no default.

    A default that begins with ``placeholder`` is a path to be filled in: it is left out.
    """
    spec = _read(text, network)
    default = defaults(spec) if spec is not None else None
    usual = _read(default, spec.kind) if spec is not None and default is not None else None
    return None if spec is None or usual is None else _compared(spec, usual, placeholder)


def between(one: tuple[str, str], other: tuple[str, str]) -> list[Field] | None:
    """What two specs, each a text and the network it is for, mean differently; None where one cannot be read."""
    first, second = (_read(text, network) for text, network in (one, other))
    return None if first is None or second is None else _compared(first, second)


def _compared(spec: Spec, default: Spec, placeholder: str = "") -> list[Field]:
    from specs.effective import difference

    rows = [Field(each.path, _shown(each.before), _shown(each.after)) for each in difference(spec, default)]
    if placeholder:
        rows = [replace(row, default="") if placeholder in row.default else row for row in rows]
    return [row for row in rows if row.value or row.default]


def _read(text: str, network: str) -> Spec | None:
    import specs
    from tltpipe.errors import SpecError

    try:
        kind = network if network in specs.folders() else specs.recognise(text, source="spec")
        return specs.parse_text(text, kind, source="spec")
    except SpecError:
        return None


def _shown(value: Effective | None) -> str:
    if value is None or value.value == []:
        return ""
    return value.value if isinstance(value.value, str) else value.text
