"""What a spec says that the default does not, field by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from specs import Spec

Defaults = Callable[["Spec"], "str | None"]
"""The text of the default spec of the kind and generation of another one; None where there is none."""


@dataclass(frozen=True)
class Field:
    """``value`` in the spec and ``default``, as text; empty where the one or the other does not have it."""

    path: str
    value: str
    default: str


def fields(text: str, network: str, defaults: Defaults, placeholder: str = "") -> list[Field] | None:
    """The fields of the spec ``text`` that differ from the default; None where it cannot be read as a spec.

    A default that begins with ``placeholder`` is a path to be filled in: it is left out.
    """
    spec = _read(text, network)
    default = defaults(spec) if spec is not None else None
    if spec is None or default is None:
        return None
    ours = _read(default, spec.kind)
    usual = _flat(ours) if ours is not None else {}
    filled = {path: value for path, value in usual.items() if not placeholder or placeholder not in str(value)}
    return compared(_flat(spec), filled)


def between(one: tuple[str, str], other: tuple[str, str]) -> list[Field] | None:
    """The fields in which two specs differ, each a text and the network it is for; None where one cannot be read."""
    specs = [_read(text, network) for text, network in (one, other)]
    return compared(*(_flat(each) for each in specs if each is not None)) if all(specs) else None


def compared(values: Mapping[str, Any], default: Mapping[str, Any]) -> list[Field]:
    return [
        Field(path, _shown(values.get(path)), _shown(default.get(path)))
        for path in dict.fromkeys([*values, *default])
        if values.get(path) != default.get(path)
    ]


def _flat(spec: Spec) -> dict[str, Any]:
    from orchestrator.settings import origins

    return origins.flat(spec.message)


def _read(text: str, network: str) -> Spec | None:
    import specs
    from tltpipe.errors import SpecError

    try:
        kind = network if network in specs.folders() else specs.recognise(text, source="spec")
        return specs.parse_text(text, kind, source="spec")
    except SpecError:
        return None


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {each}" for key, each in value.items())
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)
