"""The augmentation specs that are measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import specs
from specs.augment import Augment
from tltpipe.files import write_text

RESIZE = Augment()
"""To 288x288, nothing else."""

FULL = replace(
    RESIZE,
    rotation_angle=10.0,
    shear_ratio_x=0.1,
    flip_horizontal=True,
    translate_x=20,
    translate_y=10,
    hue_rotation_angle=20.0,
    saturation_shift=1.2,
    contrast=0.2,
    brightness_offset=10.0,
    blur_size=5,
    blur_std=1.0,
)
"""Every transform there is."""


def written(tunables: Augment, path: Path) -> Path:
    """The spec file ``path`` for folders called ``image`` and ``label``."""
    text = specs.render(
        "augment", "augment.conf.j2", tunables, image_path="image", label_path="label", image_extension="jpg"
    )
    write_text(path, text)
    return path
