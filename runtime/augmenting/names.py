"""What pictures are called when they are written, and in which format."""

from __future__ import annotations

from converters.files import listing

_FORMATS = {
    extension: format
    for format in ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM")
    for extension in listing.FORMATS[format]
}
"""How images are written, by their extension, in all colours; the others become PNG, which loses nothing."""


def written(name: str) -> str:
    """What the image ``name`` is called when it is written: ``.png`` where its own format has no encoder for RGB.

    >>> written("a/1.jpg"), written("a/2.gif")
    ('a/1.jpg', 'a/2.png')
    """
    return name if _extension(name) in _FORMATS else f"{name.rpartition('.')[0]}.png"


def format_of(name: str) -> str:
    """The format of the image ``name`` that is written, as Pillow calls it."""
    return _FORMATS[_extension(name)]


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower()
