"""Annotated pictures: a frame around each find and a chip with its name and score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from converters.drawing import Framed, Rectangle, colour_of, frames

__all__ = ["Find", "colour_of", "draw"]


@dataclass(frozen=True)
class Find:
    """One detection: ``box`` is left, top, right, bottom in pixels of the picture; ``label`` counts from 1."""

    box: Rectangle
    label: int
    name: str
    score: float


def draw(picture: Image.Image, finds: Sequence[Find]) -> Image.Image:
    """A copy of ``picture`` (RGB) with ``finds`` drawn on it, surer ones on top of less sure ones."""
    rising = sorted(finds, key=lambda find: find.score)
    return frames(picture, [Framed(find.box, colour_of(find.label), _caption(find)) for find in rising])


def _caption(find: Find) -> str:
    return f"{find.name.replace('_', ' ')} {find.score:.2f}"
