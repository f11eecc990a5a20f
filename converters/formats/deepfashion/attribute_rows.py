"""The large file of DeepFashion, a row of 1, -1 and 0 for each image: read once, in blocks, into bits.

Of a thousand values a handful is 1. Where all rows are written in three columns a value, as the published file is,
eight characters at a time are compared with those of a row of -1 alone, and only what differs is looked at. Blocks of
another shape are read value by value.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.formats.deepfashion import tables
from converters.formats.deepfashion.tables import NUMBERS, shown
from tltpipe import inputs
from tltpipe.errors import DataError, Location

BLOCK = 1 << 19
"""Bytes that are judged together: what stays in the cache of a core."""
REGIONS = 2
"""Parts of the file that are read at the same time, by threads: numpy lets go of the interpreter's lock."""
_WIDTH = 3  # characters of a value: blank, sign or blank, digit
_LONGEST = 1 << 20  # bytes of a row beyond what its values need
_FIRST = 3  # line of the first row, below the header


@dataclass
class Judged:
    """What is known of each image: bits [N, ceil(A / 8)] of attributes that it has, and of those that nobody judged.

    ``lines`` has the line of each in the file, 0 where there is none; ``problems`` says what is wrong with some.
    """

    path: Path
    yes: NDArray[np.uint8]
    unknown: NDArray[np.uint8]
    lines: NDArray[np.int32]
    problems: dict[int, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, path: Path, images: int, attributes: int) -> Judged:
        shape = images, -(-attributes // 8)
        return cls(path, np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.zeros(images, np.int32))


def places(bits: NDArray[np.uint8]) -> tuple[int, ...]:
    """Where in one row of bits those are that are set."""
    return tuple(np.flatnonzero(np.unpackbits(bits)).tolist())


def read(path: Path, names: Sequence[bytes], known: Mapping[bytes, int], attributes: int, listed: Path) -> Judged:
    """The file ``path``: a header of two lines, then a name and ``attributes`` values a row.

    ``names`` are those of all images, ``known`` their places; ``listed`` is the file that has them. What is wrong with
    the values of a row is told with its image. Raises DataError for a file that cannot be read, for a header that is
    not there or counts other rows, for images that are not listed, and for those that have two rows.
    """
    try:
        file = inputs.handle(path)
    except FileNotFoundError:
        raise DataError("this file is missing", where=path, hint=f"it belongs beside {listed.name}") from None
    try:
        head = os.pread(file, 4096, 0)
        count, begin = tables.header(head, path, "image_name")
        lengths = np.fromiter(map(len, names), np.int64, len(names))
        task = _Task(Judged.empty(path, len(names), attributes), file, names, lengths, known, attributes, listed)
        cuts = _cuts(file, begin, _end(file, os.fstat(file).st_size))
        regions = [_Region(task, start, stop) for start, stop in pairwise(cuts)]
        with ThreadPoolExecutor(REGIONS) as pool:
            list(pool.map(_Region.run, regions))
    finally:
        os.close(file)
    _settle(task, regions, count)
    return task.judged


def judge_rows(rows: tables.Rows, attributes: int) -> Judged:
    """A file without names, in the order of the images, in which 1 is yes and 0 is no."""
    judged = Judged.empty(rows.path, len(rows), attributes)
    for row in range(len(rows)):
        judged.lines[row] = rows.first + row
        values = rows.text(row).split()
        if what := _wrong(values, attributes, (b"0", b"1")):
            judged.problems[row] = what
        else:
            _set(judged.yes, row, [place for place, value in enumerate(values) if value == b"1"])
    return judged


@dataclass(frozen=True)
class _Task:
    """What all regions share; each writes the rows of its own images alone."""

    judged: Judged
    file: int
    names: Sequence[bytes]
    lengths: NDArray[np.int64]
    known: Mapping[bytes, int]
    attributes: int
    listed: Path


def _settle(task: _Task, regions: Sequence[_Region], count: int) -> None:
    """Give each image its line; raise the first error that is about the file."""
    judged, images = task.judged, np.zeros(0, np.int64)
    for region in regions:
        images = np.concatenate((images, np.frombuffer(region.images, np.int64)))
        if region.stopped is not None:
            what, where = region.stopped, Location(judged.path, _FIRST + len(images))
            raise DataError(what, where=where, hint="correct or remove this row")
    for image in np.flatnonzero(np.bincount(images) > 1)[:1].tolist():
        first, twice, *_ = np.flatnonzero(images == image).tolist()
        what = f"a second row for {shown(task.names[image])}: the first is line {_FIRST + first}"
        raise DataError(what, where=Location(judged.path, _FIRST + twice), hint="remove one of the two")
    if len(images) != count:
        raise tables.other_count(judged.path, count, len(images))
    judged.lines[images] = np.arange(_FIRST, _FIRST + len(images))


def _end(file: int, size: int) -> int:
    """Where the last row ends: blank lines behind it are none."""
    while size and not (tail := os.pread(file, 1 << 12, max(0, size - (1 << 12)))[: min(size, 1 << 12)]).rstrip():
        size -= len(tail)
    return size - len(tail) + len(tail.rstrip()) if size else 0


def _cuts(file: int, begin: int, size: int) -> list[int]:
    """Where regions begin, each at the start of a row, and the end of the file."""
    cuts = [begin]
    for number in range(1, REGIONS):
        place = begin + (size - begin) * number // REGIONS
        while (ahead := os.pread(file, BLOCK, place)) and b"\n" not in ahead:
            place += len(ahead)
        place += ahead.find(b"\n") + 1 if ahead else 0
        if place > cuts[-1]:
            cuts.append(place)
    return [*cuts, size] if size > cuts[-1] else cuts


class _Region:
    """A part of the file, read from its ``start`` to its ``stop``."""

    def __init__(self, task: _Task, start: int, stop: int) -> None:
        self.task, self.start, self.stop = task, start, stop
        self.images = array("q")
        """The place of the image of each row."""
        self.stopped: str | None = None
        """Why the row behind the last of those could not be read."""

    def run(self) -> None:
        buffer = bytearray(BLOCK + _LONGEST + _WIDTH * self.task.attributes)
        shape = _Shape(buffer, self.task.attributes)
        for length in self._blocks(buffer):
            rows = shape.rows(length)
            if rows is None or not self._compared(shape, rows):
                self._parsed(bytes(buffer[:length]))
            if self.stopped is not None:
                return

    def _blocks(self, buffer: bytearray) -> Iterator[int]:
        """Fill ``buffer`` with whole rows; yields how many bytes they have."""
        view, at, held = memoryview(buffer), self.start, 0
        while at < self.stop:
            room = min(BLOCK, self.stop - at, len(buffer) - held)
            taken = os.preadv(self.task.file, [view[held : held + room]], at)
            if not taken:
                self.stopped = "the file became shorter" if room else "this row is too long"
                return
            at, held = at + taken, held + taken
            whole = held if at >= self.stop else buffer.rfind(b"\n", 0, held) + 1
            if whole:
                yield whole
                buffer[: held - whole] = buffer[whole:held]
                held -= whole

    def _compared(self, shape: _Shape, rows: _Fixed) -> bool:
        """Take ``rows`` of fixed width; False, and nothing is taken, where something about them is odd."""
        first = self.task.known.get(shape.first_name(rows), -1)
        own = slice(first, first + len(rows.starts))
        if first < 0 or not shape.named(rows, self.task.names[own], self.task.lengths[own]):
            return False
        found = shape.differing(rows)
        if found is None:
            return False
        row, attribute, is_yes = found
        for bits, those in ((self.task.judged.yes, is_yes), (self.task.judged.unknown, ~is_yes)):
            if those.any():
                place = attribute[those]
                at = (first + row[those]) * bits.shape[1] + (place >> 3)
                np.add.at(bits.reshape(-1), at, (128 >> (place & 7)).astype(np.uint8))  # no bit twice; faster than or
        self.images.extend(range(own.start, own.stop))
        return True

    def _parsed(self, block: bytes) -> None:
        """The same, value by value."""
        judged, known = self.task.judged, self.task.known
        for line in block.splitlines():
            name, *values = line.split() or [b""]
            if name not in known and (match := NUMBERS.fullmatch(line)) is not None:
                name, values = match[1], match[2].split()
            if name not in known:
                self.stopped = f"{shown(name)} is not listed in {self.task.listed.name}"
                return
            place = known[name]
            self.images.append(place)
            if what := _wrong(values, self.task.attributes, (b"1", b"-1", b"0")):
                judged.problems[place] = what
                continue
            _set(judged.yes, place, [at for at, value in enumerate(values) if value == b"1"])
            _set(judged.unknown, place, [at for at, value in enumerate(values) if value == b"0"])


def _wrong(values: Sequence[bytes], attributes: int, known: Sequence[bytes]) -> str | None:
    if len(values) != attributes:
        return f"this row has {len(values):,} values, but there are {attributes:,} attributes"
    odd = next((value for value in values if value not in known), None)
    return f"{shown(odd)} is none of {b', '.join(known).decode()}" if odd is not None else None


def _set(bits: NDArray[np.uint8], row: int, at: Sequence[int]) -> None:
    for place in at:
        bits[row, place >> 3] |= 128 >> (place & 7)


@dataclass(frozen=True)
class _Fixed:
    """Where rows start in a block, and where their values end."""

    starts: list[int]
    ends: NDArray[np.int64]


class _Shape:
    """The values of a row in columns of fixed width, as whole words of eight bytes that end where the row does."""

    def __init__(self, buffer: bytearray, attributes: int) -> None:
        self.buffer, self.attributes = buffer, attributes
        self.width = _WIDTH * attributes
        words = -(-self.width // 8)
        self.lead = 8 * words - self.width
        self.usual = np.frombuffer(b"\0" * self.lead + b" -1" * attributes, np.uint8)
        self.windows = np.ndarray((len(buffer) - 8 * words + 1,), f"V{8 * words}", buffer, 0, (1,))

    def rows(self, length: int) -> _Fixed | None:
        """The rows in the first ``length`` bytes; None where they cannot be of fixed width."""
        find, width, trailing = self.buffer.find, self.width, self._trailing(length)
        starts, ends = [0], []
        while (end := find(b"\n", starts[-1] + width, length)) >= 0:
            ends.append(end - trailing)
            starts.append(end + 1)
        if starts[-1] == length:
            del starts[-1]
        elif starts[-1] + width < length and self.buffer[length - 1] != ord("\n"):  # the last row of the file
            ends.append(length - trailing)
        if len(ends) < len(starts) or ends[0] < self.width + self.lead:
            return None
        return _Fixed(starts, np.array(ends))

    def first_name(self, rows: _Fixed) -> bytes:
        """What stands before the values of the first row."""
        return bytes(self.buffer[rows.starts[0] : int(rows.ends[0]) - self.width].rstrip())

    def named(self, rows: _Fixed, names: Sequence[bytes], lengths: NDArray[np.int64]) -> bool:
        """Whether before the values there are ``names``, so long, and nothing but blanks between."""
        if len(names) < len(rows.starts) or not all(map(self.buffer.startswith, names, rows.starts)):
            return False
        values = rows.ends - self.width
        gaps = values - lengths - np.array(rows.starts)
        most = int(gaps.max())
        if gaps.min() < 0 or most > int(values[0]):
            return False
        columns = np.arange(most)
        between = np.frombuffer(self.buffer, np.uint8)[values[:, None] - most + columns]
        return bool(((between == ord(" ")) | (columns < most - gaps[:, None])).all())

    def _trailing(self, length: int) -> int:
        """Blanks at the end of the first row."""
        end = self.buffer.find(b"\n", 0, length)
        first = self.buffer[: end if end >= 0 else length]
        return len(first) - len(first.rstrip())

    def differing(self, rows: _Fixed) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]] | None:
        """Of each value that is not -1: its row, its column, and whether it is 1 (else 0). None for anything else."""
        found = self.windows[rows.ends - self.width - self.lead]
        chars = found.view(np.uint8).reshape(len(rows.ends), -1)
        chars[:, : self.lead] = 0
        words, usual = chars.view(np.uint64), self.usual.view(np.uint64)
        odd = np.flatnonzero(words != usual)
        row, word = np.divmod(odd, len(usual))
        other = np.flatnonzero((words.ravel()[odd] ^ usual[word]).view(np.uint8))
        row, column = row[other >> 3], 8 * word[other >> 3] + (other & 7)
        value, part = np.divmod(column - self.lead, _WIDTH)
        character = chars[row, column]
        sign, digit = part == 1, part == 2
        # A sign that is none stands before 1 or 0; a digit that is not 1 is 0, and has no sign.
        if not ((sign & (character == 32)) | (digit & (character == 48))).all():
            return None
        ones = chars[row[sign], self.lead + _WIDTH * value[sign] + 2] == 49
        if int(digit.sum()) != int((~ones).sum()):
            return None  # -0
        return row[sign], value[sign], ones
