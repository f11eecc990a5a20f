"""Examples of TensorFlow put together byte by byte, equal to what ``converters.tfrecords.examples.encode`` makes of
the same.

A conversion has many small records; the protobuf runtime takes five times as long for them. The layout::

    Example { 1: Features { 1: entry { 1: key, 2: Feature }, ... } }
    Feature { 1: BytesList | 2: FloatList | 3: Int64List }      each list: field 1, numbers packed

Keys must come sorted, as protobuf sorts them when it is asked for equal bytes.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain

BYTES, FLOATS, INTEGERS = b"\x0a", b"\x12", b"\x1a"  # which list a Feature holds

_FIRST = b"\x0a"  # field 1, with a length
_SECOND = b"\x12"
_ITEM = 4  # bytes of a float32


def example(entries: Iterable[bytes]) -> bytes:
    """The Example of ``entries``, in order of their keys."""
    features = b"".join(entries)
    return _FIRST + varint(len(features)) + features


def varint(number: int) -> bytes:
    """``number`` as protobuf writes it: seven bits a byte, the lowest first; negative ones take ten bytes."""
    number &= 0xFFFFFFFFFFFFFFFF
    if number < 0x80:
        return _SMALL[number]
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


_SMALL = [bytes((number,)) for number in range(0x80)]


def text(key: str, value: bytes) -> bytes:
    """The entry of a feature of one byte string."""
    start = _FIRST + varint(len(value))
    return b"".join((_head(key, BYTES, len(start) + len(value)), start, value))


def names(key: str, values: Sequence[str]) -> bytes:
    """The entry of a feature of texts of which there are few different ones."""
    items = b"".join(map(_item, values))
    return _head(key, BYTES, len(items)) + items


@lru_cache(maxsize=4096)
def _item(value: str) -> bytes:
    encoded = value.encode()
    return _FIRST + varint(len(encoded)) + encoded


@lru_cache(maxsize=4096)
def integers(key: str, values: tuple[int, ...]) -> bytes:
    """The entry of a feature of int64 numbers."""
    packed = b"".join(map(varint, values))
    size = _packed(len(packed))
    return _head(key, INTEGERS, len(size) + len(packed)) + size + packed


def floats(keys: tuple[str, ...], columns: Iterable[Iterable[float]], count: int) -> list[bytes]:
    """The entries of features of ``count`` float32 numbers each, rounded to float32."""
    size = count * _ITEM
    heads = _float_heads(keys, size)
    if not size:
        return heads
    numbers = array("f", [*chain.from_iterable(columns)])
    if sys.byteorder == "big":
        numbers.byteswap()
    packed = numbers.tobytes()
    return [head + packed[at : at + size] for head, at in zip(heads, range(0, len(packed), size), strict=True)]


def nothing(key: str) -> bytes:
    """The entry of a feature that holds no list, not even an empty one."""
    return _entry(key, 0) + _SECOND + varint(0)


@lru_cache(maxsize=1024)
def _float_heads(keys: tuple[str, ...], size: int) -> list[bytes]:
    packed = _packed(size)
    return [_head(key, FLOATS, len(packed) + size) + packed for key in keys]


@lru_cache(maxsize=4096)
def _head(key: str, kind: bytes, size: int) -> bytes:
    """All of an entry before the ``size`` bytes of its list."""
    feature = kind + varint(size)
    return _entry(key, len(feature) + size) + _SECOND + varint(len(feature) + size) + feature


def _entry(key: str, feature: int) -> bytes:
    """The start of an entry, its key included, whose Feature has ``feature`` bytes."""
    name = key.encode()
    told = _FIRST + varint(len(name)) + name
    return _FIRST + varint(len(told) + 1 + len(varint(feature)) + feature) + told


def _packed(size: int) -> bytes:
    """The start of a list of numbers in ``size`` bytes; none where there are no numbers."""
    return _FIRST + varint(size) if size else b""
