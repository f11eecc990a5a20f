"""A map of classes painted from the objects of a picture: a class for each pixel, of the one that lies on top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from converters.model import Box, Mask, Object, Sample, geometry, rules
from tltpipe.errors import DataError, Location

if TYPE_CHECKING:
    from numpy.typing import NDArray

Order = Literal["larger_first", "smaller_first", "annotation", "reverse"]
"""Which objects are painted first; later ones lie on top. By the area of their masks, those of the same area as they
are annotated; as they are annotated; or the other way round, so that the first annotation wins."""
ORDERS: tuple[Order, ...] = get_args(Order)
DEFAULT: Order = "larger_first"

BACKGROUND, VOID = 0, 255
"""Pixels of no object, and those that nobody says anything about."""
MOST = VOID - 1
"""Classes that a map has values for."""

Where = Callable[[Object | None], Location | Path | str | None]
"""Of an object, or of the whole picture."""


class _Layer(NamedTuple):
    """Where on a map ``shape`` [h, w], True on the object, begins, and the value that it is painted with."""

    left: int
    top: int
    shape: NDArray[Any]
    value: int


def painted(
    sample: Sample, labels: Sequence[int], order: Order = DEFAULT, *, where: Where | None = None
) -> NDArray[Any]:
    """The map of ``sample``, uint8 [height, width]: the label of each object, 1 to 254, on its pixels.

    Objects of label 0 are left out. The void of ``sample``, its ignored regions and crowds (their boxes where they have
    no outline) are 255 where nothing else is. Raises DataError, at ``where`` the object is (``sample.where`` unless
    given), for one without mask and polygons, and for masks that are damaged or of another size.
    """
    import numpy as np

    where = where or sample.where
    pixels = np.full((sample.height, sample.width), BACKGROUND, np.uint8)
    chosen = [(thing, label) for thing, label in zip(sample.objects, labels, strict=True) if label]
    crowds = [_layer(thing, VOID, sample, where) for thing, _ in chosen if thing.crowd]
    things = [_layer(thing, label, sample, where) for thing, label in chosen if not thing.crowd]
    for layer in (*_void(sample, where), *crowds, *_ordered(things, order)):
        height, width = layer.shape.shape
        part = pixels[layer.top : layer.top + height, layer.left : layer.left + width]
        np.copyto(part, np.uint8(layer.value), where=layer.shape)
    return pixels


def _ordered(layers: Sequence[_Layer], order: Order) -> Sequence[_Layer]:
    match order:
        case "annotation":
            return layers
        case "reverse":
            return layers[::-1]
    sign = -1 if order == "larger_first" else 1
    return sorted(layers, key=lambda layer: sign * int(layer.shape.sum()))


def _void(sample: Sample, where: Where) -> list[_Layer]:
    import numpy as np

    regions = (_within(box, sample) for box in sample.ignored)
    layers = [
        _Layer(left, top, np.ones((below - top, right - left), bool), VOID) for left, top, right, below in regions
    ]
    if sample.void is not None:
        layers.append(_Layer(0, 0, _shape(sample.void, "void", sample, where(None)), VOID))
    return layers


def _within(box: Box, sample: Sample) -> tuple[int, int, int, int]:
    """The pixels of ``sample`` that ``box`` touches: left, top, right, bottom."""
    box = geometry.clip(box, sample.width, sample.height)
    return floor(box.left), floor(box.top), ceil(box.right), ceil(box.bottom)


def _layer(thing: Object, value: int, sample: Sample, where: Where) -> _Layer:
    if thing.mask is None:
        return _of_rings(thing, value, sample, where)
    return _Layer(0, 0, _shape(thing.mask, thing.category, sample, where(thing)), value)


def _shape(mask: Mask, name: str, sample: Sample, where: Location | Path | str | None) -> NDArray[Any]:
    from converters.model import run_lengths

    if (mask.width, mask.height) != (sample.width, sample.height):
        what = f"the mask of {name} is {mask.width}x{mask.height}, its image {sample.width}x{sample.height}"
        hint = "masks have the size of their image: export them again"
        raise DataError(what, where=where, hint=hint, code=rules.ODD_MASK.code)
    try:
        return run_lengths.decode(mask).view(bool)
    except ValueError as problem:
        raise DataError(str(problem), where=where, code=rules.ODD_MASK.code) from None


def _of_rings(thing: Object, value: int, sample: Sample, where: Where) -> _Layer:
    """All rings of ``thing`` together: pixels whose middle lies inside one of them."""
    import numpy as np

    from converters.model.mask_outlines import filled

    if not thing.polygons:
        if thing.crowd:
            left, top, right, bottom = _within(thing.box, sample)
            return _Layer(left, top, np.ones((bottom - top, right - left), bool), value)
        what = f"{thing.category} of {sample.id} has neither a mask nor polygons: there is nothing to paint"
        hint = "annotate its outline, or leave it out of the annotations"
        raise DataError(what, where=where(thing), hint=hint)
    left, top, right, bottom = _within(geometry.extent(thing.polygons), sample)
    shape = np.zeros((bottom - top, right - left), bool)
    for ring in thing.polygons:
        moved = tuple(number - (top if place % 2 else left) for place, number in enumerate(ring))
        shape |= filled(moved, right - left, bottom - top)
    return _Layer(left, top, shape, value)
