"""What is in files of records: counts, classes, sizes, whether every check sum fits; records as JSON; some as pictures.

One pass, record by record: memory does not grow with their number. Any TFRecord file of Examples will do; of those that
tlt-dataset-convert writes, more can be told.
"""

from __future__ import annotations

import heapq
import os
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from converters.files import listing
from converters.inspection.facts import LAYOUTS, Facts, Layout, facts
from converters.tfrecords import records
from converters.transfer.selection import rank
from tltpipe import inputs
from tltpipe.errors import DataError
from tltpipe.progress import Bar, Progress

__all__ = ["LAYOUTS", "Damage", "File", "Layout", "Report", "Tally", "find", "good", "inspect"]

Key = TypeVar("Key", bound=Hashable)

LIMIT = 10_000
"""Different classes, sizes and features that are counted each by itself."""
EXAMPLES = 5
"""Records that are no frames, and are told with their place."""


class Tally(Generic[Key]):
    """Counts things by name; beyond ``LIMIT`` different ones, all further ones together as ``others``."""

    def __init__(self) -> None:
        self.counts: Counter[Key] = Counter()
        self.others = 0

    def add(self, key: Key, amount: int = 1) -> None:
        if key in self.counts or len(self.counts) < LIMIT:
            self.counts[key] += amount
        else:
            self.others += amount


@dataclass(frozen=True)
class Damage:
    """Where a file stops to be good: ``byte`` is the offset of the damaged record."""

    byte: int
    what: str
    hint: str | None


@dataclass
class File:
    """One file of records, as far as it is good."""

    path: Path
    bytes: int
    records: int = 0
    objects: int = 0
    damage: Damage | None = None


@dataclass(frozen=True)
class Place:
    """A record: the number of its file in ``Report.files``, and its byte offset there."""

    file: int
    offset: int


@dataclass
class Report:
    """What was found. ``odd`` are the first records that are no frames, with the reason; ``chosen`` those to draw."""

    files: list[File] = field(default_factory=list)
    layouts: dict[Layout, int] = field(default_factory=lambda: dict.fromkeys(LAYOUTS, 0))
    objects: Tally[str] = field(default_factory=Tally)
    showing: Tally[str] = field(default_factory=Tally)
    """Records that hold the class at all."""
    sizes: Tally[tuple[int, int]] = field(default_factory=Tally)
    features: Tally[tuple[str, str]] = field(default_factory=Tally)
    odd: list[tuple[Place, str]] = field(default_factory=list)
    chosen: list[Place] = field(default_factory=list)

    @property
    def records(self) -> int:
        return sum(file.records for file in self.files)

    @property
    def empty(self) -> list[File]:
        """Files of no bytes: shards for which there were too few frames."""
        return [file for file in self.files if not file.bytes and file.damage is None]

    @property
    def damaged(self) -> list[tuple[File, Damage]]:
        return [(file, file.damage) for file in self.files if file.damage is not None]

    def problem(self) -> DataError | None:
        """The error that an inspection ends with: the first damage; None where every check sum fits."""
        if not self.damaged:
            return None
        file, damage = self.damaged[0]
        others = len(self.damaged) - 1
        more = f"; {others:,} more damaged file{'s' if others > 1 else ''}" if others else ""
        return DataError(f"{damage.what}; {before(file.records)}{more}", where=file.path, hint=damage.hint)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "files": [_file(file) for file in self.files],
            "records": self.records,
            "objects": sum(file.objects for file in self.files),
            "bytes": sum(file.bytes for file in self.files),
            "empty": [str(file.path) for file in self.empty],
            "damaged": len(self.damaged),
            "layouts": dict(self.layouts),
            "classes": {
                name: {"objects": count, "records": self.showing.counts[name]}
                for name, count in sorted(self.objects.counts.items())
            },
            "sizes": [
                {"width": width, "height": height, "records": count}
                for (width, height), count in self.sizes.counts.most_common()
            ],
            "features": _features(self.features.counts),
            "others": {key: getattr(self, key).others for key in ("objects", "sizes", "features")},
            "no_frames": [
                {"path": str(self.files[place.file].path), "byte": place.offset, "what": f"the record {what}"}
                for place, what in self.odd
            ],
        }


def find(patterns: Sequence[Path | str]) -> list[Path]:
    """The record files that ``patterns`` name: files, globs, folders, or folders of such folders (one for each split).

    Raises DataError where there is none.
    """
    found = (path for pattern in patterns for path in _files(pattern))
    return list(dict.fromkeys(found))


def inspect(paths: Sequence[Path], *, progress: Progress, choose: int = 0) -> Report:
    """Read the record files ``paths`` and verify every check sum; ``choose`` so many frames to draw.

    A damaged file is told in the report, as far as it is good. The choice is the same on every machine.
    """
    report, choice = Report([File(path, _bytes(path)) for path in paths]), _Choice(choose)
    with progress.bar("inspect", total=sum(file.bytes for file in report.files), unit="bytes") as bar:
        for number, file in enumerate(report.files):
            _walk(report, number, file, choice, bar)
    report.chosen = choice.places()
    return report


def good(path: Path) -> Iterator[tuple[int, bytes]]:
    """The records of ``path`` with their byte offsets; the DataError of a damaged one says how many are good."""
    count = 0
    try:
        for offset, data in records.read_offsets(path):
            yield offset, data
            count += 1
    except DataError as problem:
        raise DataError(f"{problem.what}; {before(count)}", where=path, hint=problem.hint) from None


def before(count: int) -> str:
    match count:
        case 0:
            return "nothing before it"
        case 1:
            return "the record before it is good"
        case _:
            return f"the {count:,} records before it are good"


def _walk(report: Report, number: int, file: File, choice: _Choice, bar: Bar) -> None:
    end = 0
    try:
        for offset, data in records.read_offsets(file.path):
            end = offset + len(data) + records.FRAMING
            _count(report, file, Place(number, offset), facts(data), choice)
            bar.advance(end - offset)
    except DataError as problem:
        file.damage = Damage(end, problem.what, problem.hint)
        bar.advance(max(0, file.bytes - end))


def _count(report: Report, file: File, place: Place, found: Facts, choice: _Choice) -> None:
    file.records += 1
    report.layouts[found.layout] += 1
    for feature in found.kinds.items():
        report.features.add(feature)
    if found.problem is not None:
        if len(report.odd) < EXAMPLES:
            report.odd.append((place, found.problem))
        return
    file.objects += len(found.classes)
    report.sizes.add(found.size)
    for name, count in Counter(found.classes).items():
        report.objects.add(name, count)
        report.showing.add(name)
    choice.offer(found.id, place)


class _Choice:
    """Keeps the ``count`` frames whose ids rank first."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._heap: list[tuple[int, int, int]] = []

    def offer(self, id: str, place: Place) -> None:
        if not self._count:
            return
        entry = (-int.from_bytes(rank(id)), -place.file, -place.offset)  # the heap holds the last on top
        if len(self._heap) < self._count:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def places(self) -> list[Place]:
        """In the order of files and of records in them."""
        return [Place(file, offset) for file, offset in sorted((-file, -offset) for _, file, offset in self._heap)]


def _files(pattern: Path | str) -> list[Path]:
    folder = Path(pattern)
    if not folder.is_dir():
        return records.shards(pattern)
    inner = (
        Path(entry.path) for entry in os.scandir(folder) if inputs.is_folder(entry) and not entry.name.startswith(".")
    )
    for found in (_shards(folder), [path for each in sorted(inner) for path in _shards(each)]):
        if found:
            return found
    return records.shards(folder)  # says what is missing


def _shards(folder: Path) -> list[Path]:
    try:
        found = records.shards(folder)
    except DataError:
        return []
    return [path for path in found if path.suffix[1:].lower() not in listing.PICTURES]


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # is told when it is opened
        return 0


def _file(file: File) -> dict[str, Any]:
    damage = {"byte": file.damage.byte, "what": file.damage.what} if file.damage is not None else None
    counts = {"bytes": file.bytes, "records": file.records, "objects": file.objects}
    return {"path": str(file.path), **counts, "damage": damage}


def _features(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (name, kind), count in sorted(counts.items()):
        found.setdefault(name, {})[kind] = count
    return found
