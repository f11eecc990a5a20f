"""Tables that fit their screen: what tells rows apart is never cut.

Bars go first, then gaps, then long texts fold, then names; where not even that is enough, each row becomes a block with
a line for every column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

NUMBER = re.compile(r"-?[\d,]+(\.\d+)?( ?%)?|-?")
BAR = re.compile("[ ▏▎▍▌▋▊▉█]*")
LEAST_TEXT, LEAST_NAME = 14, 10
"""Columns that a text, and a name in the first column, keep at least, if it has so many."""
WIDE, NARROW = 2, 1
"""Blanks between columns."""


@dataclass(frozen=True)
class Layout:
    """The numbers of the columns that are shown, their widths, and the blanks between them."""

    shown: tuple[int, ...]
    widths: tuple[int, ...]
    gap: int


def fitted(titles: Sequence[str], rows: Sequence[Sequence[Text]], width: int) -> RenderableType:
    """``rows`` under ``titles`` in ``width`` columns. Columns of numbers stand to the right."""
    from rich.console import Group

    plain = [[cell.plain for cell in row] for row in rows]
    chosen = layout(titles, plain, width)
    if chosen is None:
        return Group(*_blocks(titles, rows))
    table = _empty(gap=chosen.gap)
    for number, wide in zip(chosen.shown, chosen.widths, strict=True):
        numbers = bool(rows) and _is_number([row[number] for row in plain])
        justify = "right" if numbers else "left"
        table.add_column(titles[number], justify=justify, width=wide, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(row[number] for number in chosen.shown))
    return table


def layout(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Layout | None:
    """How a table fits into ``width`` columns; None where it does not."""
    every = tuple(range(len(titles)))
    columns = [[row[number] for row in rows] for number in every]
    natural = [max(_length(text) for text in (title, *cells)) for title, cells in zip(titles, columns, strict=True)]
    plain = tuple(n for n in every if titles[n] or not all(BAR.fullmatch(cell) for cell in columns[n])) or every
    for shown, gap in ((every, WIDE), (plain, WIDE), (plain, NARROW)):
        widths = tuple(natural[number] for number in shown)
        if _total(widths, gap) <= width:
            return Layout(shown, widths, gap)
    texts = [number for number in plain[1:] if not _is_number(columns[number])]
    for names in ([], [plain[0]]):
        for gap in (WIDE, NARROW):
            least = dict.fromkeys(texts, LEAST_TEXT) | dict.fromkeys(names, LEAST_NAME)
            shrunk = _shrunk({number: natural[number] for number in plain}, least, width - gap * (len(plain) - 1))
            if shrunk is not None:
                return Layout(plain, tuple(shrunk.values()), gap)
    return None


def _shrunk(widths: dict[int, int], least: dict[int, int], room: int) -> dict[int, int] | None:
    """``widths`` made to fit ``room`` by taking from the widest of those that may be narrower; None if they cannot."""
    widths = dict(widths)
    while (over := sum(widths.values()) - room) > 0:
        able = [number for number, floor in least.items() if widths[number] > floor]
        if not able:
            return None
        widest = max(able, key=widths.__getitem__)
        second = max((widths[number] for number in able if number != widest), default=least[widest])
        step = max(1, min(over, widths[widest] - max(second, least[widest])))
        widths[widest] -= step
    return widths


def _blocks(titles: Sequence[str], rows: Sequence[Sequence[Text]]) -> Iterator[RenderableType]:
    """A block a row: its first cell, and below it what each column says."""
    for row in rows:
        name = row[0].copy()
        name.stylize("bold")
        yield name
        table = _empty(gap=NARROW)
        table.show_header = False
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold", ratio=1)
        for title, cell in zip(titles[1:], row[1:], strict=True):
            if cell.plain and not (not title and BAR.fullmatch(cell.plain)):
                table.add_row(f"  {title}", cell)
        if table.rows:
            yield table


def _empty(*, gap: int) -> Table:
    from rich.table import Table

    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _is_number(cells: Sequence[str]) -> bool:
    return all(NUMBER.fullmatch(cell) for cell in cells)


def _length(text: str) -> int:
    from rich.cells import cell_len

    return max((cell_len(line) for line in text.splitlines()), default=0)
