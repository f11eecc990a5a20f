"""tltpipe report: a training, or two side by side, as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.commands.options import Plain
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from specs import Spec

RUNS = typer.Argument(
    metavar="RUN [RUN]", help="Results folder of a training, or workspace; two are compared.", show_default=False
)
OUT = typer.Option(
    "--output", "-o", metavar="FILE", help="File to write (default: report.html in the first RUN).", show_default=False
)
MOST = 2


def report(options: Plain, runs: Annotated[list[Path], RUNS], output: Annotated[Path | None, OUT] = None) -> None:
    """Write a training as one HTML page: data, spec, curves, classes, pictures, environment, commands."""
    from orchestrator.commands.spec_drafting import NOWHERE
    from orchestrator.pages import report as pages
    from tltpipe import files

    if len(runs) > MOST:
        raise UsageError(f"{len(runs)} runs given", hint="name one run, or two to be compared")
    target = output or runs[0] / "report.html"
    if target.is_dir():
        raise UsageError("this is a folder", where=target, hint="name the page itself: -o report.html")
    found = [pages.gather(each, defaults=_default_spec, placeholder=str(NOWHERE)) for each in runs]
    with files.writable(target.parent):
        files.write_text(target, pages.render(found))
    if options.json:
        options.console.json({"report": str(target), "runs": [each.summary() for each in found]})
        return
    for each in found:
        options.console.put(each.verdict)
    options.console.put(f"wrote {target}")


def _default_spec(spec: Spec) -> str | None:
    """The spec of these classes that the settings by default amount to, with paths to be filled in."""
    import specs
    from orchestrator.commands import spec_drafting

    try:
        kind = spec_drafting.kind_of(spec.kind)
    except UsageError:
        return None
    classes = [each.name for each in specs.class_fields(spec)] or ["object"]
    contents = spec_drafting.placeholder(kind, spec.dialect or None, classes)
    tunables = specs.tunables(spec.kind)()
    values = {**contents.paths, "classes": list(contents.classes)}
    return specs.render(spec.kind, kind.template(contents.dialect), tunables, **values)
