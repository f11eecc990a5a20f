"""What the drawn garments are called in DeepFashion's fifty categories."""

from __future__ import annotations

import numpy as np

from converters.sample.cuts import LONG_SLEEVED, SLEEVELESS, STRAPPED, Cut, LowerCut, OutwearCut, UpperCut, draw_cut
from converters.sample.fabrics import draw_fabric, draw_weave
from converters.sample.outfits import Design

Random = np.random.Generator

DRAWN: dict[str, tuple[int, ...]] = {
    "Tee": (1,), "Henley": (1, 2), "Button-Down": (1, 2), "Blouse": (1, 2), "Top": (2,), "Turtleneck": (2,),
    "Flannel": (2,), "Sweater": (2,), "Tank": (5, 6), "Blazer": (3, 4), "Bomber": (3, 4), "Jacket": (3, 4),
    "Cardigan": (3, 4), "Parka": (4,), "Coat": (4,), "Shorts": (7,), "Sweatshorts": (7,), "Cutoffs": (7,),
    "Jeans": (8,), "Chinos": (8,), "Joggers": (8,), "Sweatpants": (8,), "Skirt": (9,), "Dress": (10, 11, 12, 13),
}  # fmt: skip
"""The categories that can be drawn, and DeepFashion2's that they are cut from."""

BLOCK = (*DRAWN, "Dress", "Dress", "Skirt", "Tee")
"""So many garments in a row have every category, the commonest of shops more often."""


def draw_design(name: str, rng: Random) -> Design:
    """A random garment of the category ``name``, which is one of ``DRAWN``."""
    kinds = DRAWN[name]
    while True:
        cut, weave = draw_cut(kinds[rng.integers(len(kinds))], rng), draw_weave(rng)
        if category(cut, weave) == name:
            return Design(cut, draw_fabric(rng, weave), style=1)


def category(cut: Cut, weave: str) -> str:
    """The category of a garment by how it is cut and what it is made of."""
    match cut:
        case OutwearCut():
            return _outwear(cut)
        case LowerCut():
            return _lower(cut, weave)
        case UpperCut():
            return _upper(cut, weave)


def _outwear(cut: OutwearCut) -> str:
    if cut.kind == "cardigan":
        return "Cardigan"
    if cut.long:
        return "Parka" if cut.kind == "zip" else "Coat"
    return {"blazer": "Blazer", "zip": "Bomber", "shirt": "Jacket"}[cut.kind]


def _lower(cut: LowerCut, weave: str) -> str:
    match cut.category:
        case 9:
            return "Skirt"
        case 8:
            if cut.band == "elastic":
                return "Joggers" if cut.leg == "narrow" else "Sweatpants"
            return "Jeans" if weave == "denim" else "Chinos"
        case _:
            if cut.band == "elastic":
                return "Sweatshorts"
            return "Cutoffs" if weave == "denim" else "Shorts"


def _upper(cut: UpperCut, weave: str) -> str:
    if cut.is_dress:
        return "Dress"
    if cut.category in (*SLEEVELESS, *STRAPPED):
        return "Tank"
    long = cut.category in LONG_SLEEVED
    if cut.neck == "collar":
        return "Flannel" if long and weave == "check" else "Button-Down"
    if long and cut.neck == "high":
        return "Turtleneck"
    if long and weave == "knit":
        return "Sweater"
    if cut.closure == "buttons":
        return "Henley" if cut.placket else "Blouse"
    if cut.puff:
        return "Blouse"
    return "Top" if long else "Tee"
