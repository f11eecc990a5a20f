"""A report for people: lines and tables, narrow enough for a terminal, harmless to one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from converters.inspection import LAYOUTS, File, Report

SIZES = 10
"""Frame sizes shown, the most frequent first."""
CLASSES = 100
FEATURES = 100


class Table(NamedTuple):
    """Cells are text already; a column of numbers stands to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(report: Report) -> Iterator[str | Table]:
    """What there is, file by file and in all; "" is an empty line."""
    top = common([file.path for file in report.files])
    yield _harmless(str(top))
    rows = [_file_row(file, top) for file in report.files]
    if len(rows) > 1:
        rows.append(("all", *_counts(report.files), ""))
    yield Table(("file", "records", "objects", "bytes", ""), rows)
    yield from _classes(report)
    yield from _sizes(report)
    if report.layouts["other"]:
        yield from _features(report)
    yield ""
    yield from (f"{count:,} {layout}: {LAYOUTS[layout]}" for layout, count in report.layouts.items() if count)
    for place, what in report.odd:
        yield _harmless(f"no frame: {report.files[place.file].path}: the record at byte {place.offset} {what}")
    if report.empty:
        yield f"{_many(len(report.empty), 'empty file')}: fewer frames than shards"
    if not report.damaged:
        yield f"every check sum fits, in {_many(report.records, 'record')} of {_many(len(report.files), 'file')}"


def common(paths: Sequence[Path]) -> Path:
    """The folder that holds all of ``paths``."""
    return Path(os.path.commonpath([os.path.abspath(path.parent) for path in paths]))


def below(path: Path, top: Path) -> str:
    """``path`` as seen from the folder ``top``."""
    return os.path.relpath(os.path.abspath(path), top)


def _file_row(file: File, top: Path) -> tuple[str, ...]:
    state = "" if file.bytes else "empty"
    if file.damage is not None:
        state = f"damaged at byte {file.damage.byte}"
    return _harmless(below(file.path, top)), *_counts([file]), state


def _counts(files: Sequence[File]) -> tuple[str, str, str]:
    columns = ((file.records, file.objects, file.bytes) for file in files)
    records, objects, size = (f"{sum(column):,}" for column in zip(*columns, strict=True))
    return records, objects, size


def _classes(report: Report) -> Iterator[str | Table]:
    if not report.objects.counts:
        return
    showing = report.showing.counts
    found = sorted(report.objects.counts.items())
    rows = [(_harmless(name), f"{count:,}", f"{showing[name]:,}") for name, count in found[:CLASSES]]
    if report.objects.others or len(found) > CLASSES:
        rest = sum(count for _, count in found[CLASSES:]) + report.objects.others
        rows.append(("(further classes)", f"{rest:,}", ""))
    yield from ("", Table(("class", "objects", "in records"), rows))


def _sizes(report: Report) -> Iterator[str | Table]:
    if not report.sizes.counts:
        return
    found = report.sizes.counts.most_common()
    rows = [(f"{width} x {height}", f"{count:,}") for (width, height), count in found[:SIZES]]
    if report.sizes.others or len(found) > SIZES:
        rest = sum(count for _, count in found[SIZES:]) + report.sizes.others
        rows.append(("(further sizes)", f"{rest:,}"))
    yield from ("", Table(("frame size", "records"), rows))


def _features(report: Report) -> Iterator[str | Table]:
    """The features of records that nobody knows."""
    found = sorted(report.features.counts.items())
    rows = [(_harmless(name), kind, f"{count:,}") for (name, kind), count in found[:FEATURES]]
    if report.features.others or len(found) > FEATURES:
        rows.append(("(further features)", "", ""))
    if rows:
        yield from ("", Table(("feature", "kind", "records"), rows))


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _harmless(text: str) -> str:
    """Text that commands no terminal and breaks no line, whatever the records hold."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
