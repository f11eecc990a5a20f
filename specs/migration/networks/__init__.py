"""TAO's networks of TensorFlow 1 whose job a network here does, a module each: the folder is the list.

A module has NAMES, what TAO calls the network; TARGET, the kind of spec here; FIELDS, what becomes of each field;
RENAMED, sections that older generations call otherwise; WHOLE, sections without any counterpart; and ``migrate``, which
moves what several fields say together. What is left after it moves as FIELDS say.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol, cast

import specs
from specs import yaml_text, yaml_types
from specs.migration import reading, writing
from specs.migration.changes import Change
from specs.migration.reshaping import shown
from specs.migration.rewriting import SECRET, Rewriting, Row
from specs.migration.targets import Data
from specs.migration.tree import Field, Section
from tltpipe import __version__
from tltpipe.errors import Location, SpecError


class Network(Protocol):
    """The module-level names of ``specs.migration.networks.<name>``."""

    NAMES: tuple[str, ...]
    TARGET: str
    FIELDS: Sequence[Row]
    RENAMED: Mapping[str, str]
    WHOLE: Sequence[str]

    def migrate(self, spec: Rewriting) -> None: ...


@dataclass(frozen=True)
class Rewritten:
    """A spec of ours, of ``kind``; ``missing`` is what its user has to fill in, "field: what" each."""

    text: str
    kind: str
    changes: tuple[Change, ...]
    missing: tuple[str, ...]


@cache
def names() -> Mapping[str, str]:
    """The module for each of TAO's networks, by its name there."""
    found = [module.name for module in pkgutil.iter_modules(__path__)]
    return {name: module for module in found for name in load(module).NAMES}


def load(module: str) -> Network:
    return cast("Network", importlib.import_module(f"{__name__}.{module}"))


def rewrite(text: str, network: str, *, source: Path | str, data: Data | None = None) -> Rewritten:
    """The spec of ``network``, one of ``names()``, as one of ours; ``data`` is trained on in place of what it names.

    Raises SpecError with line and column: no proto-text, a misspelt field, a value that ours cannot have.
    """
    module = load(names()[network])
    spec = Rewriting(reading.proto_text(text, source=source), source=source, data=data, renamed=module.RENAMED)
    module.migrate(spec)
    spec.table(module.FIELDS)
    spec.rest(module.FIELDS, module.WHOLE)
    made = _text(spec, network, module.TARGET)
    _check(made, module.TARGET, spec)
    order = sorted(spec.changes, key=lambda change: change.line or len(text))
    return Rewritten(made, module.TARGET, tuple(order), tuple(spec.missing))


def _text(spec: Rewriting, network: str, kind: str) -> str:
    """The spec in the order of its sections, with what it says of itself above and what was left out below."""
    known = yaml_types.known(specs.load(kind).EXPERIMENT)
    _sort(spec.made, "", {key.replace("[]", ""): place for place, key in reversed([*enumerate(known)])})
    lines = [f"A training spec of {kind}, migrated from one of TAO's {network} by tltpipe {__version__}."]
    if spec.missing:
        lines += ["To be filled in before training:", *(f"  {each}" for each in spec.missing)]
    for path, rows in spec.files.items():
        lines += ["", f"{path}, without the marks of comments:", *rows]
    head = [*spec.head, *(f"# {line}".rstrip() for line in lines), ""]
    first = spec.made.fields[0].comments
    first.above = [*head, *first.above]
    left = [line for path, field in spec.dropped for line in _left(path, field)]
    spec.made.below = [*([f"# {network} has also, without a counterpart in {kind}:"] if left else []), *left,
                       *spec.tree.below]  # fmt: skip
    return writing.yaml_text(spec.made)


def _left(path: str, field: Field) -> list[str]:
    """A field without counterpart as comments, below its own."""
    value = '"..."' if path in SECRET else shown(field.value)
    behind = f"  {field.comments.behind}" if field.comments.behind else ""
    return [*(line for line in field.comments.above if line), f"#   {path}: {value}{behind}"]


def _sort(section: Section, path: str, order: Mapping[str, int]) -> None:
    def place(node: Field | Section) -> int:
        here = f"{path}{node.name}"
        return order.get(here, min((at for key, at in order.items() if key.startswith(f"{here}.")), default=len(order)))

    section.fields.sort(key=place)
    for each in section.fields:
        if isinstance(each, Section):
            _sort(each, f"{path}{each.name}.", order)


def _check(text: str, kind: str, spec: Rewriting) -> None:
    """Raise SpecError, with the place of the field of theirs, for a value that ours cannot have."""
    try:
        specs.parse_text(text, kind, source="migrated")
    except SpecError as problem:
        places = yaml_text.walk(text, yaml_types.known(specs.load(kind).EXPERIMENT), source="")[0].places
        line = problem.where.line if isinstance(problem.where, Location) else None
        paths = [path for path, place in places.items() if isinstance(place, Location) and place.line == line]
        path, field = next((spec.origins[path] for path in paths if path in spec.origins), ("", None))
        where = Location(spec.source, field.line, field.column) if field else spec.source
        path = path or next(iter(paths), "")
        what = f"{path} cannot be migrated: " if path else ""
        raise SpecError(f"{what}{problem.what.splitlines()[0]}", where=where, hint=problem.hint) from None
