"""Landmarks of a class by its name: where they lie in the vector of all, mirrors, skeleton, sigmas and shared channels.

Garments share one vector of 294 points (DeepFashion2), of which many mean the same: the winners of its 2020 challenge
learn 81 channels (arXiv 2005.00419). A person has the 17 points of COCO.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from converters.model import garments

AGGREGATED = 81
"""Channels of all garments together, where points of one meaning share one."""


@dataclass(frozen=True)
class Layout:
    """The landmarks of the class ``name``: ``count`` of them from ``offset`` on in a vector of ``total``.

    ``flip`` is the mirror as a permutation counted from 0: new point i is the old point flip[i]. ``edges`` are the
    lines of a skeleton, pairs of points counted from 1; ``sigmas`` those of OKS. ``aggregated`` is the channel of each
    point, 1 to AGGREGATED, none twice; empty for a person.
    """

    name: str
    offset: int
    total: int
    flip: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]
    aggregated: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        return len(self.flip)

    @cached_property
    def slots(self) -> range:
        """Places of its points in the vector of all, from 0."""
        return range(self.offset, self.offset + self.count)


def layout(name: str) -> Layout | None:
    """Of the class ``name``, in whatever case; None for a class whose landmarks nobody knows."""
    return _LAYOUTS.get(name.lower())


def names() -> tuple[str, ...]:
    """The classes that have a layout."""
    return tuple(_LAYOUTS)


_CHANNELS = {
    "short_sleeved_shirt": "1 2 3 4 5 6 9 10 11 12 13 14 41 42 43 47 44 45 46 15 16 17 18 19 20",
    "long_sleeved_shirt": (
        "1 2 3 4 5 6 21 22 23 24 25 26 27 28 29 30 41 42 43 47 44 45 46 31 32 33 34 35 36 37 38 39 40"
    ),
    "short_sleeved_outwear": "1 2 3 7 5 6 9 10 11 12 13 14 41 42 43 53 44 45 46 15 16 17 18 19 20 8 48 49 50 51 52",
    "long_sleeved_outwear": (
        "1 2 3 7 5 6 21 22 23 24 25 26 27 28 29 30 41 42 43 53 44 45 46 31 32 33 34 35 36 37 38 39 40 8 48 49 50 51 52"
    ),
    "vest": "1 2 3 4 5 6 54 41 42 43 47 44 45 46 55",
    "sling": "1 2 3 4 5 6 56 41 42 43 47 44 45 46 57",
    "shorts": "63 64 65 71 66 67 70 68 69 72",
    "trousers": "63 64 65 71 73 66 67 74 70 75 68 69 76 72",
    "skirt": "63 64 65 77 78 79 80 81",
    "short_sleeved_dress": "1 2 3 4 5 6 9 10 11 12 13 14 41 42 43 58 59 60 61 62 44 45 46 15 16 17 18 19 20",
    "long_sleeved_dress": (
        "1 2 3 4 5 6 21 22 23 24 25 26 27 28 29 30 41 42 43 58 59 60 61 62 44 45 46 31 32 33 34 35 36 37 38 39 40"
    ),
    "vest_dress": "1 2 3 4 5 6 54 41 42 43 58 59 60 61 62 44 45 46 55",
    "sling_dress": "1 2 3 4 5 6 56 41 42 43 58 59 60 61 62 44 45 46 57",
}
"""Channels of the points of each garment in their order."""

_SIGMAS = {
    "short_sleeved_shirt": (
        "120 158 169 165 169 158 298 329 321 323 340 388 452 574 492 352 492 574 452 388 340 323 321 329 298"
    ),
    "long_sleeved_shirt": (
        "194 170 185 193 185 170 286 471 547 526 430 392 513 566 509 564 542 604 599 520 599 604 542 564 509 566 "
        "513 392 430 526 547 471 286"
    ),
    "short_sleeved_outwear": (
        "74 85 165 248 165 85 156 231 296 137 195 250 347 380 257 370 257 380 347 250 195 137 296 231 156 248 469 "
        "632 370 469 632"
    ),
    "long_sleeved_outwear": (
        "137 153 243 377 243 153 203 366 467 433 393 329 418 477 399 331 420 492 436 478 436 492 420 331 399 477 "
        "418 329 393 433 467 366 203 377 645 573 478 645 573"
    ),
    "vest": "352 158 210 214 210 158 196 500 489 404 401 404 489 500 196",
    "sling": "276 548 283 204 283 548 369 726 677 640 251 640 677 726 369",
    "shorts": "308 216 308 506 494 463 477 463 494 506",
    "trousers": "275 202 275 651 451 350 280 392 362 392 280 350 451 651",
    "skirt": "253 195 253 513 543 415 543 513",
    "short_sleeved_dress": (
        "153 230 167 145 167 230 332 391 391 396 440 452 498 514 585 655 635 602 635 655 585 514 498 452 440 396 "
        "391 391 332"
    ),
    "long_sleeved_dress": (
        "121 134 158 162 158 134 246 406 470 404 463 466 435 499 455 440 411 490 576 685 618 483 618 685 576 490 "
        "411 440 486 499 435 466 463 404 470 406 246"
    ),
    "vest_dress": "116 167 160 180 160 167 196 385 421 497 562 528 428 528 562 497 421 385 196",
    "sling_dress": "244 297 244 208 244 297 173 616 659 712 707 685 339 685 707 712 659 616 173",
}
"""Sigmas of the official evaluation, in ten-thousandths. Mirror images have the same, but for the points 15 and 29 of
the long sleeved dress."""

_Pairs = tuple[tuple[int, int], ...]

_EDGES: dict[str, tuple[_Pairs, _Pairs]] = {
    "short_sleeved_shirt": (((1, 6), (7, 25)), ((1, 6), (2, 7), (6, 25))),
    "long_sleeved_shirt": (((1, 6), (7, 33)), ((1, 6), (2, 7), (6, 33))),
    "short_sleeved_outwear": (
        ((2, 4), (5, 6), (7, 16), (17, 25), (26, 29), (30, 31)),
        ((1, 2), (1, 6), (2, 7), (4, 30), (5, 26), (6, 25), (16, 31), (17, 29)),
    ),
    "long_sleeved_outwear": (
        ((1, 4), (5, 6), (7, 20), (21, 33), (34, 37), (38, 39)),
        ((1, 6), (2, 7), (4, 38), (5, 34), (6, 33), (20, 39), (21, 37)),
    ),
    "vest": (((1, 6), (7, 15)), ((1, 6), (2, 7), (6, 15))),
    "sling": (((1, 6), (8, 14)), ((1, 6), (2, 7), (2, 8), (6, 14), (6, 15))),
    "shorts": (((1, 3), (4, 10)), ((1, 4), (3, 10))),
    "trousers": (((1, 3), (4, 14)), ((1, 4), (3, 14))),
    "skirt": (((1, 3), (4, 8)), ((1, 4), (3, 8))),
    "short_sleeved_dress": (((1, 6), (7, 29)), ((1, 6), (2, 7), (6, 29))),
    "long_sleeved_dress": (((1, 6), (7, 37)), ((1, 6), (2, 7), (6, 37))),
    "vest_dress": (((1, 6), (7, 19)), ((1, 6), (2, 7), (6, 19))),
    "sling_dress": (((1, 6), (8, 18)), ((1, 6), (2, 7), (2, 8), (6, 18), (6, 19))),
}
"""Of each garment chains, from the first point to the last one by one, and single lines. Those of short sleeved outwear
are in our numbers, see ``garments``: the official figure, whose numbers others draw by, has 2 and 4 changed over."""


def _garment(garment: garments.Garment) -> Layout:
    chains, lines = _EDGES[garment.name]
    chained = [(point, point + 1) for first, last in chains for point in range(first, last)]
    return Layout(
        garment.name, garment.offset, garments.LANDMARKS, garment.flip, (*chained, *lines),
        tuple(int(number) / 10_000 for number in _SIGMAS[garment.name].split()),
        tuple(map(int, _CHANNELS[garment.name].split())),
    )  # fmt: skip


_PERSON = Layout(
    "person", 0, 17,
    flip=(0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15),
    edges=(
        (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11),
        (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
    ),
    sigmas=(
        0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
        0.089, 0.089,
    ),
)  # fmt: skip

_LAYOUTS = {each.name: each for each in (*map(_garment, garments.CATEGORIES), _PERSON)}

CHANNELS = tuple(
    channel - 1 for garment in garments.CATEGORIES for channel in _LAYOUTS[garment.name].aggregated
)  # fmt: skip
"""The channel of each of the 294 points of all garments, from 0."""


def _aggregated_flip() -> tuple[int, ...]:
    """Garments agree on it: what shares a channel is mirrored into one."""
    order = [-1] * AGGREGATED
    for garment in garments.CATEGORIES:
        own = _LAYOUTS[garment.name]
        for point, other in enumerate(own.flip):
            order[own.aggregated[point] - 1] = own.aggregated[other] - 1
    return tuple(order)


AGGREGATED_FLIP = _aggregated_flip()
"""The mirror of the aggregated channels as a permutation counted from 0."""
