"""Picture files to pixels and back, by libjpeg-turbo where they are JPEG and by Pillow where they are not."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import simplejpeg

from converters.pictures import headers, limits
from runtime.augmenting import names
from runtime.imaging.transforms import Image, Size
from tltpipe import inputs, staging
from tltpipe.errors import DataError

QUALITY = 75
"""Of JPEG files, Pillow's own default, as NVIDIA's program writes them."""

_JPEG_START = b"\xff\xd8\xff"


def read(path: str) -> bytes:
    """The file ``path``; raises DataError where it cannot be read."""
    try:
        file = inputs.handle(path)
        try:
            size = os.fstat(file).st_size
            parts = [os.read(file, size + 1)]
            while len(parts[-1]) and sum(map(len, parts)) < size:
                parts.append(os.read(file, size))
        finally:
            os.close(file)
    except FileNotFoundError:
        raise DataError("there is no such picture", where=path) from None
    except OSError as problem:
        raise DataError(f"the picture cannot be read: {problem.strerror}", where=path) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def decode(path: str, *, least: Size | None = None) -> tuple[Image, Size]:
    """(the picture as uint8 RGB [height, width, 3], its size as stored); raises DataError.

    An EXIF orientation is not applied, as labels speak of the stored pixels. With ``least`` a JPEG may come out at a
    half, a quarter or an eighth of its size, but not below that. The pixels may be gone after the next call.
    """
    data = read(path)
    if data.startswith(_JPEG_START):
        try:
            return _by_turbo(data, path, least)
        except ValueError:
            pass  # CMYK and other rare kinds; and what is damaged, of which Pillow tells more
    pixels = _by_pillow(Path(path))
    return pixels, (pixels.shape[1], pixels.shape[0])


def _by_turbo(data: bytes, path: str, least: Size | None) -> tuple[Image, Size]:
    """As ``decode``; raises ValueError for what libjpeg-turbo cannot do."""
    if least is None:
        with suppress(ValueError):  # too large for that memory, or the error comes once more
            pixels = simplejpeg.decode_jpeg(data, "RGB", False, False, 0, 0, 1.0, _memory)
            return pixels, (pixels.shape[1], pixels.shape[0])
    height, width, *_ = simplejpeg.decode_jpeg_header(data)
    limits.require_room(width, height, path)
    wanted = (least[1], least[0], 2.0) if least else (0, 0, 1.0)
    return simplejpeg.decode_jpeg(data, "RGB", False, False, *wanted, _room(3 * width * height)), (width, height)


def _room(size: int) -> Image | None:
    """Memory for ``size`` bytes that is used again and again, which spares the system's page faults.

    None for a picture so large that it should not be kept.
    """
    global _memory
    if size > _KEPT:
        return None
    if len(_memory) < size:
        _memory = np.empty(size, np.uint8)
    return _memory


_KEPT = 48 << 20
_memory: Image = np.empty(4 << 20, np.uint8)


def encode(pixels: Image, folder: str, name: str, *, grey: bool = False) -> None:
    """Write uint8 RGB ``pixels`` to the file ``name`` of the staging folder ``folder``, named as ``names.written``
    says; its suffix says how."""
    format = names.format_of(name)
    if format == "JPEG" and not grey and max(pixels.shape) < 65_500:
        # fastdct is off: those files differ from what Pillow writes by several levels.
        content = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), QUALITY, "RGB", "420", False)
    else:
        from PIL import Image as Pictures

        image, stream = Pictures.fromarray(pixels), io.BytesIO()
        (image.convert("L") if grey else image).save(stream, format)
        content = stream.getvalue()
    staging.write(folder, name, content)


def _by_pillow(path: Path) -> Image:
    from PIL import Image as Pictures

    # Pillow keeps some memory for the next picture instead of asking the system anew: a third of the time saved.
    Pictures.core.set_blocks_max(4)  # type: ignore[attr-defined]
    with headers.opened(path) as image:
        if image.mode.startswith("I;16"):
            return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
        image.load()
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
