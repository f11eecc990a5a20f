"""What can be said of a drawn garment: pattern, colour, sleeves, neckline, length, fit and what is sewn on."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from converters.sample.cuts import LONG_SLEEVED, SHORT_SLEEVED, SLEEVELESS, STRAPPED, LowerCut, OutwearCut, UpperCut
from converters.sample.fabrics import COLOURS
from converters.sample.outfits import Design

TEXTURE, FABRIC, SHAPE, PART, STYLE = range(1, 6)
"""DeepFashion's types of attributes."""

PRINTS = (
    *("checked", "floral print", "gingham", "horizontal stripe", "mottled", "plaid", "polka dot", "solid", "striped"),
    "vertical stripe",
)
CLOTHS = ("cable knit", "cotton", "denim", "knit")
SHAPES = {
    "a-line": "hem", "bodycon": "hem", "boxy": "hem", "crop": "hem", "fitted": "hem", "longline": "hem", "maxi": "hem",
    "midi": "hem", "mini": "hem", "pencil": "hem", "skinny": "hem", "straight leg": "hem", "wide leg": "hem",
}  # fmt: skip
PARTS = {
    "belted": "front", "boat neck": "neck", "button front": "front", "chest pocket": "front", "collared": "neck",
    "cowl neck": "neck", "crew neck": "neck", "cuffed": "hem", "elastic waist": "waist", "high neck": "neck",
    "long sleeve": "sleeves", "notched lapel": "neck", "open front": "front", "pleated": "hem",
    "puff sleeve": "sleeves", "scoop neck": "neck", "short sleeve": "sleeves", "sleeveless": "sleeves",
    "spaghetti strap": "sleeves", "square neck": "neck", "straight neck": "neck", "sweetheart": "neck",
    "v-neck": "neck", "waist belt": "waist", "zip front": "front",
}  # fmt: skip
STYLES = ("boho", "breton", "classic", "preppy", "retro", "sporty")

ATTRIBUTES: dict[str, tuple[int, str]] = dict(
    sorted(
        {
            **dict.fromkeys((*PRINTS, *COLOURS), (TEXTURE, "cloth")),
            **dict.fromkeys(CLOTHS, (FABRIC, "cloth")),
            **{name: (SHAPE, where) for name, where in SHAPES.items()},
            **{name: (PART, where) for name, where in PARTS.items()},
            **dict.fromkeys(STYLES, (STYLE, "front")),
        }.items()
    )
)
"""Type of each attribute and where on a garment it is to be seen: "cloth" anywhere, "front" where nothing covers it,
"neck", "sleeves", "waist" or "hem"."""


def attributes(design: Design) -> frozenset[str]:
    """All that is so of a garment, of ``ATTRIBUTES``."""
    names = {*_cloth(design.fabric.pattern), *design.fabric.colours()}
    match design.cut:
        case OutwearCut() as cut:
            names.update(_outwear(cut))
        case LowerCut() as cut:
            names.update(_lower(cut))
        case UpperCut() as cut:
            names.update(_upper(cut))
    return frozenset({*names, *_styles(design, names)})


def _cloth(pattern: str) -> Iterator[str]:
    yield pattern
    if pattern in ("gingham", "plaid"):
        yield "checked"
    if pattern in ("horizontal stripe", "vertical stripe"):
        yield "striped"
    if pattern == "cable knit":
        yield "knit"
    if pattern in ("denim", "knit", "cable knit"):
        return
    yield "cotton"


def _upper(cut: UpperCut) -> Iterator[str]:
    yield from _sleeves(cut)
    neck = {"v": "v-neck", "collar": "collared", "sweetheart": "sweetheart"}
    yield neck.get(cut.neck, f"{cut.neck} neck")
    if cut.closure == "buttons":
        yield "button front"
    if cut.chest_pocket:
        yield "chest pocket"
    if cut.waist_seam == "belt":
        yield "belted"
    if cut.is_dress:
        yield "mini" if cut.length < 2.2 else "midi" if cut.length < 2.5 else "maxi"
        if cut.flare > 0.2:
            yield "a-line"
        if cut.flare < 0.08:
            yield "bodycon"
        return
    yield "boxy" if cut.boxy else "fitted"
    if cut.length < 1.1:
        yield "crop"


def _sleeves(cut: UpperCut) -> Iterator[str]:
    if cut.category in SHORT_SLEEVED:
        yield "short sleeve"
        if cut.puff > 0.04:
            yield "puff sleeve"
    if cut.category in LONG_SLEEVED:
        yield "long sleeve"
    if cut.category in (*SLEEVELESS, *STRAPPED):
        yield "sleeveless"
    if cut.category in STRAPPED:
        yield "spaghetti strap"


def _outwear(cut: OutwearCut) -> Iterator[str]:
    yield "open front"
    yield from _sleeves(cut.body)
    if cut.long:
        yield "longline"
    match cut.kind:
        case "blazer":
            yield from ("notched lapel", "button front")
        case "shirt":
            yield from ("collared", "button front", "chest pocket")
        case "zip":
            yield "zip front"
        case _:
            yield "button front"


def _lower(cut: LowerCut) -> Iterator[str]:
    if cut.band in ("elastic", "belt"):
        yield "elastic waist" if cut.band == "elastic" else "waist belt"
    if cut.category != 9:
        if cut.turn_up:
            yield "cuffed"
        if cut.category == 8:
            yield {"narrow": "skinny", "straight": "straight leg", "wide": "wide leg"}[cut.leg]
        return
    yield "mini" if cut.length < 1.9 else "midi"
    if cut.flare > 0.1:
        yield "a-line"
    if cut.flare < 0.05:
        yield "pencil"
    if cut.pleated:
        yield "pleated"


def _styles(design: Design, names: Collection[str]) -> Iterator[str]:
    """What several things together make."""
    dressy = design.category >= 9
    if "horizontal stripe" in names and "long sleeve" in names and design.category == 2:
        yield "breton"
    if "floral print" in names and ("maxi" in names or "midi" in names):
        yield "boho"
    if "polka dot" in names and dressy:
        yield "retro"
    if "checked" in names and not {"collared", "notched lapel", "pleated"}.isdisjoint(names):
        yield "preppy"
    if "solid" in names and not {"collared", "notched lapel"}.isdisjoint(names):
        yield "classic"
    if "zip front" in names or ("elastic waist" in names and not dressy):
        yield "sporty"


_FINE: dict[str, dict[str, str]] = {
    "pattern": {
        "floral print": "floral", "polka dot": "graphic", "striped": "striped", "checked": "lattice",
        "pleated": "pleated", "solid": "solid",
    },
    "sleeve": {"long sleeve": "long_sleeve", "short sleeve": "short_sleeve", "sleeveless": "sleeveless"},
    "length": {"maxi": "maxi_length", "mini": "mini_length"},
    "neckline": {
        "crew neck": "crew_neckline", "scoop neck": "crew_neckline", "boat neck": "crew_neckline",
        "v-neck": "v_neckline", "square neck": "square_neckline",
    },
    "fabric": {"denim": "denim", "knit": "knit", "cotton": "cotton"},
    "fit": {"bodycon": "tight", "fitted": "tight", "skinny": "tight", "boxy": "loose", "wide leg": "loose"},
}  # fmt: skip
_OTHERWISE = {"neckline": ("neck", "no_neckline"), "fit": ("hem", "conventional")}
"""What holds in a group where nothing else does, if this part of the garment is to be seen."""


def fine(names: Collection[str], hidden: Collection[str], *, dress: bool) -> frozenset[str]:
    """The choice in each group of ``FINE``, where it can be told from the ``names`` of what is to be seen.

    ``hidden`` are the parts of the garment that are not.
    """
    choices = {}
    for group, known in _FINE.items():
        choices[group] = next((choice for name, choice in known.items() if name in names), None)
    if not dress:
        choices["length"] = "no_dress"
    for group, (part, otherwise) in _OTHERWISE.items():
        if choices[group] is None and part not in hidden:
            choices[group] = otherwise
    return frozenset(choice for choice in choices.values() if choice)


def lost(design: Design) -> frozenset[str]:
    """What cannot be told of a garment although nothing covers it: seams and pleats get lost in a print or a weave."""
    cut, pattern = design.cut, design.fabric.pattern
    if isinstance(cut, UpperCut) and cut.category in (1, 2) and pattern not in ("solid", "mottled"):
        return frozenset({"chest pocket"})
    if isinstance(cut, LowerCut) and cut.category == 9 and (pattern not in ("solid", "denim") or cut.flare < 0.05):
        return frozenset({"pleated"})
    return frozenset()
