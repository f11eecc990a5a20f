"""The settings that both chains of TLT 3.0 and later have."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.imaging.decoding import Pixels, grey
from runtime.imaging.transforms import Size


@dataclass(frozen=True, kw_only=True)
class Flat:
    """Fields are those of the flat ``augmentation_config``, with what they mean when they are not written there.

    ``width``, ``height``: of the network's input in pixels; ``channels`` 1 gives luma in all three. ``strict``: as
    NVIDIA has it also where it costs quality or time (docs/strict.md). Units of the others are the chain's.
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

    @property
    def size(self) -> Size:
        return self.width, self.height

    def bound(self, stored: Size) -> Size:  # noqa: ARG002 - all come out alike
        return self.size

    def finished(self, picture: Pixels) -> Pixels:
        return grey(picture) if self.channels == 1 else picture
