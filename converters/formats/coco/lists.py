"""The lists of a COCO file, record by record: read without judging them, and written while they grow."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import orjson

from converters.formats.coco.records import Record
from tltpipe.files import new_file

if TYPE_CHECKING:
    from converters.files.json_records import Records


_BLOCK = 1 << 20


def walk(path: Path, *, keep: Collection[str] = (), **lists: Callable[[Record], object]) -> dict[str, Any]:
    """Hand each record of ``lists`` to its function; returns the members to ``keep``. Raises DataError."""

    from converters.files import json_document, json_records  # numpy, which writing does without

    def through(records: Records) -> None:
        for piece in records:
            for record in piece.parsed():
                lists[records.name](record)

    return json_records.scan(json_document.opened(path), lists=dict.fromkeys(lists, through), keep=keep)


class Lists(NamedTuple):
    """The lists of a file that is being written: functions that append a record of JSON, whole or in pieces."""

    image: Callable[..., object]
    annotation: Callable[..., object]


@contextmanager
def written(path: Path, head: bytes, categories: Callable[[], Any]) -> Iterator[Lists]:
    """Write the file ``path``, which begins with the object ``head``, still open, and ends with ``categories``.

    Annotations are the bulk: they wait on the disk of the result, not in memory and not in a small /tmp.
    """
    with new_file(path) as out, TemporaryFile(dir=path.parent, buffering=_BLOCK) as spool:
        out.write(head + b',\n"images":[')
        yield Lists(_appender(out), _appender(spool))
        out.write(b'],\n"annotations":[')
        spool.seek(0)
        shutil.copyfileobj(spool, out, _BLOCK)
        out.write(b'],\n"categories":%s}\n' % orjson.dumps(categories()))


def _appender(stream: IO[bytes]) -> Callable[..., object]:
    joints = chain((b"\n",), repeat(b",\n"))
    return lambda *pieces: stream.write(b"".join((next(joints), *pieces)))
