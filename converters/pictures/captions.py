"""What is known of a picture and cannot be drawn on it, as lines of text below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from converters.model import Attribute, Object, Sample
from converters.pictures.drawing import one_line, outline_font

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_PAPER, _WRITING = (250, 250, 248), (60, 62, 68)
_LETTERS, _LINE, _MARGIN = 14, 19, 6
_LINES = 12


def captioned(picture: Image.Image, sample: Sample, attributes: Sequence[Attribute]) -> Image.Image:
    """``picture`` with the attributes, and the fields of text, of its objects below it; as it is where none has any."""
    texts = [text for thing in sample.objects if (text := _text(thing, attributes))]
    font = outline_font(_LETTERS)
    lines = [line for text in texts for line in _wrapped(text, font, picture.width - 2 * _MARGIN)]
    if not lines:
        return picture
    if len(lines) > _LINES:
        lines[_LINES - 1 :] = ["…"]
    below = Image.new("RGB", (picture.width, picture.height + len(lines) * _LINE + 2 * _MARGIN), _PAPER)
    below.paste(picture)
    pen = ImageDraw.Draw(below)
    for number, line in enumerate(lines):
        top = picture.height + _MARGIN + number * _LINE
        pen.text((_MARGIN, top), line, fill=_WRITING, font=font)
    return below


def _text(thing: Object, attributes: Sequence[Attribute]) -> str:
    told = [attributes[place].name for place in thing.attributes]
    told += [f"{name} {value}" for name, value in thing.extra.items() if isinstance(value, str) and value]
    return one_line(f"{thing.category.replace('_', ' ')}: {', '.join(told)}") if told else ""


def _wrapped(text: str, font: FreeTypeFont, width: float) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and font.getlength(longer) > width:
            yield line
            longer = word
        line = longer
    yield line
