"""Drawn data sets: pictures to try everything on, free of anybody's rights."""

from __future__ import annotations

from pathlib import Path

from tltpipe import registry
from tltpipe.errors import UsageError
from tltpipe.progress import Progress

LAYOUT = "deepfashion2"


def layouts() -> list[str]:
    """Names of the layouts that there are."""
    return registry.names("converters.sample.layouts")


def draw(
    out: Path,
    *,
    train: int,
    validation: int,
    test: int = 0,
    seed: int,
    progress: Progress,
    layout: str = LAYOUT,
    size: int | None = None,
    workers: int | None = None,
) -> None:
    """Draw so many pictures a split, with annotations, into the folder ``out``, as the data set ``layout`` has them.

    The longer side of a picture is about ``size`` pixels (default: as the layout has it). The same seed draws the same
    bytes with any number of ``workers``, and a longer split begins with the pictures of a shorter one. Raises
    UsageError for a layout or a split that does not exist, and for a folder that exists already.
    """
    module = registry.load("converters.sample.layouts", layout)
    if test and len(module.SPLITS) < 3:
        known = ", ".join(module.SPLITS)
        raise UsageError(f"the layout {layout} has no test split with annotations", hint=f"its splits: {known}")
    given = zip(module.SPLITS, (train, validation, test), strict=False)
    counts = {split: count for split, count in given if count > 0}
    for folder in module.outputs(out, counts):
        if folder.exists():
            raise UsageError("this folder is there already", where=folder, hint="choose another folder")
    with progress.bar("draw", total=sum(counts.values()), unit="pictures") as bar:
        module.draw(out, counts, seed=seed, size=size or module.SIZE, bar=bar, workers=workers)
