"""Dividing frames into folds and shards, equal to NVIDIA's TAO 5 converter to the last frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random

SEED = 42


def validation_count(frames: int, val_split: float) -> int:
    """How many of ``frames`` go to validation; ``val_split`` in percent, a float32 widened to double.

    Cut off, not rounded, and in this order of operations: 29 percent of 100 is 28.
    """
    return int(val_split / 100.0 * frames)


def random_partitions(frames: Sequence[str], val_split: float) -> list[list[str]]:
    """[validation, training]: the first by name validate; only the order within each is random, and always the same."""
    generator = Random(SEED)
    count = validation_count(len(frames), val_split)
    partitions = [list(frames[:count]), list(frames[count:])]
    for _ in range(2):
        for partition in partitions:
            generator.shuffle(partition)
    return partitions


def sequence_partitions(sequences: Mapping[str, Sequence[str]], count: int) -> list[list[str]]:
    """Whole sequences dealt out, longest first; with ``count`` 0 or 1 a single partition. Some may be empty."""
    generator = Random(SEED)
    count = max(count, 1)
    dealt = list(sequences) if count == 1 else sorted(sequences, key=lambda name: (-len(sequences[name]), name))
    partitions: list[list[str]] = [[] for _ in range(count)]
    for turn, name in enumerate(dealt):
        partitions[turn % count].extend(sequences[name])
    partitions.reverse()
    for partition in partitions:
        generator.shuffle(partition)
    return partitions


def shard_bounds(frames: int, shards: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each shard: equal parts, the last takes the remainder; 0 shards are one."""
    shards = max(shards, 1)
    size = frames // shards
    for shard in range(shards):
        yield shard * size, frames if shard == shards - 1 else (shard + 1) * size
