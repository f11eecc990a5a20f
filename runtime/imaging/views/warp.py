"""TLT 2.0's view: one warp from the stored picture to the network's size, and one change of colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.imaging.decoding import Place, Preprocess
from runtime.imaging.views.affine import OnlineAugment


@dataclass(frozen=True)
class Warp:
    """``preprocess`` brings a picture to size, ``augment`` changes it."""

    preprocess: Preprocess
    augment: OnlineAugment

    def __call__(
        self,
        path: Place,
        boxes: NDArray[np.float32],
        size: tuple[int, int],
        random: np.random.Generator | None = None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.intp]]:
        boxes = self.preprocess.boxes(boxes, size)
        if random is None:
            return self.preprocess.picture(path, size), *self.augment.keep(boxes)
        return self.augment(self.preprocess.decoded(path, size), boxes, random)
