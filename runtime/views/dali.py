"""The chain of TLT 3.0 and later for TFRecords, which NVIDIA runs in DALI."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Dali:
    """Fields are those of the flat ``augmentation_config``, with what they mean when they are not written there.

    As for ``SsdChain``, but ``hue`` is in degrees and ``brightness`` in 1 / 256 of a factor: 24 is 0.906 to 1.094.
    """

    width: int
    height: int
    channels: int = 3
    random_crop_min_scale: float = 0.3
    random_crop_max_scale: float = 1.0
    random_crop_min_ar: float = 0.5
    random_crop_max_ar: float = 2.0
    zoom_out_min_scale: float = 1.0
    zoom_out_max_scale: float = 4.0
    brightness: int = 0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: int = 0
    random_flip: float = 0.0
    strict: bool = False

    def __call__(
        self,
        path: Path,
        boxes: NDArray[np.float32],
        size: tuple[int, int],
        random: np.random.Generator | None = None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.intp]]:
        raise NotImplementedError
