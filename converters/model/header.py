"""What the header of an image file says."""

from __future__ import annotations

import msgspec


class Header(msgspec.Struct, frozen=True):
    """What a picture says of itself.

    ``format`` and ``mode`` as Pillow calls them ("JPEG", "RGB"); width and height in pixels as stored, before any EXIF
    rotation; ``orientation`` 1 to 8 as in EXIF (1: upright; from 5 on width and height change places when shown);
    ``bytes`` is the size of the file, ``head`` a check sum of its first bytes; ``whole`` is False when it is cut off.
    ``animated``: it has several frames or pages, of which the first is read.
    """

    format: str
    mode: str
    width: int
    height: int
    orientation: int
    bytes: int
    head: int
    whole: bool
    animated: bool = False
