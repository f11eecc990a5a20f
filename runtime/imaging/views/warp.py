"""TLT 2.0's view: one warp from the stored picture to the network's size, and one change of colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.imaging.decoding import Place, Preprocess
from runtime.imaging.placement import Boxes, Placement, Seen
from runtime.imaging.transforms import Size
from runtime.imaging.views.affine import OnlineAugment


@dataclass(frozen=True)
class Warp:
    """``preprocess`` brings a picture to size, ``augment`` changes it."""

    preprocess: Preprocess
    augment: OnlineAugment

    def __call__(
        self,
        path: Place,
        boxes: Boxes,
        size: tuple[int, int],
        random: np.random.Generator | None = None,
    ) -> Seen:
        plain = Placement(self.preprocess.matrix(size), self.preprocess.size, size)
        boxes = self.preprocess.boxes(boxes, size)
        if random is None:
            return Seen(self.preprocess.picture(path, size), plain, *self.augment.keep(boxes))
        seen = self.augment(self.preprocess.decoded(path, size), boxes, random)
        return seen._replace(placement=seen.placement.after(plain))

    def bound(self, stored: Size) -> Size:  # noqa: ARG002 - all come out alike
        return self.preprocess.size
