"""Pictures with boxes on them: frames, and chips with a line of text that avoid each other.

What is drawn on a picture, labels and detections alike, is drawn here, in colours that belong to the classes.
"""

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
DARK: Colour = (20, 20, 24)
THIN: Colour = (240, 240, 240)
BACKGROUND: Colour = (0, 0, 0)
IGNORED: Colour = (224, 224, 192)


@dataclass(frozen=True)
class Framed:
    """A ``box`` (left, top, right, bottom in pixels) to be framed in ``colour`` under a chip that says ``text``."""

    box: Rectangle
    colour: Colour
    text: str


def frames(picture: Image.Image, things: Sequence[Framed]) -> Image.Image:
    """A copy of ``picture`` (RGB) with ``things`` drawn on it, the last on top; strokes and letters grow with it.

    Frames come before chips, and chips avoid each other where there is room.
    """
    result = copied(picture)
    pen = ImageDraw.Draw(result)
    stroke, font = stroke_of(result), outline_font(max(10, round(min(result.size) / 30)))
    for thing in things:
        _frame(pen, thing, stroke, result.size)
    taken: list[Rectangle] = []
    # The one on top chooses its place first, and chips that could not avoid it are drawn below it.
    chips = [(thing, place(thing, font, taken, stroke, result.size)) for thing in reversed(things)]
    for thing, corners in reversed(chips):
        _chip(pen, thing, corners, font)
    return result


def outlined(picture: Image.Image, boxes: Sequence[Sequence[float]]) -> Image.Image:
    """A copy of ``picture`` (RGB) with thin frames around ``boxes``, for what else is drawn to stand out."""
    result = copied(picture)
    pen, stroke = ImageDraw.Draw(result), max(1, stroke_of(result) // 2)
    for left, top, right, bottom in boxes:
        corners = round(left), round(top), max(round(left), round(right) - 1), max(round(top), round(bottom) - 1)
        pen.rectangle(corners, outline=DARK, width=stroke + 1)
        pen.rectangle(corners, outline=THIN, width=stroke)
    return result


def copied(picture: Image.Image) -> Image.Image:
    """``picture`` in RGB, never the same object."""
    result = picture.convert("RGB")
    return picture.copy() if result is picture else result


def one_line(text: str) -> str:
    """``text`` as a pen can write it, whatever it holds."""
    known = text.encode("utf-8", "replace").decode()
    return " ".join("".join(each if each.isprintable() else " " for each in known).split())


def colour_of(label: int) -> Colour:
    """The colour of class ``label`` (from 1); the palette starts again after its last one."""
    return PALETTE[(label - 1) % len(PALETTE)]


def palette_of_maps() -> list[Colour]:
    """The colours of the 256 values of a label map: black for the background, those of the classes, VOC's cream for
    pixels that are ignored (255)."""
    return [BACKGROUND, *map(colour_of, range(1, 255)), IGNORED]


def stroke_of(picture: Image.Image) -> int:
    """Width of a line on ``picture``, in pixels."""
    return max(2, round(min(picture.size) / 160))


def place(
    thing: Framed, font: ImageFont.FreeTypeFont, taken: list[Rectangle], stroke: int, size: tuple[int, int]
) -> Rectangle:
    """Where the chip goes: above the frame, else inside its top, below it, or the first free row further down."""
    box, space = thing.box, padding(font)
    wide = font.getlength(thing.text) + 2 * space
    high = _line_height(font) + space
    left = min(max(box[0], 0), max(0, size[0] - wide))
    floor = max(0.0, size[1] - high)
    tries = [box[1] - high, box[1] + stroke, box[3] - high - stroke, box[3]]
    tries += [box[1] + stroke + row * high for row in range(1, 12)]
    places = [(left, top, left + wide, top + high) for top in tries if 0 <= top <= floor]
    found = next((place for place in places if not any(overlap(place, other) for other in taken)), None)
    if found is None:
        top = min(max(box[1] - high, 0), floor)
        found = places[0] if places else (left, top, left + wide, top + high)
    taken.append(found)
    return found


def overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def ink(background: Colour) -> Colour:
    """Black or white, whichever reads better on ``background`` (relative luminance, linearised roughly)."""
    red, green, blue = ((value / 255) ** 2.2 for value in background)
    return (255, 255, 255) if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.36 else (17, 17, 20)


def padding(font: ImageFont.FreeTypeFont) -> int:
    return max(3, round(font.size / 3))


@cache
def outline_font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own outline font: nothing to install, the same letters on every machine."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def _frame(pen: ImageDraw.ImageDraw, thing: Framed, stroke: int, size: tuple[int, int]) -> None:
    width, height = size
    left, top, right, bottom = (round(value) for value in thing.box)
    left, right = (min(max(value, 0), width - 1) for value in (left, right - 1))
    top, bottom = (min(max(value, 0), height - 1) for value in (top, bottom - 1))
    if right - left < 2 or bottom - top < 2:
        return
    radius = 2 * stroke
    # A thin dark line on either side keeps the colour readable on any cloth.
    pen.rounded_rectangle((left, top, right, bottom), radius, outline=DARK, width=stroke + 2)
    inner = (left + 1, top + 1, right - 1, bottom - 1)
    if inner[2] > inner[0] and inner[3] > inner[1]:
        pen.rounded_rectangle(inner, radius, outline=thing.colour, width=stroke)


def _chip(pen: ImageDraw.ImageDraw, thing: Framed, corners: Rectangle, font: ImageFont.FreeTypeFont) -> None:
    whole = tuple(round(value) for value in corners)
    pen.rounded_rectangle(whole, radius=padding(font), fill=thing.colour, outline=DARK, width=1)
    middle = round((whole[1] + whole[3]) / 2)  # letters between two pixel rows would blur
    pen.text((whole[0] + padding(font), middle), thing.text, fill=ink(thing.colour), font=font, anchor="lm")


def _line_height(font: ImageFont.FreeTypeFont) -> int:
    ascent, descent = font.getmetrics()
    return ascent + descent
