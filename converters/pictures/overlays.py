"""What is on a picture, drawn on it: masks, outlines, landmarks, and a frame with the class name around each thing."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image, ImageDraw

from converters.model import Keypoint, Mask, Object, Sample, run_lengths
from converters.pictures.drawing import DARK, IGNORED, Colour, Framed, colour_of, copied, frames, one_line, stroke_of
from converters.pictures.headers import opened as opened_image

SHORT, LONG = 480, 1600
"""The longer side of a drawn picture, in pixels, is brought between these."""
_TINT, _TINT_LINE = 70, 230
_RADIUS = 4.0
"""Of the smallest landmark: a smaller ring would be a disc."""
_LIMIT = 30_000.0


def drawn(sample: Sample, labels: Mapping[str, int]) -> Image.Image:
    """The picture of ``sample`` with all its objects; ``labels`` numbers the classes from 1, for their colours.

    Raises DataError when the picture cannot be read.
    """
    picture, scale = opened(sample, shortest=SHORT, longest=LONG)
    # Large things first, so that none is hidden behind another.
    things = sorted(sample.objects, key=lambda thing: -thing.box.area)
    if sample.void is not None and (unknown := silhouette(sample.void, picture.size)) is not None:
        picture.paste(IGNORED, mask=unknown)
    picture = _tinted(picture, [(thing, colour_of(labels.get(thing.category, 1))) for thing in things], scale)
    for thing in things:
        _landmarks(picture, thing, colour_of(labels.get(thing.category, 1)), scale)
    return frames(picture, [_framed(thing, labels, scale) for thing in things])


def opened(sample: Sample, *, shortest: int, longest: int) -> tuple[Image.Image, tuple[float, float]]:
    """The picture of ``sample`` as stored, in RGB, its longer side brought between ``shortest`` and ``longest``
    pixels; and how many of its pixels there are to one of the annotations', across and down."""
    with opened_image(sample.image_path) as image:
        image.draft("RGB", (longest, longest))  # a JPEG may be decoded at a half, a quarter, ...
        size = (sample.width, sample.height) if sample.width > 0 and sample.height > 0 else image.size
        factor = min(longest / max(size), max(1.0, shortest / max(size)))
        wanted = (max(1, round(size[0] * factor)), max(1, round(size[1] * factor)))
        picture = copied(image)
        if picture.size != wanted:
            picture = picture.resize(wanted, Image.Resampling.BICUBIC, reducing_gap=2.0)
    return picture, (wanted[0] / size[0], wanted[1] / size[1])


def silhouette(mask: Mask, size: tuple[int, int]) -> Image.Image | None:
    """``mask`` in ``size`` pixels: mode L, 255 where it is; None when it is damaged."""
    try:
        pixels = run_lengths.decode(mask)
    except ValueError:
        return None
    return Image.fromarray(pixels * 255).resize(size, Image.Resampling.BILINEAR)


def _tinted(picture: Image.Image, things: list[tuple[Object, Colour]], scale: tuple[float, float]) -> Image.Image:
    """``picture`` with outlines and masks filled, so that what is below shines through."""
    picture = picture.convert("RGBA")
    stroke = max(1, stroke_of(picture) // 2)
    for thing, colour in things:
        layer = Image.new("RGBA", picture.size)
        pen = ImageDraw.Draw(layer)
        for ring in thing.polygons:
            points = [at(x, y, scale) for x, y in zip(ring[::2], ring[1::2], strict=True)]
            if len(points) >= 3:
                pen.polygon(points, fill=(*colour, _TINT))
                pen.line([*points, points[0]], fill=(*colour, _TINT_LINE), width=stroke)
        shape = silhouette(thing.mask, picture.size) if thing.mask is not None else None
        if shape is not None:
            layer.paste((*colour, _TINT), mask=shape)
        if thing.polygons or shape is not None:
            picture = Image.alpha_composite(picture, layer)
    return picture.convert("RGB")


def _landmarks(picture: Image.Image, thing: Object, colour: Colour, scale: tuple[float, float]) -> None:
    """Visible ones filled, occluded ones as rings."""
    pen, radius = ImageDraw.Draw(picture), max(_RADIUS, stroke_of(picture) * 1.3)
    for x, y, visibility in labelled(thing):
        left, top = at(x, y, scale)
        around = (left - radius, top - radius, left + radius, top + radius)
        if visibility == 2:
            pen.ellipse(around, fill=colour, outline=(255, 255, 255))
        else:
            pen.ellipse(around, outline=DARK, width=3)
            pen.ellipse(around, outline=colour, width=2)


def labelled(thing: Object) -> list[Keypoint]:
    """The landmarks of ``thing`` that have a place."""
    return [point for point in thing.keypoints if point.visibility]


def at(x: float, y: float, scale: tuple[float, float]) -> tuple[float, float]:
    """A point of the annotations on the drawn picture, kept where a pen can go."""
    return max(-_LIMIT, min(_LIMIT, x * scale[0])), max(-_LIMIT, min(_LIMIT, y * scale[1]))


def _framed(thing: Object, labels: Mapping[str, int], scale: tuple[float, float]) -> Framed:
    box, colour = thing.box, colour_of(labels.get(thing.category, 1))
    corners = (*at(box.left, box.top, scale), *at(box.right, box.bottom, scale))
    text = one_line(thing.category.replace("_", " "))[:40] + (" (crowd)" if thing.crowd else "")
    return Framed(corners, colour, text)
