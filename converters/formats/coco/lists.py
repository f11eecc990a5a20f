"""The lists of a COCO file, record by record: read without judging them, and written while they grow."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import orjson

from converters.formats.coco.records import Record
from tltpipe.files import new_file

if TYPE_CHECKING:
    from converters.files.json_records import Records


JOINT = b",\n"


def walk(path: Path, *, keep: Collection[str] = (), **lists: Callable[[Record], object]) -> dict[str, Any]:
    """Hand each record of ``lists`` to its function; returns the members to ``keep``. Raises DataError."""

    from converters.files import json_document, json_records  # numpy, which writing does without

    def through(records: Records) -> None:
        for piece in records:
            for record in piece.parsed():
                lists[records.name](record)

    return json_records.scan(json_document.opened(path), lists=dict.fromkeys(lists, through), keep=keep)


class Lists(NamedTuple):
    """The lists of a file that is being written: functions that append records of JSON, whole or in pieces, each behind
    the ``JOINT`` of a list."""

    images: Callable[[Iterable[bytes]], object]
    annotations: Callable[[Iterable[bytes]], object]


@contextmanager
def written(path: Path, head: bytes, categories: Callable[[], Any]) -> Iterator[Lists]:
    """Write the file ``path``, which begins with the object ``head``, still open, and ends with ``categories``.

    Annotations are the bulk: they wait on the disk of the result, not in memory and not in a small /tmp.
    """
    with new_file(path) as out, TemporaryFile(dir=path.parent) as spool:
        out.write(head + b',\n"images":[')
        yield Lists(_appender(out), _appender(spool))
        out.write(b'],\n"annotations":[')
        spool.seek(0)
        shutil.copyfileobj(spool, out, 1 << 20)
        out.write(b'],\n"categories":%s}\n' % orjson.dumps(categories()))


def _appender(stream: IO[bytes]) -> Callable[[Iterable[bytes]], object]:
    start = 1  # the comma of the first record

    def append(pieces: Iterable[bytes]) -> None:
        nonlocal start
        if text := b"".join(pieces)[start:]:
            stream.write(text)
            start = 0

    return append
