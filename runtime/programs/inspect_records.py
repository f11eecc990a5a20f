"""tlt-tfrecords: what is in TFRecord files, whether every check sum fits, records as JSON, some drawn."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runtime.shell import mounts, program
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from converters.inspection import Report
    from converters.inspection.tables import Table
    from converters.statistics.viewing import Viewed

_NUMBER = re.compile(r"[\d,]*")


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments))


def parser() -> argparse.ArgumentParser:
    parser = program.Parser("tlt-tfrecords", description="List, verify, print and draw the records of TFRecord files.")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or a glob; exit code 3 if damaged")
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    parser.add_argument(
        "--records",
        nargs="?",
        type=_count,
        const=0,
        metavar="N",
        help="print the first N records (all without N), each as one line of JSON, and no more",
    )
    parser.add_argument("--draw", metavar="DIR", help="draw some pictures with their boxes into this folder")
    parser.add_argument("--images", metavar="ROOT", help="folder that frame ids begin in; looked for without")
    parser.add_argument("--count", type=_count, default=24, metavar="N", help="how many to draw (24)")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Answer what was asked for; raises DataError for damaged records when all else is told."""
    from converters import inspection
    from tltpipe.progress import for_stream

    if arguments.records is not None and arguments.draw:
        raise UsageError("--records and --draw: one at a time")
    paths = inspection.find([mounts.host_text(path) for path in arguments.paths])
    if arguments.records is not None:
        _print(paths, arguments.records or None)
        return
    out = program.host(arguments.draw) if arguments.draw else None
    if out is not None:
        from converters.statistics.viewing import vacant

        vacant(out)  # said before the long look, not after it
    report = inspection.inspect(paths, progress=for_stream(), choose=arguments.count if out else 0)
    if not arguments.json:
        _show(report)
    viewed = None
    if out is not None:
        from converters.inspection.drawing import draw

        images = program.host(arguments.images) if arguments.images else None
        viewed = draw(report, out, progress=for_stream(), images=images)
    _conclude(report, viewed, arguments)


def _print(paths: Sequence[Any], count: int | None) -> None:
    from converters.inspection.lines import lines

    for line in lines(paths, count=count):
        program.say(line)


def _show(report: Report) -> None:
    from converters.inspection.tables import tables

    for each in tables(report):
        for line in [each] if isinstance(each, str) else _aligned(each):
            program.say(line)


def _conclude(report: Report, viewed: Viewed | None, arguments: argparse.Namespace) -> None:
    if arguments.json:
        program.say(json.dumps(report.as_json() | ({"drawn": viewed.as_json()} if viewed else {}), indent=2))
    elif viewed is not None:
        for line in viewed.lines(program.host(arguments.draw)):
            program.say(line)
    if problem := report.problem():
        raise problem


def _aligned(table: Table) -> list[str]:
    """The lines of ``table``; columns of numbers stand to the right."""
    columns = []
    for cells in zip(table.columns, *table.rows, strict=True):
        width, number = max(map(len, cells)), all(_NUMBER.fullmatch(cell) for cell in cells[1:])
        columns.append([cell.rjust(width) if number else cell.ljust(width) for cell in cells])
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of records; paths come first")
    return int(text)
