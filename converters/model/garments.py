"""DeepFashion2's thirteen garments: names, landmarks, mirror pairs and outlines, as the data set defines them.

Landmark numbers count from 1 within a garment, as the official figure prints them; left is the viewer's left.
For short sleeved outwear the figure numbers the collar differently from all else; here, as in the official sigmas,
2 mirrors 6 and 4 mirrors 26.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Garment:
    """One category.

    ``id`` is 1 to 13, ``label`` the name inside the annotation files ("short sleeve top"), ``name`` the converter's
    name without blanks ("short_sleeved_shirt"), ``landmarks`` how many points it has, ``offset`` where they begin
    among the 294 of all garments. ``middle`` and ``pairs`` say what a mirror keeps and swaps; ``ring`` is the outline
    as landmark numbers in drawing order, not closed.
    """

    id: int
    label: str
    name: str
    landmarks: int
    offset: int
    middle: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    ring: tuple[int, ...]

    @cached_property
    def flip(self) -> tuple[int, ...]:
        """The mirror as a permutation counted from 0: new point ``i`` is the old point ``flip[i]``."""
        order = list(range(self.landmarks))
        for one, other in self.pairs:
            order[one - 1], order[other - 1] = other - 1, one - 1
        return tuple(order)


def _run(first: int, last: int) -> tuple[int, ...]:
    """``first`` to ``last``, both included, rising or falling."""
    step = 1 if last >= first else -1
    return tuple(range(first, last + step, step))


def _mirror(low: int, high: int) -> tuple[tuple[int, int], ...]:
    """``low`` with ``high``, and so on inwards: (7, 25), (8, 24), ..."""
    return tuple((low + step, high - step) for step in range((high - low + 1) // 2))


_NECK = ((2, 6), (3, 5))
_COLLAR = (6, 5, 4, 3, 2)


def _upper(id: int, label: str, name: str, landmarks: int, offset: int) -> Garment:
    """Tops and dresses: a neckline of six points, then once around from the left shoulder to the right one."""
    pairs = (*_NECK, *_mirror(7, landmarks))
    return Garment(
        id, label, name, landmarks, offset, (1, 4, (landmarks + 7) // 2), pairs, (*_COLLAR, *_run(7, landmarks))
    )


def _lower(id: int, name: str, landmarks: int, offset: int) -> Garment:
    """Trousers, shorts, skirts: a waist of three points, then once around from the left side to the right one."""
    pairs = ((1, 3), *_mirror(4, landmarks))
    return Garment(id, name, name, landmarks, offset, (2, (landmarks + 4) // 2), pairs, (3, 2, 1, *_run(4, landmarks)))


def _outwear(id: int, label: str, name: str, landmarks: int, offset: int, *, hem: int, top: int) -> Garment:
    """Open at the front: ``hem`` is the outer left end of the hem, ``top`` the upper end of the right opening.

    The outline runs down the left panel, up along the opening, behind the neck, and down the right one.
    """
    opening = ((4, top), (hem + 1, top + 3), (top + 1, top + 4), (top + 2, top + 5))
    ring = (
        *(2, *_run(7, hem + 1), top + 5, top + 4, 4, 3, 1, 5),
        *(*_run(top, top + 3), *_run(hem + 2, top - 1), 6),
    )
    around = tuple(zip(_run(7, hem), _run(top - 1, hem + 2), strict=True))
    return Garment(id, label, name, landmarks, offset, (1,), (*_NECK, *around, *opening), ring)


CATEGORIES: tuple[Garment, ...] = (
    _upper(1, "short sleeve top", "short_sleeved_shirt", 25, 0),
    _upper(2, "long sleeve top", "long_sleeved_shirt", 33, 25),
    _outwear(3, "short sleeve outwear", "short_sleeved_outwear", 31, 58, hem=15, top=26),
    _outwear(4, "long sleeve outwear", "long_sleeved_outwear", 39, 89, hem=19, top=34),
    _upper(5, "vest", "vest", 15, 128),
    _upper(6, "sling", "sling", 15, 143),
    _lower(7, "shorts", 10, 158),
    _lower(8, "trousers", 14, 168),
    _lower(9, "skirt", 8, 182),
    _upper(10, "short sleeve dress", "short_sleeved_dress", 29, 190),
    _upper(11, "long sleeve dress", "long_sleeved_dress", 37, 219),
    _upper(12, "vest dress", "vest_dress", 19, 256),
    _upper(13, "sling dress", "sling_dress", 19, 275),
)
"""All thirteen, in id order."""

LANDMARKS = 294
"""Points of all garments together: the length of a keypoint vector in the official COCO conversion."""

BY_ID: dict[int, Garment] = {garment.id: garment for garment in CATEGORIES}
BY_NAME: dict[str, Garment] = {garment.name: garment for garment in CATEGORIES}
