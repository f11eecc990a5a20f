"""What every peer of ``tlt-augment`` does alike: KITTI labels in and out, files spread over two processes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path

SIZE = 288
PROCESSES = 2

Line = list[str]
"""The columns of one label; 4 to 7 are left, top, right, bottom."""


def read(label: Path) -> list[Line]:
    return [line.split() for line in label.read_text().splitlines()]


def write(label: Path, lines: list[Line], boxes: list[list[float]]) -> None:
    moved = ([*line[:4], *(f"{value:.2f}" for value in box), *line[8:]] for line, box in zip(lines, boxes, strict=True))
    label.write_text("".join(" ".join(columns) + "\n" for columns in moved))


def spread(one: Callable[[Path, Path, str], None], root: Path, output: Path) -> None:
    """Call ``one(root, output, stem)`` for every picture, in two processes."""
    for part in ("images", "labels"):
        (output / part).mkdir(parents=True)
    stems = sorted(path.stem for path in (root / "image").iterdir())
    with get_context("fork").Pool(PROCESSES) as pool:
        for _ in pool.imap_unordered(partial(one, root, output), stems, chunksize=16):
            pass
