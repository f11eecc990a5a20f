"""How far the detections of two models are apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runtime.tasks import Prediction

if TYPE_CHECKING:
    from torch import Tensor

    from runtime.imaging.pixels import PixelBatch
    from runtime.nn.export.subject import Subject

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Tolerance:
    """How far boxes and scores of one and the same detection may be apart; ``pair`` is the sum of both up to which
    two detections are taken for the same."""

    pixels: float
    scores: float
    pair: float


EXACT = Tolerance(pixels=0.05, scores=1e-3, pair=0.5)
"""More than the order of additions makes, even in a network that was never trained; errors make far more."""
HALF = Tolerance(pixels=1.0, scores=0.02, pair=2.0)
"""float16 has 11 bits: a trained network comes to a tenth of this."""


@dataclass(frozen=True)
class Difference:
    """``pixels`` and ``scores`` are the largest differences of ``boxes`` detections that both models have; ``alone``
    are those of one model only: where two scores or overlaps are within rounding, either may go. ``unexplained`` are
    those of the second that the first could not have made, whatever it chose."""

    pictures: int = 0
    boxes: int = 0
    alone: int = 0
    pixels: float = 0.0
    scores: float = 0.0
    unexplained: int = 0
    allowed: Tolerance = EXACT

    def within(self, tolerance: Tolerance) -> bool:
        """Whether what both have is the same but for rounding."""
        return self.pixels <= tolerance.pixels and self.scores <= tolerance.scores

    @property
    def same(self) -> bool:
        return not self.unexplained and self.within(self.allowed)

    @property
    def doubt(self) -> str | None:
        """Where both did not choose the same detections, but for a few near ties."""
        if self.alone <= 0.02 * self.boxes + 2:
            return None
        return "the two chose other boxes, as happens where many scores are equal: is this model trained?"

    def facts(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("pictures", "boxes", "alone", "pixels", "scores")}
        return {**told, "allowed": {"pixels": self.allowed.pixels, "scores": self.allowed.scores}}

    def text(self) -> str:
        apart = f", {self.alone} in one of them only" if self.alone else ""
        return (
            f"{self.boxes} boxes on {self.pictures} pictures{apart}; "
            f"largest difference {self.pixels:.2g} px, {self.scores:.2g} in scores"
        )


def between(
    first: Sequence[Prediction],
    second: Sequence[Prediction],
    tolerance: Tolerance = EXACT,
    *,
    candidates: tuple[Floats, Floats] | None = None,
    probabilities: Sequence[str] = ("scores",),
) -> Difference:
    """Of the same pictures, one after the other. Boxes larger than 1 px are measured by what a pixel is to them.

    ``candidates``: scores [B, A, N] and corners [B, A, 4] of all that the first model has chosen from.
    ``probabilities``: the fields whose differences count as those of scores, such as masks from 0 to 1.
    """
    pictures = boxes = alone = 0
    pixels = scores = 0.0
    for one, other in zip(first, second, strict=True):
        pictures += 1
        pairs, lonely = _pairs(one, other, tolerance.pair)
        boxes += len(pairs)
        alone += lonely
        for i, j in pairs:
            pixels = max(pixels, _apart(one, other, i, j))
            scores = max(scores, *(float(np.abs(one[name][i] - other[name][j]).max()) for name in probabilities))
    unexplained = 0 if candidates is None else unexplained_detections(second, *candidates, tolerance)
    return Difference(pictures, boxes, alone, pixels, scores, unexplained, tolerance)


def between_programs(
    subject: Subject,
    images: PixelBatch,
    expected: Sequence[Prediction],
    found: Sequence[Prediction],
    *,
    candidates: Callable[[Tensor], tuple[Tensor, Tensor]],
) -> Difference:
    """What only the program has ``found`` must be among the ``candidates`` of the model: scores [B, A, N] of all
    classes and corners [B, A, 4] of images float32 [B, 3, H, W]."""
    import torch

    allowed = HALF if subject.data_type == "fp16" else EXACT
    with torch.inference_mode():
        scores, corners = candidates(torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2).float())
    return between(expected, found, allowed, candidates=(scores.numpy(), corners.numpy()))


def unexplained_detections(
    found: Iterable[Prediction], scores: Iterable[Floats], corners: Iterable[Floats], tolerance: Tolerance = EXACT
) -> int:
    """How many detections are none that the detector could have made: of no anchor with that score and box.

    ``scores`` [A, N] and ``corners`` [A, 4] of each picture are what the detector says of all anchors.
    """
    count = 0
    for each, said, places in zip(found, scores, corners, strict=True):
        for box, label, score in zip(each["boxes"], each["labels"], each["scores"], strict=True):
            longer = max(1.0, float(max(box[2] - box[0], box[3] - box[1])) / 1000)
            near = np.abs(said[:, label - 1] - score) <= tolerance.scores
            count += not (near & (np.abs(places - box).max(axis=1) <= tolerance.pixels * longer)).any()
    return count


def _pairs(one: Prediction, other: Prediction, limit: float) -> tuple[list[tuple[int, int]], int]:
    """The nearest box of the same class to each, if it is one and the same; and how many of both have none."""
    pairs, free = [], np.ones(len(other["scores"]), dtype=bool)
    for i in range(len(one["scores"])):
        there = np.flatnonzero(free & (other["labels"] == one["labels"][i]))
        if len(there):
            distances = [
                _apart(one, other, i, int(j)) + abs(float(one["scores"][i] - other["scores"][j])) for j in there
            ]
            j = int(there[int(np.argmin(distances))])
            if min(distances) < limit:
                free[j] = False
                pairs.append((i, j))
    return pairs, len(one["scores"]) - len(pairs) + int(free.sum())


def _apart(one: Prediction, other: Prediction, i: int, j: int) -> float:
    """Pixels between two boxes, of a picture in which the box is no larger than 1000."""
    box = one["boxes"][i]
    longer = max(1.0, float(max(box[2] - box[0], box[3] - box[1])) / 1000)
    return float(np.abs(box - other["boxes"][j]).max()) / longer
