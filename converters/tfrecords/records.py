"""Files of records as TensorFlow frames them: length, check sum of the length, data, check sum of the data.

Length is uint64, the sums are masked crc32c in uint32, all little endian; no header, no compression. Sums are computed
by Google's crc32c, in hardware where there is any.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from glob import glob
from pathlib import Path
from typing import IO

import google_crc32c

from tltpipe import inputs
from tltpipe.errors import DataError
from tltpipe.files import atomic

HEADER = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")
FRAMING = HEADER.size + CHECKSUM.size
"""Bytes around the data of a record."""
_LARGEST = 1 << 30  # bytes of one record; TensorFlow itself takes no Example of 2 GB
# What lies beside the records and is none: warnings, status, the index files of DALI and of older trainers.
NO_RECORDS = re.compile(r"^\.|^idx-|\.json$|\.txt$|\.idx$")

CLASSES = "_classes.txt"
"""End of the name of the file beside records that hold class numbers: what number 1, 2, ... is, a name a line."""

_HINT = "write the records again with tlt-dataset-convert"


def masked_crc(data: bytes) -> int:
    """crc32c of ``data``, rotated and offset as the format wants it, so that sums of sums stay distinct."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame_record(data: bytes) -> bytes:
    """One record as it stands in the file, length and check sums included."""
    return _header(len(data)) + data + CHECKSUM.pack(masked_crc(data))


@lru_cache(maxsize=4096)
def _header(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + CHECKSUM.pack(masked_crc(packed))


def write_records(path: Path, records: Iterable[bytes]) -> int:
    """Write ``records`` to ``path``, whole or not at all; return how many. No records make an empty file."""
    count = 0
    with atomic(path, "wb") as stream:
        for record in records:
            stream.write(frame_record(record))
            count += 1
    return count


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of the file ``path``; an empty file has none.

    Raises DataError, naming file and byte offset, for a damaged or cut record, a file that is no TFRecord file, and
    one that cannot be opened.
    """
    for _, data in read_offsets(path):
        yield data


def read_offsets(path: Path) -> Iterator[tuple[int, bytes]]:
    """``read_records`` with each record's byte offset, by which ``read_record`` finds it again."""
    with _open(path) as stream:
        offset, end = 0, os.fstat(stream.fileno()).st_size
        while offset < end:
            data = _read(stream, path, offset, end)
            yield offset, data
            offset += HEADER.size + len(data) + CHECKSUM.size


def read_record(path: Path, offset: int) -> bytes:
    """The record that starts at byte ``offset`` of ``path``; DataError as for ``read_records``."""
    with _open(path) as stream:
        end = os.fstat(stream.fileno()).st_size
        if not 0 <= offset < end:
            raise DataError(f"there is no record at byte {offset}", where=path)
        stream.seek(offset)
        return _read(stream, path, offset, end)


def offsets(path: Path) -> Iterator[int]:
    """Where the records of ``path`` begin, by their lengths alone; a damaged one comes last, for nothing can be found
    behind it. Raises DataError for a file that cannot be opened."""
    with _open(path) as stream:
        offset, end = 0, os.fstat(stream.fileno()).st_size
        while offset < end:
            yield offset
            try:
                offset += HEADER.size + _length(stream, path, offset, end) + CHECKSUM.size
                stream.seek(offset)
            except DataError:
                return


def looks_right(path: Path) -> bool:
    """Whether ``path`` is a file that begins with the length of a record and its check sum."""
    try:
        with inputs.opened(path) as stream:
            header = stream.read(HEADER.size)
    except OSError:
        return False
    return len(header) == HEADER.size and HEADER.unpack(header)[1] == masked_crc(header[:8])


def shards(pattern: Path | str) -> list[Path]:
    """The record files that ``pattern`` names, sorted: a file, a folder (all record files in it) or a glob.

    Raises DataError when there is none.
    """
    text = str(pattern)
    given = Path(text)
    if given.is_file():
        return [given]
    found = list(given.iterdir()) if given.is_dir() else [Path(name) for name in glob(text)]
    files = sorted(path for path in found if path.is_file() and not NO_RECORDS.search(path.name))
    if not files:
        raise DataError("no record files here", where=text, hint="tlt-dataset-convert writes them")
    return files


def class_names(path: Path) -> tuple[str, ...] | None:
    """What the class numbers in the record file ``path`` mean, from 1 on, as its converter left it; None without.

    Raises DataError for a list that cannot be read.
    """
    lists = [each for each in path.parent.glob(f"*{CLASSES}") if path.name.startswith(each.name.removesuffix(CLASSES))]
    if not lists:
        return None
    nearest = max(lists, key=lambda each: len(each.name))
    try:
        return tuple(inputs.content(nearest).decode("utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        raise DataError("this list of classes cannot be read as text", where=nearest) from None


def shard_name(prefix: str, *, fold: int, folds: int, shard: int, shards: int) -> str:
    """``<prefix>-fold-000-of-002-shard-00000-of-00010``; no fold where ``folds`` is 0, no shard where ``shards`` is."""
    fold_part = f"-fold-{fold:03d}-of-{folds:03d}" if folds else ""
    shard_part = f"-shard-{shard:05d}-of-{shards:05d}" if shards else ""
    return prefix + fold_part + shard_part


def _open(path: Path) -> IO[bytes]:
    try:
        return inputs.opened(path)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=path) from error


def _read(stream: IO[bytes], path: Path, offset: int, end: int) -> bytes:
    """The record at ``offset``, where ``stream`` stands, of a file that has ``end`` bytes."""
    length = _length(stream, path, offset, end)
    body = stream.read(length + CHECKSUM.size)
    data = body[:length]
    if len(body) < length + CHECKSUM.size or CHECKSUM.unpack_from(body, length)[0] != masked_crc(data):
        raise DataError(f"the record at byte {offset} is damaged (check sum differs)", where=path, hint=_HINT)
    return data


def _length(stream: IO[bytes], path: Path, offset: int, end: int) -> int:
    """How many bytes the record at ``offset``, where ``stream`` stands, has."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        raise DataError(f"the file ends inside the record at byte {offset}", where=path, hint=_HINT)
    length, checksum = HEADER.unpack(header)
    if masked_crc(header[:8]) != checksum:
        what = "this is not a TFRecord file" if offset == 0 else f"the length of the record at byte {offset} is damaged"
        raise DataError(what, where=path, hint=_HINT)
    if offset + HEADER.size + length + CHECKSUM.size > end:
        raise DataError(f"the file ends inside the record at byte {offset}", where=path, hint=_HINT)
    if length > _LARGEST:
        raise DataError(f"the record at byte {offset} is larger than any Example can be", where=path)
    return int(length)
