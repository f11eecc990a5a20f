"""Anchors for SSD, chosen from the boxes of a data set, and how well those or any others cover it.

``scales`` are shares of the input's shorter side, one a map, and a seventh that only closes the row; an aspect ratio is
width / height and keeps the area; ratio 1 has a second, larger square (``two_boxes_for_ar1``). Anchors stand in the
middle of the cells of their map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial, reduce
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from specs.ssd.anchors import MAPS
from specs.ssd.geometry import maps, per_cell, sizes

Floats = NDArray[np.float32]

THRESHOLDS = (0.5, 0.6, 0.7)
SAMPLE = 6_000
"""Boxes that the search looks at; the figures it ends with are of all."""
SMALLEST, LARGEST, LAST, GAP = 0.03, 0.98, 1.2, 1.08
"""Limits of the scales, of the seventh, and the least factor from one to the next."""
RATIOS = (1.0, 0.33, 0.4, 0.5, 0.6, 0.67, 0.75, 0.85, 1.2, 1.33, 1.5, 1.75, 2.0, 2.5, 3.0, 0.25, 4.0)
"""Aspect ratios (width / height) that the search chooses from."""
SLICE = 6_000
"""Boxes that are compared with all anchors at a time: so many stay in the processor's cache."""


class Shaped(Protocol):
    """Whatever has the shapes of anchors."""

    def shapes(self, size: tuple[int, int]) -> Sequence[Floats] | Floats:
        """For each of the six maps, width and height of the anchors of a cell in pixels of an input of ``size``."""
        ...


@dataclass(frozen=True)
class AnchorsByMap:
    """Anchors whose ratios differ from map to map, as a spec may have them."""

    scales: tuple[float, ...]
    ratios: tuple[tuple[float, ...], ...]
    two_boxes_for_ar1: bool

    def shapes(self, size: tuple[int, int]) -> list[Floats]:
        per_map = zip(pairwise(self.scales), self.ratios, strict=True)
        return [
            np.array(
                sizes(
                    ratios,
                    scale=scale,
                    next_scale=after,
                    side=min(size),
                    two_boxes_for_ar1=self.two_boxes_for_ar1,
                ),
                np.float32,
            )
            for (scale, after), ratios in per_map
        ]


@dataclass(frozen=True)
class Anchors:
    """What a spec says of them; the defaults are those of our spec's, and of NVIDIA's sample for TLT 2.0."""

    scales: tuple[float, ...] = (0.05, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85)
    ratios: tuple[float, ...] = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0)

    @property
    def per_cell(self) -> int:
        return per_cell(self.ratios, two_boxes_for_ar1=True)

    def shapes(self, size: tuple[int, int]) -> Floats:
        """Width and height of the anchors in pixels of an input of ``size`` (width, height): [6, per cell, 2]."""
        return np.stack([_shapes(scale, after, self.ratios, min(size)) for scale, after in pairwise(self.scales)])

    def count(self, size: tuple[int, int]) -> int:
        """Anchors on a whole picture."""
        return self.per_cell * sum(columns * rows for columns, rows in maps(size))


@dataclass(frozen=True)
class Cover:
    """How well anchors cover boxes.

    ``best``: float32 [N], for each box the IoU with the anchor that fits best, where it stands on its grid;
    ``shape``: the same as if it could stand anywhere.
    """

    best: Floats
    shape: Floats

    def recall(self, threshold: float) -> float:
        """Share of the boxes with an anchor of at least that IoU; 0 where there are no boxes."""
        return float(np.mean(self.best >= threshold)) if len(self.best) else 0.0

    def of(self, chosen: NDArray[np.bool_]) -> Cover:
        return replace(self, best=self.best[chosen], shape=self.shape[chosen])


def cover(anchors: Shaped, boxes: Floats, size: tuple[int, int]) -> Cover:
    """Compare ``boxes``, [N, 4] as left, top, width, height in shares of the picture, with all anchors."""
    shapes = anchors.shapes(size)
    best, shape = np.zeros(len(boxes), np.float32), np.zeros(len(boxes), np.float32)
    for start in range(0, len(boxes), SLICE):
        part = _Boxes.of(boxes[start : start + SLICE], size)
        fits = _greatest([_fit(part.sides, part.away[number], shapes[number]) for number in range(MAPS)])
        shape[start : start + SLICE], best[start : start + SLICE] = fits
    return Cover(best, shape)


def suggest(boxes: Floats, size: tuple[int, int], *, start: Anchors | None = None) -> Anchors:
    """Scales and ratios that cover ``boxes`` (as ``cover`` takes them) well, with no more anchors than ``start`` has.

    Deterministic. Boxes count once for their shape alone and once for where they lie. The shape alone would leave
    large boxes to the last maps, between whose few centres they fall; their place alone would crowd all scales onto
    the first maps, whose cells see little of the picture.
    """
    start = start or Anchors()
    if not len(boxes):
        return start
    search = _Search(_Boxes.of(sampled(boxes), size), min(size), start.per_cell)
    found = search.run(start)
    return Anchors(tuple(round(scale, 3) for scale in found.scales), found.ratios)


def figures(
    boxes: Mapping[str, Floats], split: str, classes: Mapping[str, NDArray[np.bool_]], size: tuple[int, int]
) -> tuple[dict[str, Anchors], dict[str, Any]]:
    """Anchors for the boxes of ``split``, and how well they and the spec's own cover those of all splits.

    ``boxes`` [N, 4] by split, as ``cover`` takes them; ``classes``: which of those of ``split`` are of each class. The
    anchors are "suggested" and "default". The figures, as JSON types: ``split``, ``boxes`` in it; ``suggested`` and
    ``default``, each with ``scales``, ``aspect_ratios`` (width / height), ``anchors`` (on an image), ``all``,
    ``classes`` and ``splits`` (by name), each of these with ``boxes``, ``recall`` by IoU of the best anchor where it
    stands on its grid, ``shape_recall`` as if it could stand anywhere, ``mean_iou`` (on the grid); ``spec``: lines for
    the spec; ``set``: the same for tltpipe's --set.
    """
    anchors = {"suggested": suggest(boxes[split], size), "default": Anchors()}
    numbers: dict[str, Any] = {"split": split, "boxes": len(boxes[split])}
    for title, each in anchors.items():
        covers = {name: cover(each, own, size) for name, own in boxes.items()}
        numbers[title] = {
            "scales": [round(scale, 4) for scale in each.scales],
            "aspect_ratios": [round(ratio, 4) for ratio in each.ratios],
            "anchors": each.count(size),
            "all": _summary(covers[split]),
            "classes": {name: _summary(covers[split].of(chosen)) for name, chosen in classes.items()},
            "splits": {name: _summary(cover) for name, cover in covers.items()},
        }
    lists = {"scales": anchors["suggested"].scales, "aspect_ratios_global": anchors["suggested"].ratios}
    numbers["spec"] = [f'{name}: "{list(values)}"' for name, values in lists.items()]
    numbers["set"] = [f"--set 'ssd.{name}={list(values)}'" for name, values in lists.items()]
    return anchors, numbers


def _summary(cover: Cover) -> dict[str, Any]:
    shapes = Cover(cover.shape, cover.shape)
    return {
        "boxes": len(cover.best),
        "recall": {f"{iou:g}": round(cover.recall(iou), 4) for iou in THRESHOLDS},
        "shape_recall": {f"{iou:g}": round(shapes.recall(iou), 4) for iou in THRESHOLDS},
        "mean_iou": round(float(cover.best.mean()), 4) if len(cover.best) else 0.0,
    }


def sampled(boxes: Floats, count: int = SAMPLE) -> Floats:
    """At most ``count`` of ``boxes``, spread over all of them: the same whenever the boxes are."""
    if len(boxes) <= count:
        return boxes
    # Multiples of the golden ratio, modulo 1: as even as a grid, without its rhythm.
    rank = (np.arange(len(boxes), dtype=np.uint64) * np.uint64(2_654_435_761)) % np.uint64(2**32)
    chosen = np.sort(np.argpartition(rank, count)[:count])
    return boxes[chosen]


@dataclass(frozen=True)
class _Boxes:
    """``sides``: width and height in pixels of the input, [2, N]; ``away``: how far the nearest centre of each map
    lies from the box's, in x and y, [6, 2, N]."""

    sides: Floats
    away: Floats

    @classmethod
    def of(cls, boxes: Floats, size: tuple[int, int]) -> _Boxes:
        pixels = boxes * np.array([*size, *size], np.float32)
        sides = pixels[:, 2:]
        centres = pixels[:, :2] + sides / 2
        away = np.empty((MAPS, 2, len(sides)), np.float32)
        for number, cells in enumerate(maps(size)):
            step = np.array(size, np.float32) / np.array(cells, np.float32)
            nearest = np.clip(np.floor(centres / step), 0, np.array(cells) - 1)
            away[number] = np.abs(centres - (nearest + 0.5) * step).T
        return cls(np.ascontiguousarray(sides.T), away)


def _fit(sides: Floats, away: Floats, shapes: Floats) -> Floats:
    """Best IoU of boxes of ``sides`` [2, N] with any of ``shapes`` [K, 2]: by shape alone, and ``away`` [2, N]; [2, N].

    Of all anchors of one shape, the one whose centre is nearest overlaps most, so that no other need be looked at.
    """
    overlaps = np.ones((2, len(shapes), sides.shape[1]), np.float32)
    for axis in (0, 1):
        one, other = sides[axis], shapes[:, axis, None]
        most = np.minimum(one, other)
        reach = one + other
        reach /= 2
        reach -= away[axis]
        overlaps[0] *= most
        np.maximum(reach, 0, out=reach)
        overlaps[1] *= np.minimum(reach, most, out=reach)
    areas = sides.prod(axis=0) + shapes.prod(axis=1)[:, None] - overlaps
    fit: Floats = np.divide(overlaps, np.maximum(areas, 1e-9, out=areas), out=overlaps).max(axis=1)
    return fit


def _shapes(scale: float, after: float, ratios: Sequence[float], side: int) -> Floats:
    return np.array(sizes(ratios, scale=scale, next_scale=after, side=side, two_boxes_for_ar1=True), np.float32)


@dataclass
class _Search:
    """Coordinate ascent: one scale at a time, then the set of ratios, until nothing gets better."""

    boxes: _Boxes
    side: int
    per_cell: int

    def run(self, start: Anchors) -> Anchors:
        best, worth = start, self._value([self._all(start.scales, start.ratios)])
        for scales in self._beginnings(start):
            found, value = self._ascend(Anchors(scales, start.ratios), rounds=1)
            if value > worth + 1e-6:
                best, worth = found, value
        found, value = self._ascend(best, rounds=3)
        return found if value > worth else best

    def _beginnings(self, start: Anchors) -> Iterator[tuple[float, ...]]:
        """Where to begin: the scales given, and the spread of the boxes' own sizes."""
        yield _spread(start.scales)
        sizes = np.sqrt(self.boxes.sides.prod(axis=0)) / self.side
        low, high = np.quantile(sizes, [0.02, 0.98])
        yield _spread(np.geomspace(low, high, MAPS + 1).tolist())
        yield _spread(np.quantile(sizes, np.linspace(0.04, 0.97, MAPS + 1)).tolist())

    def _ascend(self, anchors: Anchors, *, rounds: int) -> tuple[Anchors, float]:
        value = -1.0
        for _ in range(rounds):
            before = value
            anchors = replace(anchors, ratios=self._ratios(anchors))
            anchors, value = self._scales(anchors)
            if value < before + 1e-4:
                break
        return anchors, value

    def _scales(self, anchors: Anchors) -> tuple[Anchors, float]:
        scales = list(anchors.scales)
        known = lru_cache(maxsize=64)(partial(self._map, anchors.ratios))  # whatever is tried again
        fits = list(map(known, range(MAPS), scales, scales[1:]))
        value = self._value(fits)
        for step in (1.25, 1.1, 1.04):
            moved = True
            while moved:
                moved = False
                for number in range(MAPS + 1):
                    for factor in (step, 1 / step):
                        tried = scales.copy()
                        tried[number] *= factor
                        if not _rising(tried):
                            continue
                        changed = {
                            place: known(place, tried[place], tried[place + 1])
                            for place in (number - 1, number)
                            if 0 <= place < MAPS
                        }
                        new = self._value([changed.get(place, fit) for place, fit in enumerate(fits)])
                        if new > value + 1e-5:
                            scales, value, moved = tried, new, True
                            for place, fit in changed.items():
                                fits[place] = fit
        return replace(anchors, scales=tuple(scales)), value

    def _ratios(self, anchors: Anchors) -> tuple[float, ...]:
        """The ratios that add most, one after the other, to the square ones."""
        chosen = [1.0]
        known = self._all(anchors.scales, chosen)
        single = {ratio: self._all(anchors.scales, [ratio]) for ratio in RATIOS[1:]}
        while len(chosen) < self.per_cell - 1:
            worth: Callable[[float], float] = lambda ratio: self._value([known, single[ratio]])  # noqa: B023, E731
            ratio = max((ratio for ratio in single if ratio not in chosen), key=worth)
            known = np.maximum(known, single[ratio])
            chosen.append(ratio)
        return tuple(chosen)

    def _all(self, scales: Sequence[float], ratios: Sequence[float]) -> Floats:
        return _greatest([self._map(ratios, number, *pair) for number, pair in enumerate(pairwise(scales))])

    def _map(self, ratios: Sequence[float], number: int, scale: float, after: float) -> Floats:
        """Best IoU on one map by shape alone and by place, [2, N]."""
        shapes = _shapes(scale, after, ratios, self.side)
        return _fit(self.boxes.sides, self.boxes.away[number], shapes)

    def _value(self, fits: Sequence[Floats]) -> float:
        """Mean of recall at the thresholds and mean IoU: a threshold alone would leave the search without a slope."""
        best = _greatest(fits)
        recalls = [np.count_nonzero(best >= threshold) / best.size for threshold in THRESHOLDS]
        return sum(recalls) / len(recalls) + float(best.mean())


def _greatest(fits: Sequence[Floats]) -> Floats:
    return reduce(np.maximum, fits)


def _spread(scales: Sequence[float]) -> tuple[float, ...]:
    """``scales`` moved as little as makes them rise within the limits."""
    spread = [*(min(max(scale, SMALLEST), LARGEST) for scale in scales[:-1]), min(scales[-1], LAST)]
    for place in range(1, len(spread)):
        spread[place] = max(spread[place], spread[place - 1] * GAP)
    above = LAST
    for place in reversed(range(len(spread))):
        spread[place] = min(spread[place], above)
        above = min(spread[place] / GAP, LARGEST)
    return tuple(spread)


def _rising(scales: Sequence[float]) -> bool:
    inside = scales[0] >= SMALLEST and scales[-2] <= LARGEST and scales[-1] <= LAST
    return inside and all(after >= GAP * before * (1 - 1e-9) for before, after in pairwise(scales))
