"""What counts as an image: what the decoders read, and what they do not, told apart by extension and by trying."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from refusals import error_of

from converters.files import listing
from converters.formats import yolo
from converters.model import Sample
from converters.model.findings import Findings
from converters.pictures import headers
from converters.transfer import convert
from runtime.augmenting import pixels
from runtime.imaging import decoding
from tltpipe.errors import DataError
from tltpipe.progress import Silent

COLOUR = np.array([200, 60, 30])
OTHERS = {"DIB": ("dib",), "MPO": ("mpo",)}


def image(path: Path, size: tuple[int, int] = (40, 30), **options: Any) -> Path:
    """One colour, in the format that the extension of ``path`` means."""
    path.parent.mkdir(parents=True, exist_ok=True)
    extension = listing.extension_of(path.name)
    format = next(name for name, known in listing.FORMATS.items() if extension in known)
    Image.new("RGB", size, tuple(COLOUR.tolist())).save(path, format, **options)
    return path


@pytest.mark.parametrize("extension", sorted(listing.PICTURES))
def test_every_extension_of_the_table_is_decoded(tmp_path: Path, extension: str) -> None:
    path = image(tmp_path / f"a.{extension}")
    assert headers.size(path) == (40, 30)
    for decoded in (decoding.pixels(path), pixels.decode(str(path))[0]):
        assert decoded.shape == (30, 40, 3)
        assert np.abs(decoded[15, 20].astype(int) - COLOUR).max() <= 12


def test_the_table_has_whatever_pillow_reads_and_writes_in_colour_of_those_formats() -> None:
    Image.init()
    for format, extensions in listing.FORMATS.items():
        assert format in Image.OPEN
        own = {name[1:] for name, known in Image.registered_extensions().items() if known == format}
        ours = {*extensions, *(other for name, more in OTHERS.items() for other in more if name not in own)}
        assert own - {"pfm", "icb", "vda", "vst", "bw", "rgb", "rgba"} <= ours, format
    assert not listing.PICTURES & listing.UNSUPPORTED


@pytest.mark.parametrize("name", ["a.psd", "a.dng", "a.eps", "a.jpg"])
def test_no_other_decoder_is_tried(tmp_path: Path, name: str) -> None:
    """Ghostscript for EPS, previews for raw photos: whatever the file is called."""
    Image.new("RGB", (40, 30)).save(tmp_path / "it.eps")
    (tmp_path / "it.eps").rename(tmp_path / name)
    assert error_of(DataError, headers.size, tmp_path / name).code == "I201"


def test_a_telephone_photo_is_called_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert "JPEG or PNG" in (error_of(DataError, headers.size, tmp_path / "a.jpg", match="HEIC").hint or "")


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".tif"])
def test_of_several_frames_the_first_is_read_and_said(tmp_path: Path, suffix: str) -> None:
    red, blue = (Image.new("RGB", (40, 30), colour) for colour in ("red", "blue"))
    red.save(tmp_path / f"a{suffix}", save_all=True, append_images=[blue])
    findings = Findings()
    headers.look(tmp_path / f"a{suffix}", findings)
    assert [(found.rule.code, found.count) for found in findings] == [("I210", 1)]
    assert decoding.pixels(tmp_path / f"a{suffix}")[5, 5].tolist() == pytest.approx([254, 0, 0], abs=3)


def test_a_link_that_leads_nowhere_is_no_silent_loss(tmp_path: Path) -> None:
    image(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "gone.jpg")
    assert listing.pictures(tmp_path) == {"a": ("jpg",), "b": ("jpg",)}


def test_a_name_without_extension_finds_any(tmp_path: Path) -> None:
    for name in ("a.JPG", "b.avif", "c/d.jfif"):
        image(tmp_path / name)
    found = [listing.picture(tmp_path, stem) for stem in ("a", "b", "c/d", "gone")]
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.JPG", "b.avif", "c/d.jfif", "gone.jpg"]


def yolo_set(root: Path) -> Path:
    """Four images in two folders, three files that cannot be read, a label for each."""
    for name in ("1.jpg", "2.JPE", "in/1.avif", "in/2.webp"):
        image(root / "images/train" / name)
    for name in ("3.heic", "4.HEIC", "in/3.nef"):
        shutil.copy(root / "images/train/1.jpg", root / "images/train" / name)
    for name in ("1", "2", "3", "4", "in/1", "in/2", "in/3"):
        path = root / "labels/train" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("0 0.5 0.5 0.25 0.5\n")
    (root / "data.yaml").write_text("train: images/train\nnames: [cat]\n")
    return root


@pytest.mark.parametrize("format", ["coco", "kitti", "voc", "yolo"])
def test_what_cannot_be_read_is_counted_and_all_else_keeps_its_folder(tmp_path: Path, format: str) -> None:
    out = tmp_path / "out"
    done = convert.convert(yolo_set(tmp_path / "set"), out, format=format, progress=Silent())
    (summary,) = done.splits.values()
    assert (summary.images, summary.items) == (4, 4)
    (found,) = [found for found in summary.findings if found.rule.code == "F108"]
    assert (found.count, found.rule.severity) == (3, "warning")
    assert found.examples == ("3.heic (2 .heic)", "in/3.nef (1 .nef)")
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    for name in ("1.jpg", "2.JPE", "in/1.avif", "in/2.webp"):
        assert [path for path in written if path.endswith(f"/{name}")], name


def test_two_images_of_one_name_in_one_folder_are_both_named(tmp_path: Path) -> None:
    root = yolo_set(tmp_path)
    image(root / "images/train/in/1.png")
    (place,) = yolo.find(root).values()
    error = error_of(DataError, lambda: list(yolo.read(place)), match=r"in/1\.avif.*in/1\.png|in/1\.png.*in/1\.avif")
    assert error.code == "F105"


@pytest.mark.parametrize("folder", [".", "/", "/a", "a/b.c"])
def test_joined_is_what_a_path_would_be(folder: str) -> None:
    assert listing.joined(Path(folder), "b/1.jpg") == str(Path(folder) / "b/1.jpg")


@pytest.mark.parametrize(
    ("path", "suffix"), [("a.b.jpg", ".jpg"), ("a", ""), ("a.", ""), (".a", ""), ("d.e/a", ""), ("d.e/.a", "")]
)
def test_extensions(path: str, suffix: str) -> None:
    assert listing.without_extension(path) == path.removesuffix(suffix)
    assert Sample("7", path, 1, 1).file_name == f"7{suffix}"
