"""Annotated pictures: a frame around each find and a chip with its name and score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]

# Chosen to be told apart at a glance, neighbours above all, on light and on dark pictures.
PALETTE: tuple[Colour, ...] = (
    (230, 57, 70), (29, 120, 216), (255, 183, 3), (46, 160, 67), (155, 81, 224), (251, 111, 36), (0, 168, 176),
    (222, 74, 152), (139, 195, 28), (92, 107, 232), (166, 94, 46), (0, 138, 108), (196, 160, 255), (120, 130, 145),
)  # fmt: skip


@dataclass(frozen=True)
class Find:
    """One detection: ``box`` is left, top, right, bottom in pixels of the picture; ``label`` counts from 1."""

    box: Rectangle
    label: int
    name: str
    score: float


def draw(picture: Image.Image, finds: Sequence[Find]) -> Image.Image:
    """A copy of ``picture`` (RGB) with ``finds`` drawn on it; strokes and letters grow with the picture.

    Frames come before chips, and surer finds on top of less sure ones; chips avoid each other where there is room.
    """
    result = picture.convert("RGB")
    if result is picture:
        result = picture.copy()
    pen = ImageDraw.Draw(result)
    side = min(result.size)
    stroke, font = max(2, round(side / 160)), _font(max(10, round(side / 30)))
    rising = sorted(finds, key=lambda find: find.score)
    for find in rising:
        _frame(pen, find, stroke, result.size)
    taken: list[Rectangle] = []
    # The surest find chooses its place first, and chips that could not avoid it are drawn below it.
    chips = [(find, _place(find, font, taken, stroke, result.size)) for find in reversed(rising)]
    for find, place in reversed(chips):
        _chip(pen, find, place, font)
    return result


def colour_of(label: int) -> Colour:
    """The colour of class ``label`` (from 1); the palette starts again after its last one."""
    return PALETTE[(label - 1) % len(PALETTE)]


def _frame(pen: ImageDraw.ImageDraw, find: Find, stroke: int, size: tuple[int, int]) -> None:
    width, height = size
    left, top, right, bottom = (round(value) for value in find.box)
    left, right = (min(max(value, 0), width - 1) for value in (left, right - 1))
    top, bottom = (min(max(value, 0), height - 1) for value in (top, bottom - 1))
    if right - left < 2 or bottom - top < 2:
        return
    radius = 2 * stroke
    # A thin dark line on either side keeps the colour readable on any cloth.
    pen.rounded_rectangle((left, top, right, bottom), radius, outline=(20, 20, 24), width=stroke + 2)
    inner = (left + 1, top + 1, right - 1, bottom - 1)
    if inner[2] > inner[0] and inner[3] > inner[1]:
        pen.rounded_rectangle(inner, radius, outline=colour_of(find.label), width=stroke)


def _caption(find: Find) -> str:
    return f"{find.name.replace('_', ' ')} {find.score:.2f}"


def _place(
    find: Find, font: ImageFont.FreeTypeFont, taken: list[Rectangle], stroke: int, size: tuple[int, int]
) -> Rectangle:
    """Where the chip goes: above the frame, else inside its top, below it, or the first free row further down."""
    padding = _padding(font)
    wide = font.getlength(_caption(find)) + 2 * padding
    high = _line_height(font) + padding
    left = min(max(find.box[0], 0), max(0, size[0] - wide))
    floor = max(0.0, size[1] - high)
    tries = [find.box[1] - high, find.box[1] + stroke, find.box[3] - high - stroke, find.box[3]]
    tries += [find.box[1] + stroke + row * high for row in range(1, 12)]
    places = [(left, top, left + wide, top + high) for top in tries if 0 <= top <= floor]
    place = next((place for place in places if not any(_overlap(place, other) for other in taken)), None)
    if place is None:
        top = min(max(find.box[1] - high, 0), floor)
        place = places[0] if places else (left, top, left + wide, top + high)
    taken.append(place)
    return place


def _chip(pen: ImageDraw.ImageDraw, find: Find, place: Rectangle, font: ImageFont.FreeTypeFont) -> None:
    colour = colour_of(find.label)
    corners = tuple(round(value) for value in place)
    pen.rounded_rectangle(corners, radius=_padding(font), fill=colour, outline=(20, 20, 24), width=1)
    middle = round((corners[1] + corners[3]) / 2)  # letters between two pixel rows would blur
    pen.text((corners[0] + _padding(font), middle), _caption(find), fill=_ink(colour), font=font, anchor="lm")


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _ink(background: Colour) -> Colour:
    """Black or white, whichever reads better on ``background`` (relative luminance, linearised roughly)."""
    red, green, blue = ((value / 255) ** 2.2 for value in background)
    return (255, 255, 255) if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.36 else (17, 17, 20)


def _padding(font: ImageFont.FreeTypeFont) -> int:
    return max(3, round(font.size / 3))


def _line_height(font: ImageFont.FreeTypeFont) -> int:
    ascent, descent = font.getmetrics()
    return ascent + descent


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own outline font: nothing to install, the same letters on every machine."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
