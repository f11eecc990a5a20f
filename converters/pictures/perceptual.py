"""Which pictures look alike: a hash that hardly changes when a picture is scaled or stored again, and near pairs of it.

The hash is that of Zauner (Implementation and Benchmarking of Perceptual Image Hash Functions, 2010): the lowest
frequencies of a 32 x 32 grey picture, each above or below their median. It is computed in whole numbers, so that no
machine rounds another way.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.pictures import headers

DISTANCE = 4
"""Bits of 63 in which two hashes of the same picture, stored twice, may differ."""

FLAT = 0
"""The hash of a picture on which there is nothing to tell it by."""

_SIDE, _LOW = 32, 8
_FAINT = 2.0  # grey levels of 255; a picture whose strongest wave is fainter is flat
_BLOCK = 1 << 20  # candidates looked at in one go


def _waves() -> NDArray[np.int64]:
    """The first rows of the discrete cosine transform (type II, orthonormal), times 1024."""
    row, column = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
    wave = np.sqrt(2 / _SIDE) * np.cos(np.pi * (2 * column + 1) * row / (2 * _SIDE))
    wave[0] /= np.sqrt(2)
    found: NDArray[np.int64] = np.rint(wave * 1024).astype(np.int64)
    return found


_WAVES = _waves()
_BITS = np.uint64(1) << np.arange(_LOW * _LOW, dtype=np.uint64)


def hash64(path: Path | str) -> int:
    """The hash of the picture ``path`` as stored, 0 to 2**64 - 1; ``FLAT`` when it shows nothing.

    Raises DataError for a picture that cannot be read.
    """
    from PIL import Image

    with headers.opened(path) as image:
        image.draft("L", (2 * _SIDE, 2 * _SIDE))  # a JPEG is decoded at an eighth of its size: ten times as fast
        grey = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
        pixels = np.asarray(grey, dtype=np.int64)
    strengths = (_WAVES @ pixels @ _WAVES.T).ravel()  # times 1024 ** 2
    strengths[0] = 0  # how bright it is
    if np.abs(strengths).max() < _FAINT * _SIDE / 2 * 1024**2:
        return FLAT
    median = np.sort(strengths[1:])[(_LOW * _LOW - 1) // 2]
    above = strengths > median
    above[0] = False
    return int(_BITS[above].sum())


def pairs(hashes: NDArray[np.uint64], distance: int = DISTANCE) -> Iterator[NDArray[np.int64]]:
    """Pairs of indices into ``hashes`` that differ in up to ``distance`` bits, in arrays of shape (n, 2), left < right.

    Flat pictures pair with none. Of equal hashes only neighbours are paired, and one of them with the others: enough
    to join what looks alike, and never the square of their number. Takes a few seconds for 200,000.
    """
    order = np.argsort(hashes, kind="stable")
    order = order[hashes[order] != FLAT]
    ranked = hashes[order]
    first = np.ones(len(ranked), dtype=bool)
    first[1:] = ranked[1:] != ranked[:-1]
    yield _oriented(order[:-1][~first[1:]], order[1:][~first[1:]])
    yield from _near(ranked[first], order[first], distance)


def _near(hashes: NDArray[np.uint64], names: NDArray[np.int64], distance: int) -> Iterator[NDArray[np.int64]]:
    """Pairs of different ``hashes``.

    Of ``distance`` + 2 bands of bits, two that are near agree in two at least (pigeonhole): only such are compared.
    """
    count = distance + 2
    edges = [64 * band // count for band in range(count + 1)]
    masks = np.array([(1 << above) - (1 << below) for below, above in pairwise(edges)], np.uint64)
    for one, other in combinations(range(count), 2):
        keys = hashes & (masks[one] | masks[other])
        order = np.argsort(keys, kind="stable")
        for left, right in _within_runs(keys[order]):
            a, b = order[left], order[right]
            differ = hashes[a] ^ hashes[b]
            near = np.bitwise_count(differ) <= distance if hasattr(np, "bitwise_count") else _ones(differ) <= distance
            a, b, differ = a[near], b[near], differ[near]
            # Pairs agree in more bands, too: each is told of at the first two.
            agree = (differ[:, None] & masks[None, :other]) == 0
            new = agree.sum(axis=1) == 1
            if new.any():
                yield _oriented(names[a[new]], names[b[new]])


def _within_runs(keys: NDArray[np.uint64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs of places with equal ``keys``, which are sorted, some at a time."""
    ends = np.searchsorted(keys, keys, side="right")
    partners = ends - np.arange(len(keys)) - 1  # places after this one in its run
    upto = np.cumsum(partners)
    start = 0
    while start < len(keys):
        before = upto[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(upto, before + _BLOCK, side="right")))
        counts = partners[start:stop]
        left = np.repeat(np.arange(start, stop), counts)
        offset = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield left, left + 1 + offset
        start = stop


def _ones(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many bits of each are set (numpy can from 2.0 on)."""
    octets = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
    found: NDArray[np.int64] = _OCTETS[octets].sum(axis=1, dtype=np.int64)
    return found


_OCTETS = np.array([value.bit_count() for value in range(256)], dtype=np.uint8)


def _oriented(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1)
