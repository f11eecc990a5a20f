"""The original chain of SSD, which folders of pictures and labels get from TLT 3.0 on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SsdChain:
    """Fields are those of the flat ``augmentation_config``, with what they mean when they are not written there.

    ``width``, ``height``: of the network's input in pixels; ``channels`` 1 gives luma in all three. ``brightness``
    in levels and ``hue`` in steps of 2 degrees to either side; ``contrast`` and ``saturation`` as shares: 0.3 is a
    factor of 0.7 to 1.3. ``zoom_out_*``: the canvas in sides of the picture. ``random_crop_*_scale``: the patch in
    sides of the picture, ``*_ar`` its width / height in pixels. ``strict``: as NVIDIA has it also where it costs
    quality or time (docs/strict.md).
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
