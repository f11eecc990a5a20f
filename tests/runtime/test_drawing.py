"""Annotated pictures: frames where the boxes are, chips that can be read and do not cover each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops

from converters.pictures import drawing
from converters.pictures.drawing import colour_of
from runtime.evaluation import samples
from runtime.tasks import Example, detection
from runtime.tasks.detection import draw
from runtime.tasks.detection.detections import detections

GREY = (128, 128, 128)


def blank(width: int = 300, height: int = 240) -> Image.Image:
    return Image.new("RGB", (width, height), GREY)


def framed(picture: Image.Image, box: Any, label: int, name: str, score: float) -> Image.Image:
    """With one detection on it."""
    return draw(picture, detections([box], [label], [score]), [name] * label)


def test_the_original_stays_and_the_size_too() -> None:
    picture = blank()
    result = framed(picture, (20, 60, 200, 200), 1, "vest", 0.9)
    assert picture.getcolors() == [(300 * 240, GREY)]
    assert result.size == picture.size


def test_the_frame_has_the_colour_of_its_class_and_lies_on_the_box() -> None:
    result = framed(blank(), (20, 60, 200, 200), 3, "vest", 0.9)
    assert result.getpixel((21, 130)) == colour_of(3)
    assert result.getpixel((110, 130)) == GREY
    changed = ImageChops.difference(result, blank()).getbbox()
    assert changed[0] == 20
    assert changed[2:] == (200, 200)


def test_the_chip_is_filled_with_the_colour_and_carries_letters() -> None:
    result = framed(blank(), (20, 60, 200, 200), 1, "short_sleeved_shirt", 0.87)
    above = result.crop((20, 36, 150, 60)).getcolors(10_000) or []
    counts = {colour: count for count, colour in above}
    assert counts.get(colour_of(1), 0) > 300
    assert sum(count for colour, count in counts.items() if min(colour) > 200) > 50


@pytest.mark.parametrize("box", [(-50, -50, 20, 20), (290, 230, 400, 500), (0, 0, 300, 240), (400, 400, 500, 500)])
def test_boxes_over_the_border_are_no_trouble(box: tuple[float, float, float, float]) -> None:
    assert framed(blank(), box, 2, "sling_dress", 0.5).size == (300, 240)


def test_a_picture_smaller_than_its_chip() -> None:
    assert framed(blank(12, 9), (1, 1, 8, 8), 2, "short_sleeved_outwear", 0.5).size == (12, 9)


def test_chips_of_boxes_at_one_place_do_not_overlap() -> None:
    font, taken = drawing.outline_font(14), []
    same = [drawing.Framed((20, 60, 200, 200), drawing.colour_of(label), "trousers 0.50") for label in range(1, 6)]
    places = [drawing.place(thing, font, taken, 2, (300, 240)) for thing in same]
    pairs = [(one, other) for one in places for other in places if one is not other]
    assert not any(drawing.overlap(one, other) for one, other in pairs)


def test_every_class_of_deepfashion2_has_its_own_colour() -> None:
    assert len({colour_of(label) for label in range(1, 14)}) == 13


def test_grey_and_palette_pictures_become_colour() -> None:
    assert draw(Image.new("L", (50, 50)), detections([], [], []), []).mode == "RGB"
    assert draw(Image.new("P", (50, 50)), detections([], [], []), []).mode == "RGB"


def test_a_sheet_draws_the_best_objects_and_none_that_is_infinite() -> None:
    pixels = np.full((100, 200, 3), 128, np.uint8)
    boxes = np.array([[10, 10, np.inf, 60], *[[20, 20, 90, 90]] * samples.MOST, [120, 20, 180, 90]], np.float32)
    count = len(boxes)
    prediction = {"boxes": boxes, "labels": np.full(count, 1), "scores": np.linspace(0.9, 0.4, count, dtype=np.float32)}
    target = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, np.int64)}
    page = samples.sheet([Example(pixels, target, prediction)], detection, ["vest"], title="")
    assert page.size == (2 * (samples.CELL + 8) + 8, samples.CELL + 16), (
        "what is there, and beside it what was predicted"
    )
    changed = np.asarray(ImageChops.difference(page, Image.new("RGB", page.size, (128, 128, 128)))).sum(axis=2) > 0
    tile = changed[108:308, samples.CELL + 16 :]  # 400 x 200, in the middle of its cell
    assert tile[:, :200].any()
    assert not tile[:, 210:400].any(), "there the 31st best is"
