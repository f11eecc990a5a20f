"""The full spec of ``augment_specs.py`` by torchvision's transforms v2, on the processor.

    python benchmarks/augment_torchvision.py ROOT OUTPUT

Bytes throughout, the functional form, resized first, without antialiasing as ``tlt-augment``: the fastest way there
is. The affine transform is that of the small picture, so its figures differ a little from the spec's; the hue of
HSV turns the other way round than NVIDIA's.
"""

from __future__ import annotations

import sys
from math import atan, degrees
from pathlib import Path
from typing import Any

import peers
import torch
from augment_specs import FULL
from peers import SIZE
from torchvision import tv_tensors
from torchvision.io import ImageReadMode, decode_jpeg, read_file, write_jpeg
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

AFFINE: dict[str, Any] = {
    "angle": FULL.rotation_angle,
    "translate": [FULL.translate_x // 2, FULL.translate_y // 2],
    "scale": 1.0,
    "shear": [degrees(atan(FULL.shear_ratio_x)), 0.0],
}


def picture(path: Path) -> tuple[tv_tensors.Image, tuple[int, int]]:
    """(the picture [3, 288, 288] as uint8, its (height, width) before)."""
    decoded = tv_tensors.Image(decode_jpeg(read_file(str(path)), mode=ImageReadMode.RGB))
    height, width = decoded.shape[-2:]
    made = functional.resize(decoded, [SIZE, SIZE], antialias=False)
    made = functional.affine(made, **AFFINE, interpolation=InterpolationMode.BILINEAR)
    made = functional.horizontal_flip(made)
    made = functional.adjust_hue(made, -FULL.hue_rotation_angle / 360)
    made = functional.adjust_saturation(made, FULL.saturation_shift)
    made = functional.adjust_brightness(made, 1 + FULL.brightness_offset / 127.5)
    made = functional.adjust_contrast(made, 1 + FULL.contrast)
    made = functional.gaussian_blur(made, [FULL.blur_size, FULL.blur_size], [FULL.blur_std, FULL.blur_std])
    return made, (height, width)


def moved(lines: list[peers.Line], canvas: tuple[int, int]) -> list[list[float]]:
    """The boxes on the small picture."""
    corners = torch.tensor([[float(value) for value in line[4:8]] for line in lines]).reshape(-1, 4)
    boxes: Any = tv_tensors.BoundingBoxes(corners, format=tv_tensors.BoundingBoxFormat.XYXY, canvas_size=canvas)
    boxes = functional.affine(functional.resize(boxes, [SIZE, SIZE]), **AFFINE)
    boxes = functional.clamp_bounding_boxes(functional.horizontal_flip(boxes))
    found: list[list[float]] = boxes.tolist()
    return found


def one(root: Path, output: Path, stem: str) -> None:
    torch.set_num_threads(1)
    made, canvas = picture(root / "image" / f"{stem}.jpg")
    write_jpeg(made, str(output / "images" / f"{stem}.jpg"), quality=75)
    lines = peers.read(root / "label" / f"{stem}.txt")
    peers.write(output / "labels" / f"{stem}.txt", lines, moved(lines, canvas))


if __name__ == "__main__":
    torch.set_num_threads(1)
    peers.spread(one, Path(sys.argv[1]), Path(sys.argv[2]))
