"""KITTI folders to augment and to convert: pictures of the corpus with the labels that ``tltpipe prepare`` writes."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import commands
import corpus
from measure import run

from converters.pictures import headers

SIDES = range(500, 1001)
"""Pixels that either side of a picture may have."""
FRAMES = 4000


def prepared(bench: corpus.Bench) -> Path:
    """The folder with ``image`` and ``label`` of the whole corpus."""
    workspace = bench.workspace("prepared")
    run(commands.prepare(workspace))
    return workspace / "Original-Data" / bench.split.name


def frames(bench: corpus.Bench, whole: Path, *, count: int, sides: range | None = None) -> Path:
    """A folder with ``image`` and ``label``: the first ``count`` of ``whole``, or those of them with such sides.

    Nothing is copied. Raises ValueError where there are fewer.
    """
    root = bench.folder(f"frames{count}")
    for part in ("image", "label"):
        (root / part).mkdir()
    pictures = (path for path in sorted((whole / "image").iterdir()) if sides is None or _fits(path, sides))
    taken = [path.stem for path in islice(pictures, count)]
    if len(taken) < count:
        raise ValueError(f"the corpus has {len(taken)} such pictures, not {count}: give it more --pictures")
    for stem in taken:
        for name in (f"image/{stem}.jpg", f"label/{stem}.txt"):
            os.link(whole / name, root / name)
    return root


def large(bench: corpus.Bench) -> Path:
    """What is augmented for figures of speed: up to ``FRAMES`` pictures whose sides are in ``SIDES``."""
    whole = prepared(bench)
    return frames(bench, whole, count=min(FRAMES, count(whole) // 3), sides=SIDES)


def count(root: Path) -> int:
    return len(os.listdir(root / "image"))  # noqa: PTH208


def _fits(path: Path, sides: range) -> bool:
    return all(side in sides for side in headers.size(path))


def described(root: Path) -> str:
    """How many pictures there are, and what they are like."""
    paths = list((root / "image").iterdir())
    bytes = sorted(path.stat().st_size for path in paths)
    sides = [headers.size(path) for path in paths]
    pixels = sum(width * height for width, height in sides) / len(sides)
    low, high = (choose(choose(each) for each in sides) for choose in (min, max))
    least, middle, most = (bytes[int(share * (len(bytes) - 1))] / 1000 for share in (0, 0.5, 1))
    sizes = f"{least:.0f} to {most:.0f} kB, median {middle:.0f}"
    return f"{len(paths):,} JPEGs, sides {low} to {high} px, {pixels / 1e6:.2f} megapixels, {sizes}"
