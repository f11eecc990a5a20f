"""tltpipe tfrecords --inspect: what is in record files, whether every check sum fits, records as JSON, some drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from converters.inspection import Report
    from orchestrator.commands.options import Plain
    from orchestrator.screen.console import Console

INSPECT = typer.Option(
    "--inspect", metavar="PATH", help="Inspect these records instead: a file, folder or pattern.", show_default=False
)
MORE = typer.Argument(metavar="PATH", help="Further PATHs to inspect, as a shell expands a pattern.", hidden=True)
RECORDS = typer.Option(
    "--records", min=0, metavar="N", help="Print the first N records inspected, a line of JSON each; 0: all.",
    show_default=False,
)  # fmt: skip
DRAW = typer.Option("--draw", metavar="DIR", help="Draw some of the records inspected.", show_default=False)
IMAGES = typer.Option(
    "--images",
    metavar="ROOT",
    help="Folder that frame ids are relative to (default: searched for).",
    show_default=False,
)
COUNT = typer.Option("--count", min=1, help="Number of records to draw (default: 24).", show_default=False)


@dataclass(frozen=True)
class Inspection:
    """What was asked for on the command line."""

    inspect: str | None = None
    more: list[str] | None = None
    records: int | None = None
    draw: Path | None = None
    images: Path | None = None
    count: int | None = None

    def __bool__(self) -> bool:
        """Whether to inspect at all. Raises UsageError for options of an inspection without one."""
        given = [name for name in ("records", "draw", "images", "count") if getattr(self, name) is not None]
        if self.inspect is None and (given or self.more):
            what = f"--{given[0]}" if given else f'"{(self.more or [""])[0]}"'
            raise UsageError(f"{what} goes with --inspect", hint="tltpipe tfrecords --inspect PATH")
        if self.records is not None and self.draw is not None:
            raise UsageError("--records and --draw: one at a time")
        return self.inspect is not None


def inspect(options: Plain, asked: Inspection) -> None:
    """Answer; raises DataError for damaged records when all else is told."""
    from converters import inspection

    console = options.console
    paths = inspection.find([asked.inspect or "", *(asked.more or [])])
    if asked.records is not None:
        _print(paths, asked.records or None)
        return
    if asked.draw is not None:
        from converters.statistics.viewing import vacant

        vacant(asked.draw)  # said before the long look, not after it
    choose = (asked.count or 24) if asked.draw is not None else 0
    report = inspection.inspect(paths, progress=console.progress, choose=choose)
    if not options.json:
        show(console, report)
    told = report.as_json()
    if asked.draw is not None:
        from converters.inspection.drawing import draw

        viewed = draw(report, asked.draw, progress=console.progress, images=asked.images)
        told["drawn"] = viewed.as_json()
        for line in [] if options.json else viewed.lines(asked.draw):
            console.put(line)
    problem = report.problem()
    if options.json:
        console.answer_json(told, problem)
    elif problem:
        raise problem


def show(console: Console, report: Report) -> None:
    """The report as lines and tables."""
    from converters.inspection.tables import tables

    for each in tables(report):
        if isinstance(each, str):
            console.put(each)
        else:
            console.table(each.columns, each.rows, colours={})


def _print(paths: list[Path], count: int | None) -> None:
    """Lines of JSON alone on standard output, with --json or without: an error goes to standard error."""
    from converters.inspection.lines import lines
    from orchestrator.screen import console
    from tltpipe.errors import DataError

    try:
        for line in lines(paths, count=count):
            typer.echo(line)
    except DataError as problem:
        console.error(problem)
        raise typer.Exit(problem.exit_code) from None
