"""tltpipe spec show, diff, explain: what a spec means, what differs between two, what a field is for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.commands.options import Plain, command
from tltpipe.errors import SpecError

if TYPE_CHECKING:
    from specs.effective import Effective
    from specs.explaining import Explanation
    from specs.spec import Spec

FILE = typer.Argument(metavar="FILE", help="Spec of any kind.", show_default=False)
BEFORE = typer.Argument(metavar="A", help="Spec of any kind.", show_default=False)
AFTER = typer.Argument(metavar="B", help="Another one of the same kind.", show_default=False)
FIELD = typer.Argument(
    metavar="FIELD",
    help="Field or section: ssd_config.neg_pos_ratio, or its last words: neg_pos_ratio.",
    show_default=False,
)
KIND = typer.Option(
    "--as", metavar="KIND", help="Kind of the files: ssd, augment, ... (default: detected).", show_default=False
)
OF_KIND = typer.Option(
    "--as", metavar="KIND", help="Kind of spec to look in: ssd, augment, ... (default: all).", show_default=False
)

TITLES = {"tltpipe": "tltpipe's programs", "nvidia": "NVIDIA's programs"}
"""What facts about fields are called on the screen."""


@command
def show(options: Plain, file: Annotated[Path, FILE], kind: Annotated[str | None, KIND] = None) -> None:
    """Show the value of every field of a spec, and where it comes from: the line of the file, or the default."""
    from specs.effective import effective

    spec = _read(file, kind)
    values = effective(spec)
    if options.json:
        told = [
            {"path": each.path, "value": each.value, "text": each.text, "line": each.line, "note": each.note or None}
            for each in values
        ]
        options.console.json({"file": str(file), "kind": spec.kind, "dialect": spec.dialect or None, "values": told})
        return
    options.console.put(f"{file}: {', '.join(filter(None, (spec.kind, spec.dialect)))}")
    width = max((len(_place(each)) for each in values), default=0)
    for each in values:
        note = f"  ({each.note})" if each.note else ""
        options.console.put(f"{_place(each):<{width}}  {each.path}: {each.text}{note}")


@command
def diff(
    options: Plain,
    before: Annotated[Path, BEFORE],
    after: Annotated[Path, AFTER],
    kind: Annotated[str | None, KIND] = None,
) -> None:
    """Compare what two specs mean: order, comments, spellings of numbers and written defaults do not matter.

    Exit code 0 where they mean the same, 1 where they differ.
    """
    from specs.effective import difference

    first, second = _read(before, kind), _read(after, kind)
    if first.kind != second.kind:
        raise SpecError(f"this is a spec of {second.kind}, {before} one of {first.kind}", where=after)
    found = difference(first, second)
    if options.json:
        pairs = [{"path": each.path, "before": _side(each.before), "after": _side(each.after)} for each in found]
        options.console.json({"files": [str(before), str(after)], "kind": first.kind, "differences": pairs})
    else:
        for each in found:
            options.console.put(f"{each.path}: {_shown(each.before)} -> {_shown(each.after)}")
        many = f"{len(found)} difference{'s' if len(found) > 1 else ''}" if found else "no difference in meaning"
        options.console.put(many)
    if found:
        raise typer.Exit(1)


@command
def explain(options: Plain, field: Annotated[str, FIELD], kind: Annotated[str | None, OF_KIND] = None) -> None:
    """Explain a field of a spec: meaning, unit, range, default, generations, what NVIDIA's programs do with it."""
    from specs import explaining

    found = explaining.explain(field, kind)
    if options.json:
        options.console.json({"field": field, "explanations": [each.as_json() for each in found]})
        return
    for place, each in enumerate(found):
        for line in [*([""] if place else []), *_lines(each)]:
            options.console.put(line)


def _lines(told: Explanation) -> Iterator[str]:
    yield f"{told.path}  ({', '.join(told.kinds)})"
    named = [(name if told.section else TITLES.get(name, name), text) for name, text in told.facts]
    width = max((len(name) for name, _ in named), default=0)
    for name, text in named:
        yield f"  {name:<{width}}  {text}"


def _origin(value: Effective) -> str:
    """Where a value comes from: "line 12", "default", and what else there is to know."""
    return f"{_place(value)}: {value.note}" if value.note else _place(value)


def _place(value: Effective) -> str:
    return f"line {value.line}" if value.line is not None else "default"


def _side(value: Effective | None) -> dict[str, Any] | None:
    return None if value is None else {"value": value.value, "text": value.text, "line": value.line}


def _shown(value: Effective | None) -> str:
    if value is None:
        return "(no such field)"
    return f"{value.text} ({_origin(value)})"


def _read(path: Path, kind: str | None) -> Spec:
    """The spec at ``path``. Raises SpecError."""
    import specs
    from specs import prototext

    found = kind or specs.recognise(prototext.read(path), source=path)
    return specs.parse(path, found)
