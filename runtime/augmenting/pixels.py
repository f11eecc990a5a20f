"""Picture files to pixels and back, by libjpeg-turbo where they are JPEG and by Pillow where they are not."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image as Pictures

from converters.files import listing
from converters.pictures import headers, limits
from runtime.imaging.transforms import Image, Size
from tltpipe import inputs, staging
from tltpipe.errors import DataError

QUALITY = 75
"""Of JPEG files, Pillow's own default, as NVIDIA's program writes them."""

_FORMATS = {
    f".{extension}": format
    for format in ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM")
    for extension in listing.FORMATS[format]
}
"""How images are written, by their extension, in all colours; the others become PNG, which loses nothing."""
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
            height, width, *_ = simplejpeg.decode_jpeg_header(data)
            limits.require_room(width, height, path)
            wanted = (least[1], least[0], 2.0) if least else (0, 0, 1.0)
            place = _room(3 * width * height)
            return simplejpeg.decode_jpeg(data, "RGB", False, False, *wanted, place), (width, height)
        except ValueError:
            pass  # CMYK and other rare kinds; and what is damaged, of which Pillow tells more
    pixels = _by_pillow(Path(path))
    return pixels, (pixels.shape[1], pixels.shape[0])


def _room(size: int) -> Image | None:
    """Memory for ``size`` bytes that is used again and again, which spares the system's page faults.

    None for a picture so large that it should not be kept.
    """
    global _memory
    if size > _KEPT:
        return None
    if _memory is None or len(_memory) < size:
        _memory = np.empty(max(size, 4 << 20), np.uint8)
    return _memory


_KEPT = 48 << 20
_memory: Image | None = None


def written_name(name: str) -> str:
    """What the image ``name`` is called when it is written: ``.png`` where its own format has no encoder for RGB.

    >>> written_name("a/1.jpg"), written_name("a/2.gif")
    ('a/1.jpg', 'a/2.png')
    """
    return name if _suffix(name) in _FORMATS else f"{name.rpartition('.')[0]}.png"


def encode(pixels: Image, folder: str, name: str, *, grey: bool = False) -> None:
    """Write uint8 RGB ``pixels`` to the file ``name`` of the staging folder ``folder``, named as ``written_name`` says;
    its suffix says how."""
    format = _FORMATS[_suffix(name)]
    if format == "JPEG" and not grey and max(pixels.shape) < 65_500:
        # fastdct is off: those files differ from what Pillow writes by several levels.
        content = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), QUALITY, "RGB", "420", False)
    else:
        image, stream = Pictures.fromarray(pixels), io.BytesIO()
        (image.convert("L") if grey else image).save(stream, format)
        content = stream.getvalue()
    staging.write(folder, name, content)


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2].lower()}"


def _by_pillow(path: Path) -> Image:
    # Pillow keeps some memory for the next picture instead of asking the system anew: a third of the time saved.
    Pictures.core.set_blocks_max(4)  # type: ignore[attr-defined]
    with headers.opened(path) as image:
        if image.mode.startswith("I;16"):
            return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
        image.load()
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
