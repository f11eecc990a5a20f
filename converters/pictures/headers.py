"""Pictures, as far as annotations need them: what the header says, without decoding."""

from __future__ import annotations

import errno
import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from converters.files import listing
from converters.model import rules
from converters.model.findings import Findings
from converters.model.header import Header
from converters.pictures import limits
from tltpipe import inputs
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

HEAD = 4096
"""Bytes of a picture in which its size mostly is."""
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length
_DIMENSIONS = struct.Struct(">BHHB").unpack_from  # bits, height, width, channels
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_ORIENTATION = 0x0112


def size(path: Path | str, *, format: str | None = None, head: bytes | None = None) -> tuple[int, int]:
    """(width, height) in pixels as stored; raises as ``header`` does. The text of a path spares making one.

    ``head`` are the first ``HEAD`` bytes of the file, where these are there already.
    """
    if format is None:
        try:
            found = (_size(None, head) if head else None) or quick_size(path)
        except OSError:  # is told below
            found = None
        if found is not None:
            limits.require_room(*found, path)
            return found
    told = header(path, format=format)
    return told.width, told.height


def quick_size(path: Path | str) -> tuple[int, int] | None:
    """(width, height) of an ordinary JPEG or PNG, in one read mostly; None for all else. Raises OSError."""
    file = os.open(path, inputs.READ)
    try:
        return _size(file, os.pread(file, HEAD, 0))
    finally:
        os.close(file)


def _size(file: int | None, head: bytes) -> tuple[int, int] | None:
    if head.startswith(_PNG) and len(head) >= 24:
        width, height = _PNG_SIDES(head, 16)
        return (width, height) if 0 < width * height < _LARGE else None
    found = _frame(file, head)
    return (found.width, found.height) if found is not None else None


_LARGE = 100_000_000  # pixels; what claims more is left to those who judge it
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_PNG_SIDES = struct.Struct(">II").unpack_from


def look(path: Path | str, findings: Findings, *, format: str | None = None) -> tuple[int, int]:
    """``size``, and a finding when the picture is shown rotated. Raises DataError also for one that is cut off."""
    found = header(path, format=format)
    if not found.whole:
        raise DataError("this picture is cut off", where=Path(path), hint=_AGAIN, code=rules.CUT_PICTURE.code)
    findings.looked = str(path), found
    if found.orientation != 1:
        findings.add(rules.ROTATED, Path(path).name)
    if found.animated:
        findings.add(rules.FRAMES, Path(path).name)
    return found.width, found.height


def header(path: Path | str, *, format: str | None = None) -> Header:
    """What the header of the picture ``path`` says.

    ``format`` is what the picture must be by its content, as Pillow calls it ("JPEG", "PNG"); None takes any.
    Raises DataError when the file is missing, unreadable, or not such a picture.
    """
    try:
        found = _jpeg(path) or _any(Path(path))
    except FileNotFoundError:
        raise DataError("this picture is missing", where=Path(path), code=rules.NO_PICTURE.code) from None
    except problems() as problem:
        raise _broken(Path(path), problem, format) from None
    if format is not None and found.format != format:
        what = f"this picture is not a {format} but a {found.format}"
        raise DataError(what, where=Path(path), hint=f"convert it to {format}", code=rules.OTHER_KIND.code)
    return found


def decode(path: Path | str) -> None:
    """Read every pixel of ``path``; raises DataError when that does not go well to the end."""
    with opened(path) as image:
        image.load()


@contextmanager
def opened(path: Path | str) -> Iterator[Picture]:
    """The picture ``path`` as Pillow has it, at its first frame, no pixel decoded yet.

    Whatever Pillow says then, here and in the block, becomes a DataError with that place; so does a size that the
    memory has no room for.
    """
    try:
        with _quiet(), opened_stream(path, path) as image:
            yield image
    except problems() as problem:
        raise _broken(Path(path), problem, None) from None


_READ = (*listing.FORMATS, "DIB")


def opened_stream(source: Path | str | BinaryIO, where: object) -> Picture:
    """``Image.open`` for the formats of ``listing.FORMATS`` alone, with our limit to the size (``limits``).

    Pillow's own limit refuses large satellite pictures; its other decoders start programs, or know a header only.
    Raises DataError for what is too large, at ``where``, and what ``Image.open`` raises.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    image = Image.open(source, formats=_READ)
    try:
        limits.require_room(image.width, image.height, where)
    except BaseException:
        image.close()
        raise
    return image


def _jpeg(path: Path | str) -> Header | None:
    """The header of an ordinary JPEG, ten times as fast as by opening it; None for all else."""
    file = os.open(path, inputs.READ)
    try:
        head = os.pread(file, HEAD, 0)
        found = _frame(file, head)
        if found is None:
            return None
        length, orientation = os.lseek(file, 0, os.SEEK_END), 1
        for start, end in found.applications:
            orientation = _orientation(os.pread(file, end - start, start)) or orientation
        tail = os.pread(file, 64, max(0, length - 64)) if length > HEAD else head[-64:]
    except OSError:
        os.close(inputs.handle(path))  # which says it better where this is a folder or a pipe
        raise
    finally:
        os.close(file)
    limits.require_room(found.width, found.height, path)
    whole = b"\xff\xd9" in tail or _decodes(path)
    mode = _MODES[found.channels]
    return Header("JPEG", mode, found.width, found.height, orientation, length, zlib.crc32(head), whole)


class _Frame(NamedTuple):
    """The start of frame of a JPEG, and where in the file its APP1 segments begin and end."""

    width: int
    height: int
    channels: int
    applications: Sequence[tuple[int, int]]


def _frame(file: int | None, head: bytes) -> _Frame | None:
    """What the segments of ITU T.81 annex B say up to the start of frame; None for all but ordinary JPEGs.

    ``head`` are the first bytes of ``file``; without that, None where more are needed.
    """
    if head[:2] != b"\xff\xd8":
        return None
    applications: list[tuple[int, int]] = []
    at, first, data = 2, 0, head  # ``first`` is where in the file ``data`` begins
    while True:
        if at - first + 20 > len(data):
            first, data = at, os.pread(file, HEAD, at) if file is not None else b""
            if len(data) < 20:
                return None
        place = at - first
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _START_OF_FRAME:
            depth, height, width, channels = _DIMENSIONS(data, place + 4)
            if depth != 8 or not height or not width or channels not in _MODES:
                return None
            return _Frame(width, height, channels, applications)
        size = data[place + 2] << 8 | data[place + 3]
        if marker == 0xDA or size < 2:
            return None
        if marker == 0xE1:
            applications.append((at + 4, at + 2 + size))
        at += 2 + size


def _any(path: Path) -> Header:
    if listing.extension_of(path.name) in listing.UNSUPPORTED:  # a raw photo would be read as its small preview
        raise OSError("of another format")
    with inputs.opened(path) as file:
        head = file.read(HEAD)
        length = os.fstat(file.fileno()).st_size
        with _quiet(), opened_stream(file, path) as image:
            format, animated, orientation = facts(image)
            mode, width, height = image.mode, image.width, image.height
    whole = format != "PNG" or _ends(path, b"IEND", length) or _decodes(path)
    return Header(format, mode, width, height, orientation, length, zlib.crc32(head), whole, animated)


def facts(image: Picture) -> tuple[str, bool, int]:
    """Format, whether there are several frames, and EXIF orientation of an ``image`` of which no pixel is decoded."""
    format, animated = image.format or "", bool(getattr(image, "is_animated", False))
    if format == "MPO":  # a JPEG with a second picture behind the first is read as a JPEG everywhere
        format, animated = "JPEG", False
    format = format.replace("DIB", "BMP")
    # Behind the pixels of a PNG there may be EXIF, too, but to look for it there decodes them.
    told = format != "PNG" or "exif" in image.info
    orientation = image.getexif().get(_ORIENTATION, 1) if told else 1
    upright = isinstance(orientation, int) and 1 <= orientation <= 8
    return format, animated, orientation if upright else 1


def _orientation(segment: bytes) -> int | None:
    """The EXIF orientation in an APP1 segment; None where it has none that means anything."""
    if not segment.startswith(b"Exif\0\0"):
        return None
    from PIL import Image

    exif = Image.Exif()
    try:
        with _quiet():
            exif.load(segment)
            value = exif.get(_ORIENTATION)
    except Exception:  # whatever Pillow meets in a broken segment, trainers ignore it
        return None
    return value if isinstance(value, int) and 1 <= value <= 8 else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings of what is odd in a file: they name no file, and trainers do not mind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _ends(path: Path, mark: bytes, length: int) -> bool:
    with inputs.opened(path) as file:
        file.seek(max(0, length - 64))
        return mark in file.read()


def _decodes(path: Path | str) -> bool:
    """Whether a picture without its proper end can be read all the same: some programs leave it off or add to it."""
    try:
        decode(path)
    except DataError:
        return False
    return True


def problems() -> tuple[type[Exception], ...]:
    """What Pillow raises on a damaged image."""
    from PIL import Image

    return (OSError, ValueError, SyntaxError, struct.error, EOFError, Image.DecompressionBombError)


_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF", b"hevc": "HEIC", b"crx ": "CR3"}
"""Of ISO media files: those of telephones and cameras, which often get another extension on their way."""


def _unsupported(path: Path) -> str | None:
    """The format of ``path`` by its content or its name, where it is one that no decoder here reads."""
    try:
        with inputs.opened(path) as stream:
            head = stream.read(12)
    except OSError:
        return None
    extension = listing.extension_of(path.name)
    return unsupported(head) or (extension.upper() if extension in listing.UNSUPPORTED else None)


def unsupported(head: bytes) -> str | None:
    """The format of a file that begins with ``head``, 12 bytes or more, where it is one that no decoder here reads."""
    return _BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None


def _broken(path: Path, problem: Exception, format: str | None) -> DataError:
    hint = rules.UNSUPPORTED.fix if _unsupported(path) else _AGAIN
    return DataError(_complaint(path, problem, format), where=path, hint=hint, code=rules.BROKEN_PICTURE.code)


_AGAIN = "open it in a viewer to see, and copy or unpack it again"


_NO_FILE = {errno.EACCES, errno.EPERM, errno.EISDIR, errno.EINVAL, errno.ELOOP}


def _complaint(path: Path, problem: Exception, format: str | None) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(problem, OSError) and problem.errno in _NO_FILE:
        return f"this picture cannot be read: {problem.strerror}"
    if (kind := _unsupported(path)) is not None:
        return f"{kind} images cannot be read"
    if path.exists() and path.stat().st_size == 0:
        return "this picture is an empty file"
    kind = f"a {format}" if format else "a picture"
    if isinstance(problem, UnidentifiedImageError):
        return f"this is not {kind}"
    told = str(problem).replace(f" {str(path)!r}", "")
    return f"this is not {kind}: {told}" if format else f"the image cannot be read: {told}"
