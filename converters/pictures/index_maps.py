"""Images whose pixels are numbers: of objects, or of classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.model import rules
from converters.pictures import headers
from tltpipe.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

_ONE_CHANNEL = frozenset(("1", "L", "P", "I", "I;16"))
"""Modes of images, as Pillow calls them, that hold one number for each pixel."""


def values(path: Path, size: tuple[int, int], *, numbers: str) -> NDArray[Any]:
    """The numbers in ``path``, height x width, those of a palette as they stand.

    ``size`` (width, height) is that of the image it belongs to, ``numbers`` says what they are of. Raises DataError for
    a file that is missing, has colours, or is of another size.
    """
    import numpy as np

    if not path.is_file():
        hint = "put it there, or leave such images out with --skip-bad"
        raise DataError("the mask of this image is missing", where=path, hint=hint, code=rules.NO_ANNOTATIONS.code)
    with headers.opened(path) as image:
        if image.mode not in _ONE_CHANNEL:
            hint = f"store it with one channel, whose values are the numbers of the {numbers}"
            raise DataError(f"this mask has the channels of {image.mode}, not one", where=path, hint=hint)
        if image.size != size:
            what = f"this mask is {image.width} x {image.height}, its image {size[0]} x {size[1]}"
            hint = "masks have the size of their image as stored: export them again"
            raise DataError(what, where=path, hint=hint, code=rules.ODD_MASK.code)
        pixels = np.asarray(image)
        return pixels.astype(np.uint8) if pixels.dtype == bool else pixels


def image_of(values: NDArray[np.uint8]) -> Image.Image:
    """The map of classes ``values``, height x width, as an image with a palette."""
    from PIL import Image

    from converters.pictures import drawing

    image = Image.fromarray(values)
    image.putpalette([level for colour in drawing.palette_of_maps() for level in colour])
    return image
