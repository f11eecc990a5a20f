"""What a user sees: stage banners, streamed lines, progress bars, durations, tables, the error panel.

Everything for people goes to standard output, or to standard error where the answer is asked for as JSON. Bars live on
a terminal only; a pipe gets plain lines.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from orchestrator.screen import answers
from orchestrator.screen.tables import NUMBER
from tltpipe import progress
from tltpipe.errors import TltpipeError
from tltpipe.progress import Progress, Tick
from tltpipe.terminal import harmless

if TYPE_CHECKING:
    from rich.console import Console as Screen
    from rich.progress import Progress as Bars
    from rich.text import Text

LINE_SECONDS = 5.0
"""How often progress shows as a line where no bar can."""
INDENT = "  "
PAGE = (160, 50)
"""Columns and lines where there is no terminal to fit, nor COLUMNS to say how wide it is."""
COUNTS = {
    "objects": "objects", "true_positives": "right", "false_positives": "wrong", "missed": "missed", "f1": "F1",
}  # fmt: skip
"""What is shown of a class beside its figures, where evaluation.json has it, with its title."""


class Console:
    """Shows a pipeline's report. ``answer`` True keeps standard output free for one JSON object."""

    def __init__(self, *, answer: bool = False, stream: IO[str] | None = None) -> None:
        from rich.console import Console as Screen

        self.answer = answer
        file = stream or (sys.stderr if answer else sys.stdout)
        page = None if file.isatty() or os.environ.get("COLUMNS") else PAGE[0]
        self.screen: Screen = Screen(file=file, width=page, highlight=False, soft_wrap=True)
        self.progress: Progress = progress.for_stream(self.screen.file)
        self.bars: Bars | None = None
        self.under_way: Tick | None = None
        """The first tick seen of the work that the bar shows."""
        self.started = self.last = time.monotonic()

    # A pipeline's report

    def begin(self, stage: str, about: str) -> None:
        self._put(f"\n[bold cyan]{stage}[/]  [dim]{_plain(about)}[/]")

    def skipped(self, stage: str, why: str) -> None:
        self._put(f"[bold cyan]{stage}[/]  [green]up to date[/]  [dim]{_plain(why)}[/]")

    def end(self, stage: str, seconds: float) -> None:
        self.close_bars()
        self._put(f"{INDENT}[green]{stage} done[/] [dim]in {duration(seconds)}[/]")

    def say(self, text: str) -> None:
        self._put(f"{INDENT}{_plain(text)}")

    def line(self, text: str) -> None:
        self._put(f"{INDENT}[dim]{_plain(text)}[/]")

    def tick(self, tick: Tick, text: str) -> None:
        if self.screen.is_terminal:
            self._bar(tick)
            return
        now = time.monotonic()
        if now - self.last >= LINE_SECONDS:
            self.last = now
            self.line(text)

    # Answers

    def put(self, text: str) -> None:
        """Text for people, as it is."""
        self._put(_plain(text))

    def json(self, value: object) -> None:
        """The one object that standard output holds."""
        print(json.dumps(answers.plain(value), indent=2, default=str), flush=True)

    def answer_json(self, value: Mapping[str, Any], problem: TltpipeError | None) -> None:
        """What was found out, and the ``problem`` that the command ends with, if there is one: then it ends here."""
        if problem is None:
            self.json(value)
            return
        self.json({**value, **as_json(problem)})
        error(problem)
        import typer

        raise typer.Exit(problem.exit_code)

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, colours: Mapping[str, str] | None = None
    ) -> None:
        """A table; ``colours`` gives the style of a cell by its text. It fits the screen (``tables``)."""
        from rich.text import Text

        cells = [[Text(harmless(cell), style=(colours or {}).get(cell, "")) for cell in row] for row in rows]
        self._table(columns, cells)

    def _table(self, columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
        from orchestrator.screen import tables

        self.screen.print(tables.fitted(columns, rows, self.screen.width))

    def listing(
        self,
        columns: Sequence[str],
        rows: Sequence[tuple[Sequence[str], Sequence[str]]],
        *,
        colours: Mapping[str, str] | None = None,
    ) -> None:
        """A table with lines below the last cell of each row, folded where they do not fit: (cells, lines)."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for place, column in enumerate(columns):
            numbers = bool(rows) and all(NUMBER.fullmatch(cells[place]) for cells, _ in rows)
            last = place == len(columns) - 1
            table.add_column(column, justify="right" if numbers else "left", overflow="fold", no_wrap=not last)
        for cells, below in rows:
            *first, final = (Text(cell, style=(colours or {}).get(cell, "")) for cell in cells)
            for line in below:
                final.append(f"\n{line}", style="dim")
            table.add_row(*first, final)
        self.screen.print(table)

    def scores(self, evaluation: Mapping[str, Any], *, counts: bool = True) -> None:
        """What evaluation.json says of each class, as bars, and the primary figure; with ``counts`` of each class how
        many objects were found and missed, where that is known."""
        from rich.text import Text

        columns: Mapping[str, Mapping[str, float | None]] = evaluation["per_class"] or {"": {}}
        details = {row["class"]: row for row in evaluation.get("classes", ())} if counts else {}
        keys = [key for key in COUNTS if any(key in row for row in details.values())]
        width = 20 if details else 30

        def row(name: str, values: Sequence[float | None], known: Mapping[str, Any], style: str = "") -> list[Text]:
            figures = [*(_figure(known.get(key)) for key in keys), *map(_figure, values)]
            cells = [harmless(name), *figures, *[""] * (len(columns) - len(values))]
            value = values[0]
            bar = Text("") if value is None else Text(blocks(value, width=width), style=_colour(value))
            return [*(Text(cell, style=style) for cell in cells), bar]

        names = dict.fromkeys(name for column in columns.values() for name in column)
        rows = [row(name, [column.get(name) for column in columns.values()], details.get(name, {})) for name in names]
        rows.append(
            row(evaluation["primary"], [evaluation["figures"][evaluation["primary"]]], details.get("all", {}), "bold")
        )
        self.screen.print()
        self._table(("class" if names else "", *map(COUNTS.__getitem__, keys), *columns, ""), rows)

    def close_bars(self) -> None:
        """Take the bar off the screen; the next tick opens a new one."""
        if self.bars is not None:
            self.bars.stop()
        self.bars = None

    def _put(self, markup: str) -> None:
        self.screen.print(markup.rstrip())

    def _bar(self, tick: Tick) -> None:
        """One bar at a time: an epoch's takes the place of the one before."""
        now = time.monotonic()
        if self.bars is None:
            self.bars, self.under_way = _bars(self.screen), None
            self.bars.start()
        if self.under_way is None or self.under_way.what != tick.what:
            for task in self.bars.task_ids:
                self.bars.remove_task(task)
            self.bars.add_task(tick.what, total=tick.total, unit=tick.unit, rate="", note="")
            self.under_way, self.started = tick, now
        seconds = now - self.started
        rate = f"{(tick.done - self.under_way.done) / seconds:.1f}/s" if seconds > 1 else ""
        self.bars.update(self.bars.task_ids[0], completed=tick.done, total=tick.total, rate=rate, note=tick.note)
        if tick.done == tick.total:
            self.close_bars()


def error(problem: TltpipeError, *, stream: IO[str] | None = None) -> None:
    """Where, what, and what to do next: a panel on a terminal, plain lines elsewhere. Always standard error."""
    stream = stream or sys.stderr
    if not stream.isatty():
        hint = "".join(f"  hint: {line}\n" for line in (problem.hint or "").splitlines())
        print(harmless(f"{_word(problem)}: {problem}\n{hint}"), end="", file=stream, flush=True)
        return
    from rich.console import Console as Screen
    from rich.panel import Panel
    from rich.text import Text

    text = Text(harmless(problem.what))
    if problem.hint:
        text.append(harmless(f"\n\n{problem.hint}"), style="dim")
    title = Text(harmless(_word(problem) if problem.where is None else str(problem.where)), style="bold")
    style = "yellow" if problem.exit_code in (0, 130) else "red"
    Screen(file=stream, highlight=False).print(
        Panel(text, title=title, title_align="left", border_style=style, expand=False)
    )


def _word(problem: TltpipeError) -> str:
    return "error" if problem.exit_code else "note"


def as_json(problem: TltpipeError) -> answers.Failure:
    where = None if problem.where is None else str(problem.where)
    kind = type(problem).__name__
    return {
        "error": {
            "kind": kind, "where": where, "what": problem.what, "hint": problem.hint, "exit_code": problem.exit_code
        }
    }  # fmt: skip


def duration(seconds: float) -> str:
    """3.2 s, 1 min 05 s, 2 h 03 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _bars(screen: Screen) -> Bars:
    from rich import progress as bars

    return bars.Progress(
        bars.TextColumn(INDENT + "[bold]{task.description}"),
        bars.BarColumn(bar_width=30),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[unit]}"),
        bars.TextColumn("{task.fields[rate]}"),
        bars.TimeRemainingColumn(compact=True),
        bars.TextColumn("[dim]{task.fields[note]}"),
        console=screen,
        transient=True,
    )


def _plain(text: str) -> str:
    """Text in which nothing means a style."""
    from rich.markup import escape

    return escape(harmless(text))


def blocks(share: float, *, width: int = 30) -> str:
    """A bar of ``width`` characters for 0 to 1, in eighths of a character."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def _colour(value: float) -> str:
    return "green" if value >= 0.5 else "yellow" if value >= 0.25 else "red"
