"""Exported files of HRNet held against the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.networks.hrnet.settings import STRIDE

if TYPE_CHECKING:
    from runtime.imaging.pixels import PixelBatch
    from runtime.nn.export.subject import Subject
    from runtime.tasks import Prediction

EXACT, HALF = 1e-3, 0.02
"""How far the heights of a peak may be apart; float16 has 11 bits."""
SAME_PLACE = 0.05
"""Pixels up to which two landmarks are in one place."""


@dataclass(frozen=True)
class Difference:
    """Of ``landmarks`` on ``images`` those that are ``elsewhere`` in the second model: where two cells are equally high
    but for rounding, either may be the peak. ``peaks`` is the largest difference in height, ``unexplained`` are those
    elsewhere for which the first model has no such cell."""

    images: int
    landmarks: int
    elsewhere: int
    peaks: float
    unexplained: int
    allowed: float

    @property
    def same(self) -> bool:
        return not self.unexplained and self.peaks <= self.allowed

    @property
    def doubt(self) -> str | None:
        """Where other cells were chosen, but for a few near ties."""
        if self.elsewhere <= 0.02 * self.landmarks + 2:
            return None
        return "the two chose other peaks, as happens where many are equally high: is this model trained?"

    def facts(self) -> dict[str, Any]:
        return vars(self) | {"peaks": round(self.peaks, 7)}

    def text(self) -> str:
        apart = f", {self.elsewhere} of them elsewhere" if self.elsewhere else ""
        return (
            f"{self.landmarks} landmarks on {self.images} pictures{apart}; largest difference {self.peaks:.2g} in peaks"
        )


def compare(
    subject: Subject, images: PixelBatch, expected: Sequence[Prediction], found: Sequence[Prediction]
) -> Difference:
    """Landmarks against landmarks."""
    import torch

    from runtime.networks.hrnet.export.graphs import model_of

    model = model_of(subject)
    with torch.inference_mode():
        maps = model.maps(torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2).float())[:, model.slots].numpy()
    first, second = (np.stack([each["keypoints"][0] for each in given]) for given in (expected, found))
    allowed = HALF if subject.data_type == "fp16" else EXACT
    elsewhere = np.abs(first[..., :2] - second[..., :2]).max(axis=-1) > SAME_PLACE
    columns, rows = np.rint(second[..., :2] / STRIDE).astype(np.int64).transpose(2, 0, 1)
    place = np.indices(rows.shape)
    there = maps[place[0], place[1], rows, columns]
    return Difference(
        images=len(first),
        landmarks=first.shape[0] * first.shape[1],
        elsewhere=int(elsewhere.sum()),
        peaks=float(np.abs(first[..., 2] - second[..., 2]).max()),
        unexplained=int((elsewhere & (np.abs(there - second[..., 2]) > allowed)).sum()),
        allowed=allowed,
    )
