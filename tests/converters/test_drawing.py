"""Drawn pictures: boxes, outlines, masks and landmarks in the colours of their classes, and the contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.model import Box, Keypoints, Mask, Object, Sample, run_lengths
from converters.pictures.drawing import Framed, colour_of, frames, one_line
from converters.pictures.overlays import LONG, SHORT, drawn
from converters.statistics.viewing import SHEET, Viewed, view
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Silent

GREY = (128, 128, 128)
LABELS = {"skirt": 1, "vest": 2}


def sample(tmp_path: Path, *things: Object, size: tuple[int, int] = (500, 400), name: str = "one") -> Sample:
    path = tmp_path / f"{name}.png"
    Image.new("RGB", size, GREY).save(path)
    return Sample(name, str(path), *size, things)


def thing(category: str = "skirt", **more: Any) -> Object:
    return Object(category, Box(100, 100, 300, 350), **more)


def pixel(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    found = picture.getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < 40


def test_the_frame_lies_on_the_box_in_the_colour_of_the_class(tmp_path: Path) -> None:
    picture = drawn(sample(tmp_path, thing("vest")), LABELS)
    assert picture.size == (500, 400)
    assert pixel(picture, 101, 200) == colour_of(2)
    assert pixel(picture, 200, 200) == GREY
    assert pixel(picture, 400, 50) == GREY


def test_outlines_are_filled_so_that_what_is_below_shines_through(tmp_path: Path) -> None:
    picture = drawn(sample(tmp_path, thing(polygons=((150, 150, 250, 150, 250, 300, 150, 300),))), LABELS)
    inside, colour = pixel(picture, 200, 250), colour_of(1)
    assert inside not in (GREY, colour)
    assert all(min(a, b) <= c <= max(a, b) for a, b, c in zip(GREY, colour, inside, strict=True))
    assert pixel(picture, 280, 320) == GREY
    assert near(pixel(picture, 150, 220), colour)


def test_masks_are_filled_where_they_are(tmp_path: Path) -> None:
    pixels = np.zeros((400, 500), np.uint8)
    pixels[150:300, 150:250] = 1
    picture = drawn(sample(tmp_path, thing(mask=run_lengths.encode(pixels))), LABELS)
    assert pixel(picture, 200, 250) != GREY
    assert pixel(picture, 280, 320) == GREY
    damaged = drawn(sample(tmp_path, thing(mask=Mask(500, 400, b"\xff\xff"))), LABELS)
    assert pixel(damaged, 200, 250) == GREY


def test_visible_landmarks_are_discs_occluded_ones_rings_and_others_nothing(tmp_path: Path) -> None:
    points = Keypoints([150, 200, 2, 200, 200, 1, 250, 250, 0])
    picture = drawn(sample(tmp_path, thing(keypoints=points)), LABELS)
    assert pixel(picture, 150, 200) == colour_of(1)
    assert pixel(picture, 200, 200) == GREY
    assert any(near(pixel(picture, 200 + away, 200), colour_of(1)) for away in range(6))
    assert pixel(picture, 250, 250) == GREY


@pytest.mark.parametrize(("size", "wanted"), [((40, 80), (SHORT // 2, SHORT)), ((4000, 2000), (LONG, LONG // 2))])
def test_small_pictures_are_enlarged_and_large_ones_made_smaller_with_what_is_on_them(
    tmp_path: Path, size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    half = Object("skirt", Box(0, 0, size[0] / 2, size[1]))
    picture = drawn(sample(tmp_path, half, size=size), LABELS)
    assert picture.size == wanted
    row = [near(pixel(picture, x, wanted[1] // 2), colour_of(1)) for x in range(wanted[0])]
    assert abs(max(x for x, found in enumerate(row) if found) - wanted[0] / 2) <= 6


@pytest.mark.parametrize("far", [1e6, -1e6])
def test_whatever_the_annotations_say_is_drawn_or_left_out(tmp_path: Path, far: float) -> None:
    odd = [
        Object("skirt", Box(far, far, far + 1, far + 1), ((far, far, 0, 0, far, 0),), Keypoints([far, far, 2])),
        Object("a class\nof two lines\udcff\x00", Box(300, 300, 100, 100), ((0, 0, 1, 1),), crowd=True),
        Object("unknown", Box(0, 0, 0, 0), ((),)),
    ]
    assert drawn(sample(tmp_path, *odd), LABELS).size == (500, 400)


def test_the_text_of_a_chip_is_one_line() -> None:
    assert one_line("a\n b\x00\udcff\tc") == "a b ? c"
    assert frames(Image.new("RGB", (60, 60)), [Framed((1, 1, 50, 50), (1, 2, 3), one_line("\n"))]).size == (60, 60)


@pytest.fixture
def data(maker: Any) -> Path:
    """Twelve pictures to train on, every third with trousers, and three to validate on."""
    pages = [maker.page(maker.item(8 if number % 3 == 0 else 9)) for number in range(12)]
    maker.split(*pages, size=(90, 60))
    maker.split(*pages[:3], name="validation", size=(90, 60))
    root: Path = maker.root
    return root


def seen(data: Path, out: Path, **more: Any) -> Viewed:
    return view(converters.splits(data, "deepfashion2")[1], out, progress=Silent(), **more)


def test_view_writes_pictures_of_each_split_and_a_contact_sheet(data: Path, tmp_path: Path) -> None:
    done = seen(data, tmp_path / "out", count=5)
    assert [path.relative_to(tmp_path / "out").parts[0] for path in done.written] == ["train"] * 5 + ["validation"] * 3
    assert all(Image.open(path).size == (SHORT, SHORT * 2 // 3) for path in done.written)
    assert done.sheet == tmp_path / "out" / SHEET
    assert Image.open(done.sheet).width > 1000
    again = seen(data, tmp_path / "again", count=5)
    assert [path.read_bytes() for path in again.written] == [path.read_bytes() for path in done.written]
    more = seen(data, tmp_path / "more", count=8)
    assert {path.name for path in done.written} <= {path.name for path in more.written}


def test_view_of_one_class(data: Path, tmp_path: Path) -> None:
    done = seen(data, tmp_path / "out", category="trousers", count=3)
    assert len([path for path in done.written if path.parent.name == "train"]) == 3
    assert {int(path.stem) % 3 for path in done.written} == {1}
    assert seen(data, tmp_path / "none", category="sling") == Viewed((), None)
    error = error_of(UsageError, seen, data, tmp_path / "other", match='no class "trouser"', category="trouser")
    assert "trousers" in str(error.hint)


@pytest.mark.parametrize(("name", "splits"), [("000002", 2), ("000002.jpg", 2), ("train/000002", 1)])
def test_view_of_a_picture_by_name(data: Path, tmp_path: Path, name: str, splits: int) -> None:
    done = seen(data, tmp_path / "out", names=[name])
    assert [path.name for path in done.written] == ["000002.jpg"] * splits


def test_view_of_a_picture_that_is_not_there(data: Path, tmp_path: Path) -> None:
    for name in ("00003", ""):
        with pytest.raises(UsageError, match=f'no picture "{name}"'):
            seen(data, tmp_path / "out", names=[name])


def test_view_leaves_out_what_cannot_be_used_when_asked(data: Path, tmp_path: Path) -> None:
    (data / "train/annos/000002.json").unlink()
    (data / "train/image/000003.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="annotations of this picture are missing"):
        seen(data, tmp_path / "out")
    done = seen(data, tmp_path / "out", skip_bad=True)
    assert len(done.written) == 13
    assert [str(problem).partition(": ")[0][-11:] for problem in done.left_out] == ["000002.json", "/000003.jpg"]


def test_view_writes_into_no_folder_of_other_things(data: Path, tmp_path: Path) -> None:
    for place in (data, data / "train" / "image", data / "train" / "image" / "000001.jpg"):
        with pytest.raises(UsageError, match=r"holds other things|is a file"):
            seen(data, place)
    seen(data, tmp_path / "out", count=1)
    seen(data, tmp_path / "out", count=2)


def test_view_writes_nowhere_else(tmp_path: Path) -> None:
    from converters.statistics.viewing import _target

    for name in ("../x", "a/../../x", "/x"):
        with pytest.raises(DataError, match="cannot be called"):
            _target(tmp_path, Sample(name, str(tmp_path / "x.jpg"), 1, 1))
    assert _target(tmp_path, Sample("a/b.c", str(tmp_path / "x.jpg"), 1, 1)) == tmp_path / "a" / "b.c.jpg"
