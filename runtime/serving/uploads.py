"""The bytes of an image that somebody sent: judged by their header before a pixel is decoded, and turned upright."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from converters.model import rules
from converters.pictures import headers, orientation
from runtime.imaging import decoding
from runtime.imaging.decoding import Encoded, InMemory
from tltpipe.errors import DataError
from tltpipe.web.problems import RequestProblem

TURNED_BY_DECODER = frozenset({"TIFF"})
"""Pillow turns these upright as it decodes them."""
SCANS = 200
"""Of a JPEG, at most. Each goes over all of its pixels: a file of 100 kB can have so many that decoding takes minutes.
Progressive images have about ten."""
START_OF_SCAN = b"\xff\xda"
KINDS = "send JPEG, PNG, WebP, BMP or TIFF"


@dataclass(frozen=True)
class Upload:
    """An image as it is shown; ``orientation`` is that of its EXIF, and ``format`` what Pillow calls its format."""

    place: Encoded | InMemory
    orientation: int
    format: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return decoding.stored_size(self.place)


def read(name: str, data: bytes, *, pixels: int) -> Upload:
    """The image ``data`` of at most so many ``pixels``. Raises RequestProblem: 413 for one that is too large, 415 for
    what is no image that is read here, 422 for a damaged one."""
    format, size, turn = _judged(data, pixels)
    if format in TURNED_BY_DECODER:
        turn = orientation.UPRIGHT
    encoded = Encoded(name or "the image", data, size)
    if turn == orientation.UPRIGHT:
        return Upload(encoded, turn, format)
    shown = np.ascontiguousarray(orientation.turned_pixels(decoded(encoded), turn))
    return Upload(InMemory(encoded.name, shown), turn, format)


def decoded(place: Encoded | InMemory) -> decoding.Pixels:
    """All pixels. Raises RequestProblem for a damaged image."""
    try:
        return decoding.pixels(place)
    except DataError as error:
        raise RequestProblem(422, error.what, hint="is all of it there? Open it in a viewer to see") from error


def _judged(data: bytes, pixels: int) -> tuple[str, tuple[int, int], int]:
    """Format, size and orientation by the header."""
    if not data:
        raise RequestProblem(400, "the image is empty", hint="send the bytes of an image file as the body")
    if (kind := headers.unsupported(data[:12])) is not None:
        raise RequestProblem(415, f"{kind} images cannot be read", hint=KINDS)
    try:
        with headers.opened_stream(io.BytesIO(data), "the image") as image:
            _require_room(*image.size, pixels)
            format, animated, turn = headers.facts(image)
    except DataError as error:
        status = 413 if error.code == rules.TOO_LARGE.code else 422
        raise RequestProblem(status, error.what, hint="send it smaller") from error
    except headers.problems() as error:
        raise RequestProblem(415, "this is no image of a known format", hint=KINDS) from error
    if animated:
        what = "this image has several frames or pages, of which only one could be answered for"
        raise RequestProblem(415, what, hint="send each as an image of its own")
    if format == "JPEG" and (scans := data.count(START_OF_SCAN)) > SCANS:
        raise RequestProblem(413, f"this JPEG has {scans:,} scans, at most {SCANS} are read", hint="save it anew")
    return format, image.size, turn


def _require_room(width: int, height: int, pixels: int) -> None:
    if width * height > pixels:
        what = f"this image has {width} x {height} pixels by its header, at most {pixels:,} are read"
        raise RequestProblem(413, what, hint="send it smaller, or start the server with a larger --max-pixels")
