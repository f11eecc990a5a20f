"""Pictures, as far as annotations need them: the size, from the header, without decoding."""

from __future__ import annotations

from pathlib import Path

from tltpipe.errors import DataError


def size(path: Path, *, format: str | None = None) -> tuple[int, int]:
    """(width, height) in pixels as stored, before any EXIF rotation.

    ``format`` is what the picture must be by its content, as Pillow calls it ("JPEG", "PNG"); None takes any.
    Raises DataError when the file is missing, unreadable, or not such a picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            found, width, height = image.format or "", image.width, image.height
    except FileNotFoundError:
        raise DataError("this picture is missing", where=path) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise DataError(_complaint(path, problem, format), where=path, hint=_AGAIN) from None
    # A JPEG with a second picture behind the first (MPO) is read as a JPEG everywhere.
    if format is not None and found.replace("MPO", "JPEG") != format:
        raise DataError(f"this picture is not a {format} but a {found}", where=path, hint=f"convert it to {format}")
    return width, height


_AGAIN = "open it in a viewer to see, and copy or unpack it again"


def _complaint(path: Path, problem: Exception, format: str | None) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(problem, PermissionError | IsADirectoryError):
        return f"this picture cannot be read: {problem.strerror}"
    if isinstance(problem, Image.DecompressionBombError):
        return "this picture claims a size that cannot be right"
    if path.stat().st_size == 0:
        return "this picture is an empty file"
    kind = f"a {format}" if format else "a picture"
    return f"this is not {kind}" if isinstance(problem, UnidentifiedImageError) else f"this is not {kind}: {problem}"
