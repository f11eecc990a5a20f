"""Sizes from headers, and one clear message for what is no picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from refusals import error_of

from converters.pictures import headers
from tltpipe.errors import DataError


def picture(path: Path, size: tuple[int, int] = (40, 30), **options: object) -> Path:
    Image.new("RGB", size, (200, 30, 30)).save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp"])
def test_size_is_width_then_height(tmp_path: Path, name: str) -> None:
    assert headers.size(picture(tmp_path / name)) == (40, 30)


def test_size_is_as_stored_whatever_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    assert headers.size(picture(tmp_path / "a.jpg", exif=exif)) == (40, 30)


def test_a_png_is_not_decoded_either(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", (800, 600))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    assert headers.size(path) == (800, 600)
    with pytest.raises(DataError, match="cannot be read"):
        headers.decode(path)


def test_header_is_enough(tmp_path: Path) -> None:
    """A picture whose pixels are cut off still tells its size: nothing is decoded."""
    path = picture(tmp_path / "a.jpg", (800, 600))
    path.write_bytes(path.read_bytes()[:700])
    assert headers.size(path) == (800, 600)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "missing"),
        (b"", "empty file"),
        (b"GIF? no, a text", "not a JPEG"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "not a JPEG"),
    ],
)
def test_what_is_no_picture_is_said_so(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    assert error_of(DataError, headers.size, path, match=message, format="JPEG").where == path


def test_another_format_under_a_jpeg_name(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert headers.size(path) == (40, 30)
    with pytest.raises(DataError, match="not a JPEG but a PNG"):
        headers.size(path, format="JPEG")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        headers.size(tmp_path)


def test_a_picture_of_absurd_size_is_refused(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    content = bytearray(path.read_bytes())
    content[16:24] = (1_000_000).to_bytes(4, "big") * 2
    import zlib

    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="too large"):
        headers.size(path)


def test_broken_exif_is_passed_over_in_silence(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    broken = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"
    path = picture(tmp_path / "a.jpg", exif=broken)
    assert headers.header(path).orientation == 1
    headers.decode(path)
    assert not recwarn.list
