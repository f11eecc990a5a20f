"""Encrypted files: a key in words, AES-256-GCM in parts of 1 MiB, so that a file of any size takes little memory.

The layout, for readers in other languages (docs/checkpoints.md has one in Python):

========  =====  =====================================================================================================
offset    bytes  content
========  =====  =====================================================================================================
0         8      ``TLTPIPE`` and the byte 1, the version
8         4      scrypt's log2(n), r and p; log2 of the bytes of a part
12        16     scrypt's salt, random
28        7      the beginning of every nonce, random
35        16     key check: bytes 32 to 47 of what scrypt derives; the first 32 are the AES key
51        4      CRC-32 of all before, little endian
55               parts, each with its tag of 16 bytes; all are full but the last, which may be shorter
========  =====  =====================================================================================================

The nonce of a part is the beginning, the part's number from 0 (4 bytes, big endian) and one byte that is 1 in the last
part and 0 in the others. So parts cannot be left out, repeated, moved or cut off at the end unnoticed (STREAM, Hoang et
al. 2015, https://eprint.iacr.org/2015/189). The 55 bytes of the header are authenticated with each part.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from tltpipe.errors import ModelError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"TLTPIPE\x01"
FIELDS = struct.Struct("<8s4B16s7s16s")
CHECKSUM = struct.Struct("<I")
HEADER = FIELDS.size + CHECKSUM.size
TAG = 16
# What OWASP's cheat sheet on password storage advises; 32 MiB and some tenths of a second for whoever tries a key.
SCRYPT = (15, 8, 3)
PART = 20

DAMAGED = "it was changed by a fault of the disk or by somebody; use an earlier checkpoint, or a copy"


@contextmanager
def sealed(stream: IO[bytes], key: str) -> Iterator[io.RawIOBase]:
    """A stream to write to, whose content arrives in ``stream`` encrypted. An exception leaves it unfinished."""
    salt, beginning = os.urandom(16), os.urandom(7)
    secret, check = _derive(key, salt, SCRYPT)
    fields = FIELDS.pack(MAGIC, *SCRYPT, PART, salt, beginning, check)
    header = fields + CHECKSUM.pack(zlib.crc32(fields))
    stream.write(header)
    sealer = _Sealer(stream, secret, header, beginning)
    yield sealer
    sealer.finish()


def opened(stream: IO[bytes], key: str) -> io.RawIOBase:
    """A stream to read from: what was encrypted in ``stream``. Only what has been proved genuine can be read.

    Raises ModelError (without a place), then and from every read, for another key and for anything that was changed.
    """
    header = stream.read(HEADER)
    if len(header) < HEADER:
        raise ModelError("this encrypted checkpoint is cut short", hint="use an earlier checkpoint")
    _, exponent, r, p, part, salt, beginning, check = FIELDS.unpack_from(header)
    (checksum,) = CHECKSUM.unpack_from(header, FIELDS.size)
    if checksum != zlib.crc32(header[: FIELDS.size]) or not _sensible(exponent, r, p, part):
        raise ModelError("the beginning of this encrypted checkpoint is damaged", hint=DAMAGED)
    secret, expected = _derive(key, salt, (exponent, r, p))
    if expected != check:
        raise ModelError("the key is not the one that this checkpoint was encrypted with", hint="pass the right -k KEY")
    return _Opener(stream, secret, header, beginning, size=1 << part)


class _Sealer(io.RawIOBase):
    """Holds back a whole part: which is the last one shows only at the end."""

    def __init__(self, stream: IO[bytes], secret: AESGCM, header: bytes, beginning: bytes) -> None:
        self.stream, self.secret, self.header, self.beginning = stream, secret, header, beginning
        self.waiting, self.number = bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        rest = memoryview(data).cast("B")
        length = len(rest)
        while len(self.waiting) + len(rest) > 1 << PART:
            room = (1 << PART) - len(self.waiting)
            self.waiting += rest[:room]
            rest = rest[room:]
            self._seal(last=False)
        self.waiting += rest
        return length

    def finish(self) -> None:
        self._seal(last=True)

    def _seal(self, *, last: bool) -> None:
        nonce = _nonce(self.beginning, self.number, last=last)
        self.stream.write(self.secret.encrypt(nonce, bytes(self.waiting), self.header))
        self.waiting.clear()
        self.number += 1


class _Opener(io.RawIOBase):
    """Reads a part ahead: the last one is the one with nothing behind it."""

    def __init__(self, stream: IO[bytes], secret: AESGCM, header: bytes, beginning: bytes, *, size: int) -> None:
        self.stream, self.secret, self.header, self.beginning = stream, secret, header, beginning
        self.size, self.number = size + TAG, 0
        self.ahead = stream.read(self.size)
        self.plain = memoryview(b"")
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        while not self.plain and not self.ended:
            self.plain = memoryview(self._next())
        count = min(len(target), len(self.plain))
        target[:count] = self.plain[:count]
        self.plain = self.plain[count:]
        return count

    def _next(self) -> bytes:
        current, self.ahead = self.ahead, self.stream.read(self.size)
        self.ended = not self.ahead
        plain = self._open(current, last=self.ended)
        if plain is None:
            # Whoever cuts a file between two parts leaves a part that was not meant to be the last.
            cut = self.ended and self._open(current, last=False) is not None
            what = "is cut short" if cut or not current else f"is damaged in part {self.number + 1}"
            raise ModelError(f"this encrypted checkpoint {what}", hint=DAMAGED)
        self.number += 1
        return plain

    def _open(self, part: bytes, *, last: bool) -> bytes | None:
        from cryptography.exceptions import InvalidTag

        try:
            return self.secret.decrypt(_nonce(self.beginning, self.number, last=last), part, self.header)
        except (InvalidTag, ValueError):  # a ValueError for less than a tag
            return None


def _nonce(beginning: bytes, number: int, *, last: bool) -> bytes:
    return beginning + number.to_bytes(4, "big") + bytes([last])


def _derive(key: str, salt: bytes, cost: tuple[int, int, int]) -> tuple[AESGCM, bytes]:
    """The cipher that ``key`` stands for, and the 16 bytes that show whether a key is the right one."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    exponent, r, p = cost
    derived = Scrypt(salt=salt, length=48, n=1 << exponent, r=r, p=p).derive(key.encode("utf-8", "surrogateescape"))
    return AESGCM(derived[:32]), derived[32:]


def _sensible(exponent: int, r: int, p: int, part: int) -> bool:
    """Whether these costs are no trap: at most 1 GiB to derive the key, at most 16 MiB for a part."""
    return 10 <= exponent <= 20 and 1 <= r <= 8 and 1 <= p <= 16 and 12 <= part <= 24
