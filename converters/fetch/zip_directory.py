"""The directory of a zip archive, read entry by entry.

``zipfile`` keeps an object of about a kilobyte for each of the 384,000 entries of DeepFashion2; here one is held at a
time. Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, AES: https://www.winzip.com/en/support/aes-encryption
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tltpipe.errors import DataError

AGAIN = "get the archive once more: it was cut off or damaged on its way"

_CENTRAL = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LONGEST_COMMENT = 0xFFFF
_IN_EXTRA = 0xFFFFFFFF
_UNIX = 3
_ENCRYPTED, _DESCRIPTOR, _STRONG, _UTF8, _MASKED = 1, 1 << 3, 1 << 6, 1 << 11, 1 << 13
_AES = 99
_KEY_BITS = {1: 128, 2: 192, 3: 256}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive, as the directory declares it; sizes in bytes, ``mode`` as ``os.stat`` has it or 0."""

    name: str
    size: int
    compressed: int
    crc: int
    flags: int
    method: int
    clock: int
    offset: int
    mode: int
    aes: bytes = b""
    """Contents of the AES field: version, "AE", strength, the method inside."""

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def encryption(self) -> str | None:
        """ "ZipCrypto", "AES-256" ..., "an unknown encryption", or None for plain data."""
        if not self.flags & _ENCRYPTED:
            return None
        if self.flags & (_STRONG | _MASKED):
            return UNKNOWN
        if self.method == _AES:
            bits = _KEY_BITS.get(self.aes[4]) if len(self.aes) >= 7 else None
            return f"AES-{bits}" if bits else UNKNOWN
        return "ZipCrypto"

    @property
    def checksum(self) -> int | None:
        """CRC-32 of the contents; None where the archive keeps it to itself (AES, version 2)."""
        return None if self.method == _AES and self.aes[:2] == b"\x02\x00" else self.crc

    def as_archive(self, archive: IO[bytes], *, block: int = 1 << 16) -> Iterator[bytes]:
        """The entry as a stream that is an archive of nothing else, with the directory's word on every size.

        A local header may leave sizes out; and what it says need not agree with the directory, which was checked.
        Raises DataError when the data are not where the directory says.
        """
        archive.seek(self.offset)
        header = archive.read(_LOCAL.size)
        if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
            raise DataError(f"the entry {self.name!r} is not where the directory says", where=archive.name, hint=AGAIN)
        name_length, extra_length = _LOCAL.unpack(header)[-2:]
        archive.seek(self.offset + _LOCAL.size + name_length + extra_length)

        # ZipCrypto checks a password by the clock in place of the CRC where a descriptor follows the data.
        descriptor = self.flags & _DESCRIPTOR if self.encryption == "ZipCrypto" else 0
        flags = self.flags & _ENCRYPTED | descriptor
        extra = struct.pack("<2H", 0x9901, len(self.aes)) + self.aes if self.aes else b""
        sizes = (self.crc, self.compressed, self.size)
        yield _LOCAL.pack(b"PK\x03\x04", 45, flags, self.method, self.clock, 0, *sizes, 0, len(extra)) + extra
        left = self.compressed
        while left:
            data = archive.read(min(block, left))
            if not data:
                raise DataError(f"ends within the entry {self.name!r}", where=archive.name, hint=AGAIN)
            left -= len(data)
            yield data
        if descriptor:
            yield struct.pack("<4s3I", b"PK\x07\x08", *sizes)
        yield b"PK\x01\x02" + bytes(64)


UNKNOWN = "an unknown encryption"


@dataclass(frozen=True)
class Directory:
    """Where an archive's directory lies, and a checksum that tells this archive from another."""

    path: Path
    offset: int
    size: int
    entries: int
    archive_bytes: int
    checksum: int = field(default=0)

    def __iter__(self) -> Iterator[Entry]:
        """The entries in the directory's order; raises DataError where it is damaged."""
        with self.path.open("rb", buffering=1 << 20) as stream:
            stream.seek(self.offset)
            for number in range(1, self.entries + 1):
                yield self._entry(stream, number)

    def _entry(self, stream: IO[bytes], number: int) -> Entry:
        head = stream.read(_CENTRAL.size)
        if len(head) < _CENTRAL.size or head[:4] != b"PK\x01\x02" or stream.tell() > self.offset + self.size:
            raise DataError(f"its directory is damaged at entry {number}", where=self.path, hint=AGAIN)
        (_, made, _, flags, method, clock, _, crc, compressed, size, *lengths, _, _, attributes, offset) = (
            _CENTRAL.unpack(head)
        )
        name, extra, comment = (stream.read(length) for length in lengths)
        if len(comment) < lengths[2]:
            raise DataError(f"its directory is damaged at entry {number}", where=self.path, hint=AGAIN)
        fields = dict(_fields(extra))
        size, compressed, offset = _long(fields.get(1, b""), size, compressed, offset)
        entry = Entry(
            name=_text(name, flags, self.path, number),
            size=size,
            compressed=compressed,
            crc=crc,
            flags=flags,
            method=method,
            clock=clock,
            offset=offset,
            mode=attributes >> 16 if made >> 8 == _UNIX else 0,
            aes=fields.get(0x9901, b""),
        )
        if offset + _LOCAL.size + compressed > self.offset:
            raise DataError(f"the entry {entry.name!r} reaches beyond the data", where=self.path, hint=AGAIN)
        return entry


def read(path: Path) -> Directory:
    """Find the directory of the archive ``path``.

    Raises DataError when there is none (cut off, or no zip at all), when it is damaged, or for one part of several.
    """
    try:
        with path.open("rb") as stream:
            return _find(stream, path)
    except FileNotFoundError:
        raise DataError("there is no such archive", where=path) from None
    except OSError as refusal:
        raise DataError(f"cannot be read: {refusal.strerror}", where=path) from refusal


def is_web_page(path: Path) -> bool:
    """Whether ``path`` is a page saved under an archive's name."""
    with path.open("rb") as stream:
        start = stream.read(512).lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml"))


def _find(stream: IO[bytes], path: Path) -> Directory:
    total = stream.seek(0, 2)
    start = max(0, total - _LONGEST_COMMENT - _END.size)
    stream.seek(start)
    tail = stream.read()
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or len(tail) - found < _END.size:
        if is_web_page(path):
            raise DataError("is a web page, not an archive", where=path, hint="download the archive itself, by browser")
        raise DataError("is cut off, or no zip: the directory at its end is missing", where=path, hint=AGAIN)
    _, disk, first_disk, _, entries, size, offset, _ = _END.unpack_from(tail, found)
    end = start + found
    if found >= _LOCATOR.size and tail[found - _LOCATOR.size :][:4] == b"PK\x06\x07":
        end = _LOCATOR.unpack_from(tail, found - _LOCATOR.size)[2]
        stream.seek(min(end, total))
        record = stream.read(_END64.size)
        if len(record) < _END64.size or record[:4] != b"PK\x06\x06":
            raise DataError("its directory is damaged", where=path, hint=AGAIN)
        *_, disk, first_disk, _, entries, size, offset = _END64.unpack(record)
    if disk or first_disk:
        raise DataError("is one part of several", where=path, hint="join the parts: zip -s 0 PART.zip --out WHOLE.zip")
    if offset + size > end or entries * _CENTRAL.size > size:
        raise DataError("its directory is damaged, or a piece of the archive is missing", where=path, hint=AGAIN)
    stream.seek(offset)
    checksum, left = 0, size
    while left:
        data = stream.read(min(1 << 20, left))
        checksum, left = zlib.crc32(data, checksum), left - len(data)
    return Directory(path, offset, size, entries, total, checksum)


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """The extra fields of an entry; a cut one ends them."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _long(field64: bytes, *values: int) -> tuple[int, ...]:
    """``values``, those too long for 32 bits taken from the zip64 field, in order."""
    longs = iter([int.from_bytes(field64[at : at + 8], "little") for at in range(0, len(field64) - 7, 8)])
    return tuple(next(longs, value) if value == _IN_EXTRA else value for value in values)


def _text(name: bytes, flags: int, path: Path, number: int) -> str:
    try:
        return name.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        raise DataError(f"the name of entry {number} is not UTF-8", where=path) from None
