"""Splits of pictures that have nothing to do with each other, each a folder with some folders in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tltpipe import files
from tltpipe.progress import Bar
from tltpipe.workers import parallel_map

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Picture:
    """One picture of a split. ``seed``: that of all, the split's place, the picture's number from 0."""

    folder: Path
    seed: tuple[int, int, int]
    size: int

    @property
    def stem(self) -> str:
        return f"{self.seed[2] + 1:06d}"

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


def outputs(out: Path, counts: Mapping[str, int]) -> list[Path]:
    """The folders that ``draw`` makes."""
    return [out / split for split in counts]


def draw(
    out: Path,
    counts: Mapping[str, int],
    draw_one: Callable[[Picture], None],
    *,
    folders: Sequence[str],
    seed: int,
    size: int,
    bar: Bar,
    workers: int | None,
) -> None:
    """Have ``draw_one`` draw the pictures to ``out/<split>/<folders>``. Each split appears whole or not at all."""
    for split, count in counts.items():
        with files.staged(out / split) as folder:
            for name in folders:
                (folder / name).mkdir()
            place = SPLITS.index(split)
            pictures = (Picture(folder, (seed, place, number), size) for number in range(count))
            for _ in parallel_map(draw_one, pictures, workers=workers):
                bar.advance(1)
