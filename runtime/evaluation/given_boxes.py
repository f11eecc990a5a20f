"""The boxes that a network is measured on which is shown one object at a time: those of a file of detections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runtime.data import detections
from runtime.data.recipe import Recipe
from runtime.data.split import Split


@dataclass(frozen=True)
class GivenBoxes:
    """``samples`` are the detections in the file ``path`` that score ``threshold`` or more."""

    path: Path
    threshold: float
    samples: Split

    @property
    def images(self) -> int:
        """How many images have any."""
        return int(np.count_nonzero(np.diff(self.samples.starts)))

    def lines(self) -> Iterator[str]:
        """Where the boxes come from, how many count, and what became of the others."""
        found, losses = self.samples, self.samples.losses
        counts = f"{found.samples} of {losses.read.items} detections, on {self.images} of {len(found)} images"
        yield f"boxes       {self.path.name}: {counts}"
        for reason, count in losses.lost.items():
            yield f"{'':<12}{count.items} left out: {reason}"

    def values(self) -> dict[str, Any]:
        """The same as JSON types."""
        losses = self.samples.losses
        return {
            "file": str(self.path),
            "threshold": self.threshold,
            "detections": losses.read.items,
            "samples": self.samples.samples,
            "images": self.images,
            "lost": {reason: count.items for reason, count in losses.lost.items()},
        }


def read(path: Path, threshold: float, recipe: Recipe[Any], classes: Sequence[str], truth: Split) -> GivenBoxes:
    """Those on the images of ``truth``; the validation split of ``recipe``. Raises DataError."""
    ids = detections.numbering(recipe, classes, truth)
    return GivenBoxes(path, threshold, detections.read(path, truth, ids, threshold=threshold))
