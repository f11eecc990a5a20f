"""Progress on long work: one protocol, three ways to show it.

A terminal gets rich bars with rate and ETA; a pipe or a log gets plain lines of one stable form, which
``read`` turns back into numbers, so that a program in a subprocess or a container still drives a bar here.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import IO, ClassVar, Protocol, TypeVar

from tltpipe.terminal import harmless

Item = TypeVar("Item")


class Bar(Protocol):
    """One piece of work under way."""

    def advance(self, amount: int = 1, note: str = "") -> None: ...


class Progress(Protocol):
    """Shows pieces of work. ``total`` is None where the amount is not known beforehand."""

    def bar(self, what: str, *, total: int | None, unit: str = "images") -> AbstractContextManager[Bar]: ...

    def note(self, text: str) -> None:
        """Show one line that the user should see, while no bar is open."""
        ...


@dataclass(frozen=True)
class Tick:
    """What one progress line says."""

    what: str
    done: int
    total: int | None
    unit: str
    note: str = ""


def track(
    progress: Progress, items: Iterable[Item], what: str, *, total: int | None, unit: str = "images"
) -> Iterator[Item]:
    """Yield ``items`` and advance a bar by one after each."""
    with progress.bar(what, total=total, unit=unit) as bar:
        for item in items:
            yield item
            bar.advance()


_LINE = re.compile(
    r"^(?P<what>.+?): (?P<done>\d+)(?:/(?P<total>\d+))? (?P<unit>\S+)(?:, \d+%)?, [\d.]+/s"
    r"(?:, ETA [^,]+)?(?:, (?P<note>.*))?$"
)


def line(tick: Tick, seconds: float) -> str:
    """The plain line of ``tick`` after ``seconds``: ``augment: 12/60 images, 20%, 40.0/s, ETA 0:00:01, note``."""
    rate = tick.done / seconds if seconds > 0 else 0.0
    amount = f"{tick.done}" if tick.total is None else f"{tick.done}/{tick.total}"
    parts = [f"{tick.what}: {amount} {tick.unit}"]
    if tick.total:
        parts.append(f"{100 * tick.done // tick.total}%")
    parts.append(f"{rate:.1f}/s")
    if tick.total and rate > 0:
        left = max(0, tick.total - tick.done) / rate
        parts.append(f"ETA {clock(left)}")
    if tick.note:
        parts.append(tick.note)
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """A duration as hours:minutes:seconds (``26:03:09``; no days)."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def amount(size: int) -> str:
    """A number of bytes for people: 13.1 GB."""
    for unit, of in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= of:
            return f"{size / of:.1f} {unit}"
    return f"{size} bytes"


def waiting(why: str) -> None:
    """Say ``why`` the innermost piece of work in this process stands still: nothing where none is shown."""
    if _Counter.open:
        _Counter.open[-1].wait(why)


def read(text: str) -> Tick | None:
    """The tick that ``line`` wrote as ``text``, or None for any other line."""
    match = _LINE.match(text.rstrip())
    if match is None:
        return None
    total = match["total"]
    return Tick(
        match["what"], int(match["done"]), int(total) if total is not None else None, match["unit"], match["note"] or ""
    )


class Silent:
    """Shows nothing."""

    @contextmanager
    def bar(self, what: str, *, total: int | None, unit: str = "images") -> Iterator[Bar]:
        yield _Counter(lambda _tick, _seconds: None, Tick(what, 0, total, unit), every=float("inf"))

    def note(self, text: str) -> None: ...


class Lines:
    """Plain lines for pipes and logs: the first after ``every`` seconds of work, one at the end of longer work."""

    def __init__(self, say: Callable[[str], None], *, every: float | None = None) -> None:
        self.say = say
        self.every = every if every is not None else float(os.environ.get("TLTPIPE_PROGRESS_SECONDS", "5"))

    @contextmanager
    def bar(self, what: str, *, total: int | None, unit: str = "images") -> Iterator[Bar]:
        counter = _Counter(
            lambda tick, seconds: self.say(line(tick, seconds)), Tick(what, 0, total, unit), every=self.every
        )
        with counter.opened():
            yield counter

    def note(self, text: str) -> None:
        self.say(text)


class Terminal:
    """Rich bars with amount, rate and ETA; imports rich when the first bar opens."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self.stream = stream or sys.stderr

    @contextmanager
    def bar(self, what: str, *, total: int | None, unit: str = "images") -> Iterator[Bar]:
        from rich import progress as bars
        from rich.console import Console

        columns = (
            bars.TextColumn("[bold]{task.description}"),
            bars.BarColumn(bar_width=None),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[unit]}"),
            bars.TextColumn("{task.fields[rate]}"),
            bars.TimeRemainingColumn(compact=True),
            bars.TextColumn("[dim]{task.fields[note]}"),
        )
        with bars.Progress(*columns, console=Console(file=self.stream), expand=True) as display:
            task = display.add_task(what, total=total, unit=unit, rate="", note="")

            def show(tick: Tick, seconds: float) -> None:
                rate = f"{tick.done / seconds:.1f}/s" if seconds > 0 else ""
                display.update(task, completed=tick.done, rate=rate, note=tick.note)

            counter = _Counter(show, Tick(what, 0, total, unit), every=0.1)
            with counter.opened():
                yield counter

    def note(self, text: str) -> None:
        print(harmless(text), file=self.stream, flush=True)


def for_stream(stream: IO[str] | None = None) -> Progress:
    """Bars where ``stream`` (standard error by default) is a terminal, plain lines where it is not."""
    stream = stream or sys.stderr
    if stream.isatty():
        return Terminal(stream)
    return Lines(lambda text: print(harmless(text), file=stream, flush=True))


class _Counter:
    """Counts and calls ``show`` at most once in ``every`` seconds."""

    open: ClassVar[list[_Counter]] = []
    """Those that have not ended, the innermost last."""

    def __init__(self, show: Callable[[Tick, float], None], tick: Tick, *, every: float) -> None:
        self.show, self.tick, self.every = show, tick, every
        self.start = self.last = time.monotonic()
        self.shown = False

    def advance(self, amount: int = 1, note: str = "") -> None:
        tick = self.tick
        self.tick = Tick(tick.what, tick.done + amount, tick.total, tick.unit, note or tick.note)
        now = time.monotonic()
        if now - self.last >= self.every:
            self.last, self.shown = now, True
            self.show(self.tick, now - self.start)

    def wait(self, why: str) -> None:
        """Show ``why`` nothing comes, once."""
        self.shown = True
        self.show(replace(self.tick, note=why), time.monotonic() - self.start)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Shown to the end of the block, and its end where that is a good one."""
        self.open.append(self)
        try:
            yield
        finally:
            self.open.remove(self)
        if self.shown or self.every <= 0.1:
            self.show(self.tick, time.monotonic() - self.start)
