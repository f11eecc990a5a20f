"""Keypoints in the mirror: which is which."""

from __future__ import annotations

from functools import lru_cache

from converters.model import KeypointSlot, garments

_SIDES = (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"))
_ENDINGS = (("_l", "_r"), ("_L", "_R"))


@lru_cache(maxsize=256)
def flip_order(category: str, slot: KeypointSlot) -> tuple[int, ...]:
    """The mirror as a permutation of the own points of ``category``: new point k is the old point order[k].

    Garments have pairs of their own; others say on which side a point is: left_eye, eye_l, LeftEye.
    """
    garment = garments.BY_NAME.get(category)
    if garment is not None and garment.landmarks == slot.count:
        return garment.flip
    places = {name: place for place, name in enumerate(slot.names[slot.offset : slot.offset + slot.count])}
    order = list(range(slot.count))
    for name, place in places.items():
        order[place] = places.get(_other_side(name), place)
    return tuple(order)


def _other_side(name: str) -> str:
    """The name of the same point on the other side, if it says on which it is."""
    for one, other in [*_SIDES, *((right, left) for left, right in _SIDES)]:
        if one in name:
            return name.replace(one, other)
    for one, other in [*_ENDINGS, *((right, left) for left, right in _ENDINGS)]:
        if name.endswith(one):
            return name.removesuffix(one) + other
    return name
