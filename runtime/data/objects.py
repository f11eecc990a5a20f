"""Splits of which every object is a sample of its own, not every image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from runtime.data import checks
from runtime.data.recipe import Source
from runtime.data.split import Split
from tltpipe.errors import DataError


def per_object(split: Split, what: str, sources: Sequence[Source]) -> Split:
    """``split`` with a sample for each object that can be one; the others are counted, and lost to a training.

    Raises DataError where none can be.
    """
    chosen = np.ones(len(split.labels), np.bool_)
    notes = [*split.notes, *(f"{what} data: {doubt}" for doubt in split.doubts())]
    for why, lacking in split.unsampled().items():
        count = int(np.count_nonzero(chosen & lacking))
        if not count:
            continue
        first = split.image(checks.picture_of(split, np.flatnonzero(chosen & lacking)[0]))
        chosen &= ~lacking
        notes.append(f"{count} objects of the {what} data are no samples, such as one of {first}: {why}")
        if what == "training":
            split.losses.count_written(items=-count)
            split.losses.lose(why, items=count)
    if len(chosen) and not chosen.any():
        raise DataError(
            f"none of the {len(chosen)} objects of the {what} data can be a sample: {notes[-1].rpartition(': ')[2]}",
            where=sources[0].annotations if isinstance(sources[0].annotations, Path) else None,
            hint="see what wrote the annotations",
        )
    return replace(split.per_object(chosen), notes=tuple(notes))
