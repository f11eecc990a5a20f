"""Examples of TensorFlow put together byte by byte, equal to what ``converters.tfrecords.examples.encode`` makes of
the same.

A conversion has many small records; the protobuf runtime takes five times as long for them. The layout::

    Example { 1: Features { 1: entry { 1: key, 2: Feature }, ... } }
    Feature { 1: BytesList | 2: FloatList | 3: Int64List }      each list: field 1, numbers packed

Keys must come sorted, as protobuf sorts them when it is asked for equal bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from struct import Struct

BYTES, FLOATS, INTEGERS = b"\x0a", b"\x12", b"\x1a"  # which list a Feature holds

_FIRST = b"\x0a"  # field 1, with a length
_SECOND = b"\x12"
_ITEM = 4  # bytes of a float32

Groups = tuple[tuple[str, ...], ...]
"""Keys of features that stand side by side."""


def example(entries: Iterable[bytes]) -> bytes:
    """The Example of ``entries``, in order of their keys."""
    features = b"".join(entries)
    return _first(len(features)) + features


@lru_cache(maxsize=4096)
def _first(size: int) -> bytes:
    """The start of field 1 where that has ``size`` bytes."""
    return _FIRST + varint(size)


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
    return _text_head(key, len(value)) + value


@lru_cache(maxsize=4096)
def _text_head(key: str, size: int) -> bytes:
    start = _first(size)
    return _head(key, BYTES, len(start) + size) + start


@lru_cache(maxsize=256)
def names(key: str, values: tuple[str, ...]) -> bytes:
    """The entry of a feature of texts of which there are few different ones."""
    items = b"".join(_first(len(encoded)) + encoded for encoded in map(str.encode, values))
    return _head(key, BYTES, len(items)) + items


@lru_cache(maxsize=512)
def integers(key: str, values: tuple[float, ...]) -> bytes:
    """The entry of a feature of int64 numbers, cut to such."""
    packed = b"".join(map(varint, map(int, values)))
    size = _packed(len(packed))
    return _head(key, INTEGERS, len(size) + len(packed)) + size + packed


def floats(groups: Groups, numbers: Sequence[float], count: int) -> list[bytes]:
    """For each of ``groups`` the entries of its features, of ``count`` numbers each, rounded to float32.

    ``numbers`` are those of all features, one feature after the other.
    """
    form, heads, places = _form(groups, count)
    try:
        packed = form.pack(*numbers)
    except OverflowError:  # beyond all float32 is infinite
        packed = form.pack(*array("f", numbers))
    entries = (int.from_bytes(packed, "little") | heads).to_bytes(form.size, "little")
    return [entries[place] for place in places]


@lru_cache(maxsize=64)
def _form(groups: Groups, count: int) -> tuple[Struct, int, list[slice]]:
    """How the numbers of ``floats`` lie in their entries, what stands between them, and where each group is."""
    size = count * _ITEM
    start = _packed(size)
    heads = [[_head(key, FLOATS, len(start) + size) + start for key in keys] for keys in groups]
    form = Struct("<" + "".join(f"{len(head)}x{count}f" for head in chain.from_iterable(heads)))
    ends = [*accumulate(sum(map(len, group)) + len(group) * size for group in heads)]
    between = b"".join(head + bytes(size) for head in chain.from_iterable(heads))
    return form, int.from_bytes(between, "little"), [*map(slice, [0, *ends], ends)]


def nothing(key: str) -> bytes:
    """The entry of a feature that holds no list, not even an empty one."""
    return _entry(key, 0) + _SECOND + varint(0)


@lru_cache(maxsize=4096)
def _head(key: str, kind: bytes, size: int) -> bytes:
    """All of an entry before the ``size`` bytes of its list."""
    feature = kind + varint(size)
    return _entry(key, len(feature) + size) + _SECOND + varint(len(feature) + size) + feature


def _entry(key: str, feature: int) -> bytes:
    """The start of an entry, its key included, whose Feature has ``feature`` bytes."""
    name = key.encode()
    told = _first(len(name)) + name
    return _FIRST + varint(len(told) + 1 + len(varint(feature)) + feature) + told


def _packed(size: int) -> bytes:
    """The start of a list of numbers in ``size`` bytes; none where there are no numbers."""
    return _first(size) if size else b""
