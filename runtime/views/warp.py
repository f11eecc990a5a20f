"""TLT 2.0's view: to the network's size first, then one warp and one change of colour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.online_augment import OnlineAugment
from runtime.pictures import Preprocess


@dataclass(frozen=True)
class Warp:
    """``preprocess`` brings a picture to size, ``augment`` changes it."""

    preprocess: Preprocess
    augment: OnlineAugment

    @classmethod
    def of(cls, experiment: Any) -> Warp:
        """Read ``augmentation_config`` of an ``Experiment`` message of TLT 2.0."""
        return cls(Preprocess.of(experiment), OnlineAugment.of(experiment))

    def __call__(
        self,
        path: Path,
        boxes: NDArray[np.float32],
        size: tuple[int, int],
        random: np.random.Generator | None = None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.intp]]:
        picture, boxes = self.preprocess.picture(path), self.preprocess.boxes(boxes, size)
        if random is None:
            boxes, kept = self.augment.keep(boxes)
        else:
            picture, boxes, kept = self.augment(picture, boxes, random)
        return np.asarray(picture), boxes, kept
