"""What the files of ``specs/<folder>`` check with: findings about a spec, gathered into one error or into warnings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from specs import values
from specs.spec import Spec
from tltpipe.errors import SpecError


@dataclass(frozen=True)
class Finding:
    """Something about the field at ``path``: an error, or with ``warning`` only a word of caution."""

    path: str
    what: str
    hint: str | None = None
    warning: bool = False


def warn(path: str, what: str) -> Finding:
    return Finding(path, what, warning=True)


def judge(spec: Spec, findings: Iterable[Finding]) -> Spec:
    """The spec with its warnings, or a SpecError that holds every error, a line each, in the order of the file."""
    found = sorted(findings, key=lambda finding: _order(spec, finding))
    errors = [finding for finding in found if not finding.warning]
    if not errors:
        return dataclasses.replace(spec, warnings=tuple(f"{spec.where(f.path)}: {f.what}" for f in found))
    first, *others = errors
    lines = [first.what, *(f"{spec.where(other.path)}: {other.what}" for other in others)]
    hints = list(dict.fromkeys(finding.hint for finding in errors if finding.hint))
    raise SpecError("\n".join(lines), where=spec.where(first.path), hint="; ".join(hints) or None)


def unknown_enum_numbers(spec: Spec) -> Iterator[Finding]:
    """protobuf takes any number for an enum; only the named ones mean something."""

    def walk(message: Any, path: str) -> Iterator[Finding]:
        for field, value in message.ListFields():
            here = f"{path}.{field.name}" if path else field.name
            if field.enum_type is not None and not values.repeated(field):
                if value not in field.enum_type.values_by_number:
                    yield Finding(here, f"{field.name} takes {values.expected(field)}, not {value}")
            elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
                parts = value if values.repeated(field) else [value]
                for index, part in enumerate(parts):
                    yield from walk(part, f"{here}[{index}]" if values.repeated(field) else here)

    yield from walk(spec.message, "")


def _order(spec: Spec, finding: Finding) -> tuple[int, int]:
    where = spec.where(finding.path)
    return (where.line or 0, where.column or 0)
