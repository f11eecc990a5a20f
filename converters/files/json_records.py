"""A JSON file of any size, record by record: one object, in which the bulk is in lists of objects.

Where records begin and end is found by their brackets, a window of the file at a time and without parsing it; the
reader parses what it wants of them, when it wants it. Memory does not grow with the file, time grows in step with it,
also for files made to be hard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from converters.files import json_file
from converters.files.json_document import AGAIN, CUT, WINDOW, Document
from tltpipe.errors import DataError

LONGEST = 8 << 20
"""Bytes of one record, or of one member kept whole; more cannot be meant."""

MEMBERS = 1000
"""So many members an object has at most whose bulk is in lists."""

DEPTH = 1000
"""Brackets in brackets: what parsers take."""

Offsets = NDArray[np.int64]

_TEXT = 1 << 20  # bytes of a member that is a string
_BLANK = b" \t\r\n"
_COMMA = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]*")


@dataclass(frozen=True)
class Structure:
    """The brackets and quotes of a text, in order.

    ``places`` are their offsets; ``opening`` is True for quotes that begin a string; ``steps`` are 1, -1 or, for quotes
    and for what is inside of strings, 0; ``depth`` counts the brackets that are open behind each. ``inside`` says
    whether the text ends within a string.
    """

    places: Offsets
    opening: NDArray[np.bool_]
    steps: NDArray[np.int8]
    depth: NDArray[np.int32]
    inside: bool

    @staticmethod
    def of(text: bytes, *, depth: int = 0, inside: bool = False) -> Structure:
        """That of ``text``, which begins ``depth`` brackets deep, or inside of a string."""
        codes = np.frombuffer(text, np.uint8)
        # [ ] { } differ in three bits; so do some letters, which are sorted out below.
        places = np.flatnonzero((codes == 34) | ((codes & 0xD9) == 0x59))
        kinds = codes[places]
        quotes = kinds == 34
        if b"\\" in text:
            quotes &= ~_escaped(codes, places)
        strings = np.logical_xor.accumulate(quotes) ^ inside
        steps = np.where(strings, np.int8(0), _STEPS[kinds])
        ends_inside = bool(strings[-1]) if len(strings) else inside
        depths = np.cumsum(steps, dtype=np.int32) + np.int32(depth)
        return Structure(places, quotes & strings, steps, depths, ends_inside)


_STEPS = np.zeros(256, np.int8)
_STEPS[[ord("["), ord("{")]] = 1
_STEPS[[ord("]"), ord("}")]] = -1


def _escaped(codes: NDArray[np.uint8], places: Offsets) -> NDArray[np.bool_]:
    """Which of ``places`` come behind an odd number of backslashes."""
    slashes = np.flatnonzero(codes == 92)
    first = np.concatenate(([True], np.diff(slashes) != 1))
    starts = np.maximum.accumulate(np.where(first, slashes, 0))
    before = np.searchsorted(slashes, places) - 1
    directly = (before >= 0) & (slashes[before] == places - 1)
    odd: NDArray[np.bool_] = directly & ((places - starts[before]) % 2 == 1)
    return odd


@dataclass(frozen=True)
class Piece:
    """Some whole records that follow one another: ``text`` lies at ``at`` in the file, each from start to end in it."""

    document: Document
    at: int
    text: bytes
    starts: Offsets
    ends: Offsets
    structure: Structure

    @property
    def offsets(self) -> Offsets:
        """Where the records lie in the file."""
        return self.starts + self.at

    @property
    def lengths(self) -> NDArray[np.int32]:
        return (self.ends - self.starts).astype(np.int32)

    def parsed(self) -> list[dict[str, Any]]:
        """The records. Raises DataError with the place in the file."""
        try:
            records: list[dict[str, Any]] = orjson.loads(b"[%s]" % self.text[self.starts[0] : self.ends[-1]])
        except orjson.JSONDecodeError:
            ends = (self.ends + self.at).tolist()
            return [self.document.parse(*span) for span in zip(self.offsets.tolist(), ends, strict=True)]
        return records

    def integers(self, key: str) -> Offsets | None:
        """The member ``key`` of each record, without parsing them; None where that cannot be had for sure."""
        found = [(match.start(), match[1]) for match in _member(key).finditer(self.text, 0, int(self.ends[-1]))]
        if len(found) != len(self.starts):
            return None
        places = np.fromiter((place for place, _ in found), np.int64, len(found))
        order = np.searchsorted(self.structure.places, places)
        outermost = np.all(self.structure.depth[order] == 1) and self.structure.opening[order].all()
        if not (outermost and np.all(places > self.starts) and np.all(places < self.ends)):
            return None
        return np.array([number for _, number in found]).astype(np.int64)


@cache
def _member(key: str) -> re.Pattern[bytes]:
    return re.compile(rb'"%s"[ \t\r\n]*:[ \t\r\n]*(-?[0-9]{1,17})(?=[ \t\r\n,}])' % key.encode())


class Records:
    """The list of objects that begins at ``start``, a piece at a time; ``end`` is behind it once all are through."""

    def __init__(self, document: Document, start: int, name: str) -> None:
        self.document, self.start, self.name = document, start, name
        self.end = start

    def __iter__(self) -> Iterator[Piece]:
        at, window, gap = self.start, WINDOW, b""
        while True:
            text = self.document.read(at, window)
            structure = Structure.of(text)
            closing = _first(structure.depth < 0)
            steps, depth = structure.steps[:closing], structure.depth[:closing]
            places = structure.places[:closing]
            starts, ends = places[(steps == 1) & (depth == 1)], places[(steps == -1) & (depth == 0)] + 1
            starts = starts[: len(ends)]
            if len(ends):
                self._judge(at, text, starts, ends, gap)
                yield Piece(self.document, at, text, starts, ends, structure)
                gap = b","
            behind = int(ends[-1]) if len(ends) else 0
            if closing is not None:
                stop = int(structure.places[closing])
                if text[stop : stop + 1] != b"]" or text[behind:stop].strip(_BLANK):
                    raise self._no_object(at + behind)
                self.end = at + stop + 1
                return
            if at + len(text) >= self.document.size:
                raise self.document.error(CUT, self.document.size, hint=AGAIN)
            if not len(ends) and (window >= LONGEST or structure.depth.max(initial=0) > DEPTH):
                raise self.document.error(f"a record of {self.name} is larger than any can be", at)
            at, window = at + behind, WINDOW if len(ends) else 2 * window

    def _judge(self, at: int, text: bytes, starts: Offsets, ends: Offsets, gap: bytes) -> None:
        """Raises DataError when there is anything but objects, or anything but commas between them."""
        codes = np.frombuffer(text, np.uint8)
        wrong = np.flatnonzero((codes[starts] != 123) | (codes[ends - 1] != 125))
        if len(wrong):
            raise self._no_object(at + int(starts[wrong[0]]))
        if text[: starts[0]].strip(_BLANK) != gap:
            raise self._no_object(at)
        spans = zip(ends[:-1].tolist(), starts[1:].tolist(), strict=True)
        gaps = {text[a:b]: a for a, b in spans}
        for between, place in gaps.items():
            if not _COMMA.fullmatch(between):
                raise self._no_object(at + place)

    def _no_object(self, offset: int) -> DataError:
        """What the error is at ``offset``, or behind the comma there that may be."""
        if offset > self.start:
            offset = _blank(self.document, offset)
            offset += self.document.read(offset, 1) == b","
        offset = _blank(self.document, offset)
        return self.document.error(f'"{self.name}" must be a list of objects', offset, hint=HINT)


HINT = "objects in braces, with a comma between each two"


def scan(
    document: Document, *, lists: Mapping[str, Callable[[Records], None]], keep: Collection[str]
) -> dict[str, Any]:
    """Go through the file once: hand each of ``lists`` to its function, which goes through it; return what to ``keep``.

    Raises DataError with line and column for what is no JSON, or where one of ``lists`` is none.
    """
    kept: dict[str, Any] = {}
    seen: set[str] = set()
    at = _blank(document, _begin(document))
    if document.read(at, 1) == b"}" and _blank(document, at + 1) == document.size:
        return kept
    for _ in range(MEMBERS):
        at = _blank(document, at)
        key, at = _key(document, at)
        if key in seen:
            raise document.error(f'"{key}" is here twice', at)
        seen.add(key)
        if key in lists:
            if document.read(at, 1) != b"[":
                told = json_file.name(document.parse(at, _end(document, at)))
                raise document.error(f'"{key}" must be a list of objects, not {told}', at)
            records = Records(document, at + 1, key)
            lists[key](records)
            at = records.end
        else:
            end = _end(document, at)
            if key in keep and end - at > LONGEST:
                raise document.error(f'"{key}" is larger than it can be', at)
            if key in keep:
                kept[key] = document.parse(at, end)
            at = end
        at = _blank(document, at)
        mark = document.read(at, 1)
        at += 1
        if mark == b"}":
            if (at := _blank(document, at)) < document.size:
                raise document.error("not valid JSON: there is more behind its end", at)
            return kept
        if mark != b",":
            raise _broken(document, at - 1, "a comma or a closing brace is missing here")
    raise document.error("this object has more members than it can have", at)


def whole(document: Document, name: str) -> Iterator[Piece]:
    """The records of a file that is nothing but a list of objects, called ``name`` in messages. Raises DataError."""
    records = Records(document, _begin(document, b"["), name)
    yield from records
    if (at := _blank(document, records.end)) < document.size:
        raise document.error("not valid JSON: there is more behind its end", at)


def edges(document: Document, *, first: Collection[str], last: str, length: int = 4 << 20) -> dict[str, Any]:
    """Members at the two ends of a file, without what lies between: those before ``first`` and from ``last`` on.

    Only what certainly are members of the outermost object: cut there, the rest is an object again.
    """
    found: dict[str, Any] = {}
    names = "|".join(map(re.escape, first)).encode()
    head, tail = document.read(0, length).removeprefix(_BOM), document.read(max(0, document.size - length), length)
    bulk = re.search(rb',[ \t\r\n]*"(?:%s)"[ \t\r\n]*:' % names, head)
    place = tail.rfind(b'"%s"' % last.encode())
    for text in (head[: bulk.start()] + b"}" if bulk else b"", b"{" + tail[place:] if place >= 0 else b""):
        try:
            found |= orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
    return found


_BOM = b"\xef\xbb\xbf"


def _begin(document: Document, opening: bytes = b"{") -> int:
    """Behind the bracket that opens the file."""
    start = document.read(0, 3)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError("this file is not UTF-8 text", where=document.path, hint="save it as UTF-8")
    at = _blank(document, len(_BOM) if start == _BOM else 0)
    mark = document.read(at, 1)
    if not mark:
        raise DataError("this file is empty", where=document.path, hint=AGAIN)
    if mark != opening:
        kinds = {b"{": "an object", b"[": "a list", b'"': "a string"}
        if mark not in kinds:
            raise document.error("this is no JSON", at)
        needed = "a JSON object" if opening == b"{" else "a JSON list"
        raise DataError(f"{needed} is needed here, not {kinds[mark]}", where=document.path)
    return at + 1


def _key(document: Document, at: int) -> tuple[str, int]:
    """The key at ``at``, and where its value begins."""
    match = _STRING.match(document.read(at, 4096))
    if match is None:
        raise _broken(document, at, "the name of a member is missing here")
    colon = _blank(document, at + match.end())
    if document.read(colon, 1) != b":":
        raise _broken(document, colon, "a colon is missing here")
    return document.parse(at, at + match.end()), _blank(document, colon + 1)


def _blank(document: Document, at: int) -> int:
    """The first place from ``at`` on that is not blank."""
    window = 64
    while text := document.read(at, window):
        rest = text.lstrip(_BLANK)
        at += len(text) - len(rest)
        if rest:
            break
        window = WINDOW
    return at


def _end(document: Document, at: int) -> int:
    """Where the value at ``at`` ends."""
    mark = document.read(at, 1)
    if mark not in (b"[", b"{"):
        match = _STRING.match(document.read(at, _TEXT)) if mark == b'"' else _SCALAR.match(document.read(at, 64))
        if match is None or not match[0]:
            raise _broken(document, at, "a value is missing here")
        return at + match.end()
    depth, inside = 0, False
    while text := document.read(at, WINDOW):
        # A backslash at the end may belong to what comes next.
        text = text.rstrip(b"\\") or text
        structure = Structure.of(text, depth=depth, inside=inside)
        closing = _first((structure.depth == 0) & (structure.steps == -1))
        if closing is not None:
            return at + int(structure.places[closing]) + 1
        depth = int(structure.depth[-1]) if len(structure.depth) else depth
        inside = structure.inside
        at += len(text)
    raise document.error(CUT, document.size, hint=AGAIN)


def _broken(document: Document, at: int, what: str) -> DataError:
    if at >= document.size:
        return document.error(CUT, document.size, hint=AGAIN)
    return document.error(f"not valid JSON: {what}", at)


def _first(flags: NDArray[np.bool_]) -> int | None:
    """The index of the first that is set."""
    place = int(np.argmax(flags)) if len(flags) else 0
    return place if len(flags) and flags[place] else None
