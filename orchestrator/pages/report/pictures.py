"""Pictures of a run as they stand in its report: small, as JPEG, in the page itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SIDE, QUALITY = 1280, 80
"""The longer side of a picture, a sheet of several, in pixels."""
PIXELS = 60_000_000
"""A picture with more is not decoded."""
BYTES = 8_000_000
"""Of all pictures of a run in the page, about; what goes over it is named, and left out."""


@dataclass(frozen=True)
class Shot:
    """A picture with its name; ``url`` is None where it could not be shown, ``why`` says so."""

    name: str
    caption: str
    url: str | None
    width: int = 0
    height: int = 0
    why: str = ""


def shots(pictures: Iterable[tuple[Path, str]]) -> Iterator[Shot]:
    """Each file with its caption, those that are there."""
    left = BYTES
    for path, caption in pictures:
        if not path.is_file():
            continue
        shot = _shot(path, caption) if left > 0 else Shot(path.name, caption, None, why="left out, the page is large")
        left -= len(shot.url or "")
        yield shot


def _shot(path: Path, caption: str) -> Shot:
    from PIL import Image

    from tltpipe import inputs

    try:
        with inputs.opened(path) as stream, Image.open(stream) as picture:
            if picture.width * picture.height > PIXELS:
                return Shot(path.name, caption, None, why=f"{picture.width} x {picture.height} pixels are too many")
            small = picture.convert("RGB")
            small.thumbnail((SIDE, SIDE))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Shot(path.name, caption, None, why="it cannot be read")
    written = io.BytesIO()
    small.save(written, "JPEG", quality=QUALITY, optimize=True)
    url = f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
    return Shot(path.name, caption, url, small.width, small.height)
