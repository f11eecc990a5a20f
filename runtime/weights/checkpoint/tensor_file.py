"""Tensors in the safetensors format (https://github.com/huggingface/safetensors) through streams, tensor by tensor.

The ``safetensors`` package reads these files, too. It writes and reads files on disk, not streams: what is to be
encrypted on its way would have to be in memory as a whole. And it knows no checksums, which here lie in the header.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import torch
from torch import Tensor

DTYPES = {
    **{
        "F64": torch.float64,
        "F32": torch.float32,
        "F16": torch.float16,
        "BF16": torch.bfloat16,
        "C64": torch.complex64,
    },
    **{"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "BOOL": torch.bool},
    **{"U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8},
    **{"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2},
    **{"F8_E4M3FNUZ": torch.float8_e4m3fnuz, "F8_E5M2FNUZ": torch.float8_e5m2fnuz},
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
METADATA = "__metadata__"
CHECKSUMS = "crc32"
LONGEST_HEADER = 100_000_000  # the package's own limit


class Damaged(Exception):
    """This is not, or no longer, what was written; says in words what is wrong."""


class Source(Protocol):
    def readinto(self, buffer: memoryview, /) -> int | None: ...


class Target(Protocol):
    def write(self, data: Any, /) -> int | None: ...


@dataclass(frozen=True)
class Entry:
    """A tensor as the header tells it; it begins ``start`` bytes behind the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int

    @property
    def length(self) -> int:
        return prod(self.shape) * DTYPES[self.dtype].itemsize


def write(stream: Target, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write ``tensors``, of any device and stride, and ``metadata``, which gets the checksums beside it.

    Raises TypeError for a dtype that the format does not know.
    """
    checksums: dict[str, int] = {"": _checksum_of(metadata)}
    entries, start = {}, 0
    # The widest numbers first: all are then where a reader that maps the file into memory can use them.
    ordered = sorted(tensors, key=lambda name: -tensors[name].dtype.itemsize)
    for name in ordered:
        tensor = tensors[name]
        if tensor.dtype not in NAMES:
            raise TypeError(f"{name}: safetensors has no {tensor.dtype}")
        entry = Entry(name, NAMES[tensor.dtype], tuple(tensor.shape), start)
        entries[name], start = entry, start + entry.length
        checksums[name] = _checksum(entry, _memory(tensor))
    header: dict[str, Any] = {METADATA: {**metadata, CHECKSUMS: json.dumps({**checksums})}}
    for name in tensors:
        entry = entries[name]
        end = entry.start + entry.length
        header[name] = {"dtype": entry.dtype, "shape": entry.shape, "data_offsets": [entry.start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    stream.write(len(text).to_bytes(8, "little") + text)
    for name in ordered:
        stream.write(_memory(tensors[name]))


class Reader:
    """A file that is being read: ``metadata`` at once, the tensors with ``read``.

    ``limit`` is a number of bytes that the tensors cannot exceed. Raises Damaged.
    """

    def __init__(self, stream: Source, *, limit: int) -> None:
        self.stream = stream
        length = int.from_bytes(self._bytes(8), "little")
        if not 2 <= length <= min(LONGEST_HEADER, limit):
            raise Damaged("its header has no sensible length")
        try:
            header = json.loads(self._bytes(length))
            self.metadata: dict[str, str] = header.pop(METADATA, {})
            self.entries = [_entry(name, told) for name, told in header.items()]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Damaged("its header is no JSON of the right form") from None
        if not isinstance(self.metadata, dict):
            raise Damaged("its header is no JSON of the right form")
        end = 0
        for entry in sorted(self.entries, key=lambda entry: entry.start):
            if entry.start != end:
                raise Damaged("its tensors overlap, or there are gaps between them")
            end += entry.length
        if end > limit:
            raise Damaged("it is cut short")

    def read(self) -> dict[str, Tensor]:
        """All tensors, in the order in which they were written, on the CPU; every bit is checked. Raises Damaged."""
        checksums = self._checksums()
        read: dict[str, Tensor] = {}
        for entry in sorted(self.entries, key=lambda entry: entry.start):
            read[entry.name] = tensor = torch.empty(entry.shape, dtype=DTYPES[entry.dtype])
            memory = _memory(tensor)
            self._fill(memory)
            if _checksum(entry, memory) != checksums[entry.name]:
                raise Damaged(f"the tensor {entry.name} is not what was written")
        if self.stream.readinto(memoryview(bytearray(1))):
            raise Damaged("something was added at its end")
        return {entry.name: read[entry.name] for entry in self.entries}

    def _checksums(self) -> dict[str, int]:
        rest = {key: value for key, value in self.metadata.items() if key != CHECKSUMS}
        try:
            checksums = json.loads(self.metadata[CHECKSUMS])
            sound = checksums.pop("") == _checksum_of(rest) and checksums.keys() == {
                entry.name for entry in self.entries
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise Damaged("its header is not what was written")
        return checksums  # type: ignore[no-any-return]

    def _bytes(self, count: int) -> bytes:
        content = bytearray(count)
        self._fill(memoryview(content))
        return bytes(content)

    def _fill(self, memory: memoryview) -> None:
        while memory:
            count = self.stream.readinto(memory)
            if not count:
                raise Damaged("it is cut short")
            memory = memory[count:]


def _entry(name: str, told: Any) -> Entry:
    start, end = told["data_offsets"]
    entry = Entry(name, told["dtype"], tuple(told["shape"]), start)
    whole = all(isinstance(number, int) and number >= 0 for number in (*entry.shape, start, end))
    if not whole or isinstance(start, bool) or entry.length != end - start:
        raise ValueError(name)
    return entry


def _memory(tensor: Tensor) -> memoryview:
    """The bytes of ``tensor`` in row-major order: its own where it lies so on the CPU, else those of a copy."""
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    return plain.reshape(-1).view(torch.uint8).numpy().data


def _checksum(entry: Entry, memory: memoryview) -> int:
    """Of the form, too: a header that calls the same bytes another dtype or shape is damaged."""
    return zlib.crc32(memory, zlib.crc32(f"{entry.dtype} {list(entry.shape)}".encode()))


def _checksum_of(metadata: Mapping[str, str]) -> int:
    return zlib.crc32(json.dumps(metadata, sort_keys=True).encode())
