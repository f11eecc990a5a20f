"""tltpipe check: is this data set fit to train on, and what to do about it where not."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.commands import choices, convert
from orchestrator.commands.options import Parallel, Plain
from tltpipe import storage
from tltpipe.errors import DataError, FindingsError, TltpipeError, UsageError
from tltpipe.workers import preload_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converters.health import Report
    from converters.health.mending import Done
    from converters.model.findings import Finding
    from orchestrator.screen.console import Console

FROM = typer.Option("--from", help="Format of DATASET (default: detected).", show_default=False)
DEEP = typer.Option("--deep", help="Decode every image, and find near-duplicates.")
STRICT = typer.Option("--strict", help="Exit with code 7 if there is an error or a warning.")
FIX = typer.Option("--fix", metavar="OUT", help="Folder to write a corrected copy to.", show_default=False)
RULES = typer.Option("--rules", help="List the rules.")
ALL = typer.Option("--all", help="Show ten examples of each finding instead of three.")
FORCE = typer.Option("--force", help="Replace OUT.")

COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}
FEW = 3
"""Examples shown of each finding."""


def check(
    options: Parallel,
    dataset: Annotated[str | None, typer.Argument(metavar="DATASET", help=choices.ANYWHERE, show_default=False)] = None,
    from_: Annotated[str | None, FROM] = None,
    images: Annotated[Path | None, choices.APART] = None,
    deep: Annotated[bool, DEEP] = False,
    strict: Annotated[bool, STRICT] = False,
    fix: Annotated[str | None, FIX] = None,
    every: Annotated[bool, ALL] = False,
    allow_loss: Annotated[bool, choices.LOSS] = False,
    workers: Annotated[int | None, convert.WORKERS] = None,
    force: Annotated[bool, FORCE] = False,
    rules: Annotated[bool, RULES] = False,
) -> None:
    """Check a data set for missing, broken, duplicate and wrongly annotated images; --fix corrects a copy."""
    if dataset is not None:
        preload_for(dataset, "converters.health.gathering", workers=workers)
    from converters.health import examine

    if rules:
        list_rules(options)
        return
    if dataset is None:
        raise UsageError("DATASET missing", hint="tltpipe check DATASET")
    console = options.console
    source = storage.local(dataset, console.progress)
    with nullcontext() if fix is None else choices.output(fix, console.progress, replace=force) as made:
        if made and source.exists():
            from converters.transfer.convert import vacant

            vacant(source, made.path, replace=made.replace)  # said before the long look, not after it
        report = examine(source, format=from_, images=images, deep=deep, workers=workers, progress=console.progress)
        if not options.json:
            show(console, report, examples=None if every else FEW, fix=fix is None)
        done = None
        if made:
            from converters.health.mending import mend

            done = mend(
                source,
                made.path,
                report=report,
                images=images,
                replace=made.replace,
                allow_loss=allow_loss,
                workers=workers,
                progress=console.progress,
            )
    problem = judge(report, strict=strict)
    if options.json:
        console.answer_json(report.as_json() | ({"mended": told(done, fix)} if done and fix else {}), problem)
        return
    if done and fix:
        show_mended(console, done, fix)
    if problem:
        raise problem


def judge(report: Report, *, strict: bool) -> TltpipeError | None:
    """The error that the command ends with; None where it has only told what there is."""
    if report.closed:
        what = f"{', '.join(report.closed)} cannot be opened"
        return DataError(what, where=report.path, hint="the findings say why; the rest was checked")
    if strict and not report.healthy:
        hint = "tltpipe check --fix OUT writes a mended copy" if _mendable(report) else None
        return FindingsError(f"not healthy: {_counts(report)}", where=report.path, hint=hint)
    return None


def show(console: Console, report: Report, *, examples: int | None = FEW, fix: bool = True) -> None:
    """Numbers, findings with the first examples, and what to do about each."""
    from orchestrator.screen.console import duration

    look = "every pixel" if report.deep else "annotations and headers"
    console.put(f"{report.path} ({report.format}): {look} looked at in {duration(report.seconds)}")
    console.put("")
    rows = [
        (name, f"{split.pictures:,}", f"{split.unusable:,}", f"{split.items:,}", _used(split.classes))
        for name, split in report.splits.items()
        if not split.closed
    ]
    if rows:
        console.table(("split", "pictures", "unusable", "items", "classes"), rows)
        console.put("")
    if not report.findings:
        console.put("healthy: nothing found")
        return
    listed = [
        ((found.rule.code, found.rule.severity, f"{found.count:,}", found.rule.title), _few(found, examples))
        for found in report.findings
    ]
    console.listing(("code", "severity", "count", "what"), listed, colours=COLOURS)
    console.put("")
    advice = [((found.rule.code, "*" if found.rule.mended else "", found.rule.fix), ()) for found in report.findings]
    console.listing(("code", "", "what to do"), advice)
    if fix and _mendable(report):
        console.put(f"\n* done by: tltpipe check {shlex.quote(str(report.path))} --fix OUT")
    console.put(f"\n{_counts(report)}")


def show_mended(console: Console, done: Done, out: str) -> None:
    """What became of each split, and what was put right."""
    why = f", since {done.source_format} cannot be written" if done.format != done.source_format else ""
    console.put(f"\nmended copy: {out} ({done.format}{why})")
    console.put("")
    rows = [
        (name, f"{split.images:,}", f"{split.skipped:,}", f"{split.items:,}") for name, split in done.splits.items()
    ]
    console.table(("split", "pictures", "left out", "items"), rows)
    if any(split.skipped for split in done.splits.values()):
        console.put(f"left out, and why: {out}/left-out.txt")
    if done.findings:
        console.put("")
        right = sorted(done.findings, key=lambda found: found.rule.code)
        rows_right = [(found.rule.code, f"{found.count:,}", found.rule.title) for found in right]
        console.table(("code", "count", "put right"), rows_right)
    convert.show_losses(console, done.losses)


def told(done: Done, out: str) -> dict[str, Any]:
    """The mended copy as plain values."""
    return {
        "target": str(out),
        "format": done.format,
        "losses": done.losses.as_json(),
        "splits": {name: convert.as_json(split) for name, split in done.splits.items()},
    }


def list_rules(options: Plain) -> None:
    """The catalogue: what is looked for, how bad it is, and what to do."""
    from converters.model import rules

    every = rules.catalogue()
    if options.json:
        keys = ("code", "severity", "title", "fix", "mended")
        options.console.json({"rules": [{key: getattr(rule, key) for key in keys} for rule in every]})
        return
    rows = [((rule.code, rule.severity, "*" if rule.mended else "", rule.title), (rule.fix,)) for rule in every]
    options.console.listing(("code", "severity", "", "what"), rows, colours=COLOURS)
    options.console.put("\n* put right by tltpipe check --fix OUT")


def _few(found: Finding, examples: int | None) -> Sequence[str]:
    from converters.model.findings import EXAMPLES

    shown = found.examples[:examples]
    # Some examples stand for several cases: only where there are more of them is anything left out.
    rest = len(found.examples) > len(shown) or len(found.examples) >= EXAMPLES
    more = found.count - len(shown)
    return (*shown, f"and {more:,} more") if rest and more > 0 else shown


def _used(classes: dict[str, int] | Any) -> str:
    used = sum(count > 0 for count in classes.values())
    return f"{used:,}" if used == len(classes) else f"{used:,} of {len(classes):,}"


def _mendable(report: Report) -> bool:
    return any(found.rule.mended for found in report.findings)


def _counts(report: Report) -> str:
    kinds = ("error", "warning", "note")
    counts = [(report.count(kind), kind) for kind in kinds]  # type: ignore[arg-type]
    return ", ".join(f"{count:,} {kind}{'s' if count != 1 else ''}" for count, kind in counts)
