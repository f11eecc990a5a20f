"""Masks as run lengths, as COCO has them: pixels column by column, runs of 0s and 1s in turn, 0s first.

A ``Mask`` keeps them compressed, as COCO's files do and pycocotools does: from the fourth run on the difference to the
one two before, in groups of five bits, lowest first, the sixth says that more follow, 48 is added to make text of it.
Written anew, and not taken from pycocotools, whose C code trusts the numbers it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.model import Box, Mask

LARGEST = 1 << 28
"""Pixels of a mask; no picture has more."""

Runs = NDArray[np.int64]


def compressed(runs: Sequence[int] | Runs, width: int, height: int) -> Mask:
    """The mask of these runs. Raises ValueError when they do not fill ``width`` x ``height`` pixels."""
    lengths = np.asarray(runs)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not len(lengths):
        raise ValueError("run lengths must be whole numbers")
    lengths = lengths.astype(np.int64)
    _judge(lengths, width, height)
    values = lengths.copy()
    values[3:] -= lengths[1:-2]
    groups = 7  # of five bits: enough for the largest mask
    shifted = values[:, None] >> (5 * np.arange(groups))
    bits = shifted & 31
    # No more groups are needed when what is left is all sign, and the sign bit is that of the last group.
    rest = shifted >> 5
    done = np.where(bits & 16, rest == -1, rest == 0)
    last = np.argmax(done, axis=1)
    place = np.arange(groups)
    codes = bits + 48 + np.where(place < last[:, None], 32, 0)
    return Mask(width, height, codes[place <= last[:, None]].astype(np.uint8).tobytes())


def runs(mask: Mask) -> Runs:
    """The lengths of the runs. Raises ValueError when they are damaged or do not fill the mask."""
    codes = np.frombuffer(mask.counts, np.uint8).astype(np.int64) - 48
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ValueError("these are no compressed run lengths")
    last = np.flatnonzero((codes & 32) == 0)
    first = np.concatenate(([0], last[:-1] + 1))
    counts = last - first + 1
    if counts.max() > 7:
        raise ValueError("a run is longer than any can be")
    group = np.arange(len(codes)) - np.repeat(first, counts)
    values = np.add.reduceat((codes & 31) << (5 * group), first)
    values -= np.where(codes[last] & 16, np.int64(1) << (5 * counts), 0)
    # Differences to the run two before: sums over every second one, those of index 1, 3, ... and 2, 4, ...
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    _judge(values, mask.width, mask.height)
    return values


def encode(pixels: NDArray[Any]) -> Mask:
    """The mask of what is not 0 in ``pixels`` (height x width)."""
    height, width = pixels.shape
    line = (pixels != 0).ravel(order="F")
    edges = np.flatnonzero(np.diff(line)) + 1
    lengths = np.diff(np.concatenate(([0], edges, [line.size])))
    if line.size and line[0]:
        lengths = np.concatenate(([0], lengths))
    return compressed(lengths, width, height)


def by_value(pixels: NDArray[Any]) -> dict[int, Mask]:
    """The mask of each value that occurs in the map ``pixels`` (height x width), in order of the values."""
    height, width = pixels.shape
    line = pixels.ravel(order="F")
    starts = np.concatenate(([0], np.flatnonzero(line[1:] != line[:-1]) + 1))
    values, ends = line[starts], np.concatenate((starts[1:], [line.size]))
    masks = {}
    for value in np.unique(values).tolist():
        own = values == value
        edges = np.column_stack([starts[own], ends[own]]).ravel()
        rest = [line.size - edges[-1]] if edges[-1] < line.size else []
        masks[value] = compressed(np.concatenate((edges[:1], np.diff(edges), rest)).astype(np.int64), width, height)
    return masks


def decode(mask: Mask) -> NDArray[np.uint8]:
    """Its pixels, height x width, 1 where it is. Raises ValueError as ``runs`` does."""
    lengths = runs(mask)
    line = np.repeat(np.arange(len(lengths), dtype=np.uint8) & 1, lengths)
    return line.reshape((mask.height, mask.width), order="F")


def area(mask: Mask) -> int:
    """How many pixels it has. Raises ValueError as ``runs`` does."""
    return int(runs(mask)[1::2].sum())


def box(mask: Mask) -> Box | None:
    """The smallest box around it, None when it is empty. Raises ValueError as ``runs`` does."""
    lengths = runs(mask)
    ends = np.cumsum(lengths)[1::2]
    starts, ends = (ends - lengths[1::2])[lengths[1::2] > 0], ends[lengths[1::2] > 0] - 1  # first and last pixel
    if not len(starts):
        return None
    left, right = starts[0] // mask.height, ends[-1] // mask.height
    # A run that goes on in the next column reaches both its bottom and the top of the next.
    over = bool(np.any(starts // mask.height != ends // mask.height))
    top = 0 if over else int((starts % mask.height).min())
    bottom = mask.height - 1 if over else int((ends % mask.height).max())
    return Box(int(left), top, int(right) + 1, bottom + 1)


def _judge(lengths: Runs, width: int, height: int) -> None:
    if not 0 < width * height <= LARGEST or width < 0:
        raise ValueError(f"a mask cannot have {width} x {height} pixels")
    # Each on its own first, so that the sum cannot run over.
    if lengths.min() < 0 or lengths.max() > width * height or lengths.sum() != width * height:
        raise ValueError(f"the run lengths do not fill {width} x {height} pixels")
