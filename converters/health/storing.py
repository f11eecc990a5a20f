"""Pictures stored anew: upright, as RGB, and as what their name says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.health.looks import KINDS
from converters.model.header import Header
from converters.pictures import headers

if TYPE_CHECKING:
    from PIL.Image import Image

QUALITY = 95

_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": QUALITY, "subsampling": 0},
    "WEBP": {"quality": QUALITY},
    "AVIF": {"quality": QUALITY},
}
_NO_RGB = {"GIF": ".png"}  # what such a picture becomes


def fits(path: Path, header: Header) -> bool:
    """Whether the picture can stay as it is."""
    return header.orientation == 1 and header.mode == "RGB" and header.format == kind(path, header)


def kind(path: Path, header: Header) -> str:
    """What the extension of ``path`` says it is; where that says nothing, what it is."""
    return KINDS.get(path.suffix[1:].lower(), header.format)


def suffix(path: Path) -> str:
    """The extension under which the picture ``path`` is stored anew: its own, where that format has RGB."""
    return _NO_RGB.get(KINDS.get(path.suffix[1:].lower(), ""), path.suffix)


def store(source: Path, header: Header, target: Path) -> None:
    """Write ``source`` to ``target`` as its extension says: upright, RGB, with its colour profile and no EXIF.

    ``target`` appears whole. Raises DataError for a picture that cannot be read.
    """
    with headers.opened(source) as image:
        image.load()
        picture, profile = _rgb(_upright(image, header.orientation)), image.info.get("icc_profile")
    picture.info = {}
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    keep = {"icc_profile": profile} if profile and header.mode == "RGB" else {}
    format = kind(target, header)
    picture.save(partial, format, **_OPTIONS.get(format, {}), **keep)
    os.replace(partial, target)


def _upright(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,  # Pillow turns against the clock
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _rgb(image: Image) -> Image:
    """As trainers read it, but 16 bits are scaled to 8, not cut off."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        import numpy as np
        from PIL.Image import fromarray

        grey = np.asarray(image).astype(np.int64)
        image = fromarray((grey >> 8 if grey.max(initial=0) > 255 else grey).clip(0, 255).astype(np.uint8))
    return image.convert("RGB")
