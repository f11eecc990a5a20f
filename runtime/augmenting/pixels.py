"""Picture files to pixels and back, by libjpeg-turbo where they are JPEG and by Pillow where they are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image as Pictures

from runtime.transforms import Image, Size
from tltpipe.errors import DataError
from tltpipe.files import writable

QUALITY = 75
"""Of JPEG files, Pillow's own default, as NVIDIA's program writes them."""

JPEG = frozenset((".jpg", ".jpeg"))
_JPEG_START = b"\xff\xd8\xff"
_MOST = 178_956_970
"""Pixels of a picture that are decoded: what Pillow takes for an attack beyond."""


def read(path: Path) -> bytes:
    """The file ``path``; raises DataError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read()
    except FileNotFoundError:
        raise DataError("there is no such picture", where=path) from None
    except OSError as problem:
        raise DataError(f"the picture cannot be read: {problem.strerror}", where=path) from None


def decode(path: Path, *, least: Size | None = None) -> tuple[Image, Size]:
    """(the picture as uint8 RGB [height, width, 3], its size as stored); raises DataError.

    An EXIF orientation is not applied, as labels speak of the stored pixels. With ``least`` a JPEG may come out at a
    half, a quarter or an eighth of its size, but not below that.
    """
    data = read(path)
    if data.startswith(_JPEG_START):
        try:
            height, width, *_ = simplejpeg.decode_jpeg_header(data)
            if width * height <= _MOST:
                wanted = (least[1], least[0], 2.0) if least else (0, 0, 1.0)
                return simplejpeg.decode_jpeg(data, "RGB", False, False, *wanted), (width, height)
        except ValueError:
            pass  # CMYK and other rare kinds; and what is damaged, of which Pillow tells more
    pixels = _by_pillow(path)
    return pixels, (pixels.shape[1], pixels.shape[0])


def encode(pixels: Image, path: Path, *, grey: bool = False) -> None:
    """Write uint8 RGB ``pixels`` to ``path``, whole or not at all; its suffix says how."""
    with writable(path.parent):
        partial = path.with_name(f".{path.name}")
        if path.suffix.lower() in JPEG and not grey and max(pixels.shape) < 65_500:
            # fastdct is off: those files differ from what Pillow writes by several levels.
            data = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), QUALITY, "RGB", "420", False)
            with partial.open("wb") as stream:
                stream.write(data)
        else:
            image = Pictures.fromarray(pixels)
            format = Pictures.registered_extensions()[path.suffix.lower()]
            (image.convert("L") if grey else image).save(partial, format)
        partial.replace(path)


def _by_pillow(path: Path) -> Image:
    # Pillow keeps some memory for the next picture instead of asking the system anew: a third of the time saved.
    Pictures.core.set_blocks_max(4)  # type: ignore[attr-defined]
    try:
        with Pictures.open(path) as image:
            if image.mode.startswith("I;16"):
                return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
            image.load()
            return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Pictures.DecompressionBombError) as problem:
        what = "the image cannot be read: " + str(problem).replace(f" {str(path)!r}", "")
        raise DataError(what, where=path, hint="open it in a viewer to see, and copy or unpack it again") from None
