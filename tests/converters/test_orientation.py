"""Where things lie on a picture that EXIF turns: as Pillow turns the pixels, and back."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from converters.model import Box, Keypoint, Object, run_lengths
from converters.pictures import orientation

EVERY = range(1, 9)
WIDTH, HEIGHT = 7, 4
BOX = Box(1, 2, 4, 3)


def painted() -> Image.Image:
    """A picture that is white in ``BOX`` alone."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[2:3, 1:4] = 255
    return Image.fromarray(pixels)


def shown(number: int) -> Image.Image:
    """What a viewer makes of it."""
    image = painted()
    image.getexif()[0x0112] = number
    return ImageOps.exif_transpose(image)


@pytest.mark.parametrize("number", EVERY)
def test_a_box_lies_where_pillow_shows_its_pixels(number: int) -> None:
    image = shown(number)
    assert orientation.turned_size(WIDTH, HEIGHT, number) == image.size
    box = orientation.turned_box(BOX, number, WIDTH, HEIGHT)
    assert (box.left, box.top, box.right, box.bottom) == image.getbbox()


@pytest.mark.parametrize("number", EVERY)
def test_pixels_and_masks_turn_as_pillow_turns_them(number: int) -> None:
    pixels = (np.asarray(painted()) > 0).astype(np.uint8)
    expected = np.asarray(shown(number)) > 0
    assert np.array_equal(orientation.turned_pixels(pixels, number) > 0, expected)
    mask = orientation.turned_mask(run_lengths.encode(pixels), number)
    assert (mask.width, mask.height) == orientation.turned_size(WIDTH, HEIGHT, number)
    assert np.array_equal(run_lengths.decode(mask) > 0, expected)


@pytest.mark.parametrize("number", EVERY)
def test_there_and_back(number: int) -> None:
    thing = Object(
        "skirt",
        BOX,
        polygons=((1, 2, 4, 2, 4, 3, 1.25, 2.5),),
        keypoints=(Keypoint(1, 2, 2), Keypoint(0, 0, 0), Keypoint(3.5, 2.5, 1)),
        mask=run_lengths.encode(np.asarray(painted())),
        style=3,
    )
    away = orientation.turned(thing, number, WIDTH, HEIGHT)
    size = orientation.turned_size(WIDTH, HEIGHT, number)
    assert orientation.turned(away, orientation.inverse(number), *size) == thing
    assert (away == thing) is (number == 1)
    assert tuple(away.keypoints)[1] == Keypoint(0, 0, 0)


@pytest.mark.parametrize("number", EVERY)
def test_a_box_turned_inside_out_stays_so(number: int) -> None:
    box = orientation.turned_box(Box(4, 2, 1, 3), number, WIDTH, HEIGHT)
    sides = [box.width, box.height]
    assert sorted(sides) == [-3, 1]
    assert orientation.turned_box(
        box, orientation.inverse(number), *orientation.turned_size(WIDTH, HEIGHT, number)
    ) == Box(4, 2, 1, 3)


def test_polygons_keep_the_order_of_their_points() -> None:
    assert orientation.turned_polygon((0, 0, 7, 0, 7, 4), 6, WIDTH, HEIGHT) == (4, 0, 4, 7, 0, 7)
