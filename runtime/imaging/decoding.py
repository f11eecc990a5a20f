"""From a picture file, or a picture inside a record, to pixels at the network's size."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from converters.pictures import headers, limits
from tltpipe import inputs
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

Pixels: TypeAlias = NDArray[Any]
"""RGB, uint8 [height, width, 3]."""
Matrix: TypeAlias = NDArray[np.float64]

WHOLE = (1 << 16, 1 << 16)
"""Larger than any JPEG: ``decode`` then gives every pixel."""
LUMA = np.tile(np.array([0.299, 0.587, 0.114], np.float32), (3, 1))
_JPEG_START = b"\xff\xd8\xff"
_HINT = "open it in a viewer to see, and copy or make it again"

cv2.setNumThreads(1)  # pictures are made in processes side by side


class Embedded(NamedTuple):
    """A picture inside a file of records: ``length`` bytes from byte ``offset`` of ``path``."""

    path: Path
    offset: int
    length: int

    def __str__(self) -> str:
        return f"{self.path} (picture at byte {self.offset})"


class InMemory(NamedTuple):
    """A picture that is decoded already: RGB ``pixels``, and a ``name`` for messages."""

    name: str
    pixels: Pixels

    def __str__(self) -> str:
        return self.name


class Encoded(NamedTuple):
    """The bytes of a picture file, ``data``, in memory; ``size`` is width and height by its header, ``name`` is for
    messages."""

    name: str
    data: bytes
    size: tuple[int, int]

    def __str__(self) -> str:
        return self.name


Stored: TypeAlias = Path | Embedded
"""Where the bytes of a picture are on a disk."""
Whole: TypeAlias = Path | Encoded | InMemory
"""A picture by itself: a file, or what is in memory."""
Place: TypeAlias = Stored | Encoded | InMemory
"""Where a picture is."""


def stored_size(place: Whole) -> tuple[int, int]:
    """Width and height in pixels. Raises DataError."""
    if isinstance(place, InMemory):
        return place.pixels.shape[1], place.pixels.shape[0]
    return place.size if isinstance(place, Encoded) else headers.size(place)


def content(place: Stored | Encoded) -> bytes:
    """The picture as it is stored, all of its bytes. Raises DataError."""
    if isinstance(place, Encoded):
        return place.data
    try:
        if isinstance(place, Embedded):
            with inputs.opened(place.path) as stream:
                stream.seek(place.offset)
                return stream.read(place.length)
        return inputs.content(place)
    except FileNotFoundError:
        raise DataError("this picture is missing", where=_where(place)) from None
    except OSError as problem:
        raise DataError(f"this picture cannot be read: {problem.strerror}", where=_where(place)) from None


def pixels(place: Place, *, size: Sequence[int] | None = None, least: tuple[int, int] | None = None) -> Pixels:
    """The picture as RGB [height, width, 3] in memory of its own.

    With ``least`` (width, height) a JPEG may come out at a half, a quarter or an eighth of its size, but not below
    that. ``size`` (width, height) is what the annotations say of it. Raises DataError naming the file, also where
    ``size`` is another than it has.
    """
    if isinstance(place, InMemory):
        return np.array(place.pixels)
    data = content(place)
    if data.startswith(_JPEG_START):
        try:
            height, width, *_ = simplejpeg.decode_jpeg_header(data)
            limits.require_room(width, height, _where(place))
            _require_size(place, (width, height), size)
            wanted = (least[1], least[0], 2.0) if least else (0, 0, 1.0)
            decoded: Pixels = simplejpeg.decode_jpeg(data, "RGB", False, False, *wanted)
            return decoded
        except ValueError:
            pass  # CMYK and other rare kinds; and what is damaged, of which Pillow tells more
    with _opened(place, data) as picture:
        _require_size(place, picture.size, size)
    return np.array(_rgb(place, data, WHOLE))


def decode(place: Place, width: int, height: int) -> Image.Image:
    """The RGB picture in ``place``, decoded no larger than needed for ``width`` x ``height``.

    A large JPEG comes out scaled down by 2, 4 or 8, still at least of that size. Raises DataError, naming the file.
    """
    if isinstance(place, InMemory):
        return _image(place.pixels)
    return _rgb(place, content(place), (width, height))


def fit(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """``picture`` stretched to ``size`` (width, height): bilinear, without what is too fine for it."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    resized: Pixels = cv2.resize(softened(picture, size), size, interpolation=cv2.INTER_LINEAR)
    return resized


def softened(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """``picture``, of which ``size`` (width, height) is to be made, without the detail that is too fine for that.

    Three weights that spread as far as those of Pillow's bilinear filter; what is more than twice as large is halved
    first, and so comes back smaller.
    """
    height, width = picture.shape[:2]
    if width > 2 * size[0] or height > 2 * size[1]:
        smaller = min(width, 2 * size[0]), min(height, 2 * size[1])
        picture = cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA)
        height, width = picture.shape[:2]
    shares = width / size[0], height / size[1]
    if max(shares) < 1.05:  # less than a level's worth
        return picture
    across, down = (_weights(max(1.0, share)) for share in shares)
    return cv2.sepFilter2D(picture, -1, across, down, borderType=cv2.BORDER_REPLICATE)


def carry(picture: Pixels, matrix: Matrix, size: tuple[int, int], fill: tuple[int, int, int] | None) -> Pixels:
    """``picture`` carried by ``matrix`` [3, 3] onto a canvas of ``size`` (width, height) that is ``fill`` elsewhere;
    None: what is at the picture's border goes on.

    The matrix takes a column vector (x, y, 1) of the picture to the canvas; a pixel's centre is at +0.5. Bilinear,
    at 32 positions between two pixels; flips and shifts by whole pixels are exact.
    """
    height, width = picture.shape[:2]
    back = cv2.invertAffineTransform(matrix[:2])
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [size[0], size[1], 1]]) @ back.T
    inside = bool(((corners > -1e-3) & (corners < np.array([width, height]) + 1e-3)).all())
    back[:, 2] += back[:, :2].sum(axis=1) / 2 - 0.5
    whole = np.isin(back[:, :2], (-1.0, 0.0, 1.0)).all() and not (back[:, 2] % 1).any()
    flags = (cv2.INTER_NEAREST if whole else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REPLICATE if inside or fill is None else cv2.BORDER_CONSTANT
    return cv2.warpAffine(picture, back, size, flags=flags, borderMode=border, borderValue=fill or ())


def grey(picture: Pixels) -> Pixels:
    """The luma of an RGB ``picture`` in all three channels."""
    return cv2.transform(picture, LUMA)


@dataclass(frozen=True)
class Preprocess:
    """A stored picture to the network's size, without keeping its aspect ratio.

    ``crop`` is left, top, right, bottom in pixels of the stored picture, None for all of it: a crop of exactly
    ``width`` x ``height`` at the corner is how TLT 2.0 specs spell "no crop". ``grey``: luma in all three channels.
    """

    width: int
    height: int
    crop: tuple[int, int, int, int] | None = None
    grey: bool = False

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    def picture(self, place: Place, size: Sequence[int] | None = None) -> Pixels:
        """The RGB picture in ``place`` at the network's size; ``size`` as for ``pixels``."""
        return fit(self.decoded(place, size), self.size)

    def decoded(self, place: Place, size: Sequence[int] | None = None) -> Pixels:
        """What is to be stretched to the network's size: cropped and grey, if that is wanted."""
        if self.crop is None:
            picture = pixels(place, size=size, least=self.size)
        else:
            picture = pixels(place, size=size)
            left, top, right, bottom = _within(self.crop, picture.shape[1], picture.shape[0])
            picture = np.ascontiguousarray(picture[top:bottom, left:right])
        return grey(picture) if self.grey else picture

    def matrix(self, size: Sequence[int]) -> Matrix:
        """[3, 3], pixels of a stored picture of ``size`` (width, height) to those of the network."""
        left, top, right, bottom = _within(self.crop or (0, 0, *size), *size)
        across, down = self.width / (right - left), self.height / (bottom - top)
        return np.array([[across, 0, -left * across], [0, down, -top * down], [0, 0, 1]])

    def boxes(self, boxes: NDArray[np.float32], size: Sequence[int]) -> NDArray[np.float32]:
        """``boxes`` [n, 4] of a stored picture of ``size`` (width, height) in pixels of the network."""
        left, top, right, bottom = _within(self.crop or (0, 0, *size), *size)
        scale = np.array([self.width / (right - left), self.height / (bottom - top)] * 2, np.float32)
        return (boxes - np.array([left, top, left, top], np.float32)) * scale


def _within(crop: Sequence[int], width: int, height: int) -> tuple[int, int, int, int]:
    """``crop`` cut to the picture, of at least one pixel."""
    right, bottom = min(crop[2], width), min(crop[3], height)
    return min(crop[0], right - 1), min(crop[1], bottom - 1), right, bottom


def _weights(share: float) -> NDArray[np.float32]:
    """Three weights of the variance that a triangle ``share`` times as wide has more than the plain one: 1/6 each."""
    beside = (share**2 - 1) / 12
    return np.array([beside, 1 - 2 * beside, beside], np.float32)


def _require_size(place: Stored | Encoded, found: tuple[int, int], said: Sequence[int] | None) -> None:
    if said is not None and tuple(found) != tuple(said):
        what = f"this picture is {found[0]}x{found[1]}, but its annotations are of one of {said[0]}x{said[1]}"
        hint = "boxes would lie in the wrong place: convert the data again, or put the right pictures there"
        raise DataError(what, where=_where(place), hint=hint)


def _rgb(place: Stored | Encoded, data: bytes, least: tuple[int, int]) -> Image.Image:
    with _opened(place, data) as picture:
        try:
            picture.draft("RGB", least)
            if picture.mode.startswith("I;16"):
                return _image((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
            return picture.convert("RGB")
        except (OSError, ValueError, SyntaxError) as problem:
            raise DataError(f"this picture is damaged: {problem}", where=_where(place), hint=_HINT) from problem


def _image(pixels: Pixels) -> Image.Image:
    from PIL import Image  # which offline augmentation needs for rare pictures alone

    return Image.fromarray(pixels)


def _opened(place: Stored | Encoded, data: bytes) -> Image.Image:
    try:
        return headers.opened_stream(io.BytesIO(data), _where(place))
    except (OSError, ValueError, SyntaxError) as problem:
        if isinstance(place, Path):
            headers.size(place)  # says it better where it is no picture at all
        raise DataError("this is not a picture", where=_where(place), hint=_HINT) from problem


def _where(place: Stored | Encoded) -> Path | str:
    return place if isinstance(place, Path) else str(place)
