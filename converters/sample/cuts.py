"""How each garment may be cut: the numbers of a design, drawn at random within what its category allows.

Lengths are in the body frame of ``shape``. Two garments of one category differ in these; a garment seen in two
pictures has one cut and two poses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Random = np.random.Generator

TOPS = (1, 2, 5, 6)
OUTWEAR = (3, 4)
LOWER = (7, 8, 9)
DRESSES = (10, 11, 12, 13)
SHORT_SLEEVED, LONG_SLEEVED = (1, 3, 10), (2, 4, 11)
SLEEVELESS, STRAPPED = (5, 12), (6, 13)


@dataclass(frozen=True)
class Pose:
    """How a body, or the hand that laid the garment out, holds it: angles in radians, (left, right)."""

    arms: tuple[float, float] = (0.6, 0.6)
    elbows: tuple[float, float] = (0.1, 0.1)
    legs: tuple[float, float] = (0.06, 0.06)


@dataclass(frozen=True)
class UpperCut:
    """A top or a dress; outwear adds ``OutwearCut``. Widths are halves, from the middle outwards."""

    category: int
    neck: str
    neck_width: float
    neck_depth: float
    back_depth: float
    shoulder: tuple[float, float]
    armpit: tuple[float, float]
    waist: float
    hips: float
    hem: float
    length: float
    hem_curve: float
    wave: float
    sleeve: float
    cuff: float
    puff: float
    ribbed: bool
    closure: str
    pocket: bool
    waist_seam: str
    pleats: int
    character: int

    @property
    def flare(self) -> float:
        """How much wider the hem is than the hips."""
        return self.hem - self.hips

    @property
    def is_dress(self) -> bool:
        return self.category in DRESSES

    @property
    def placket(self) -> bool:
        """Whether buttons end a little below the neckline rather than at the hem."""
        return self.is_dress or self.character % 3 == 0

    @property
    def chest_pocket(self) -> bool:
        return self.pocket and not self.is_dress and self.category in (*SHORT_SLEEVED, *LONG_SLEEVED)

    @property
    def boxy(self) -> bool:
        """Whether it hangs straight down from the chest rather than follows the waist."""
        return self.waist > self.armpit[0] - 0.04


@dataclass(frozen=True)
class OutwearCut:
    """An open front: ``gap`` is half the opening at its top and at the hem."""

    body: UpperCut
    kind: str
    gap: tuple[float, float]
    lapel: float
    opening: float

    @property
    def long(self) -> bool:
        """Whether it is a coat's length rather than a jacket's."""
        return self.body.length > 1.7


@dataclass(frozen=True)
class LowerCut:
    """Trousers, shorts or a skirt. Widths are halves, of the whole or of one leg."""

    category: int
    waist: float
    hips: float
    rise: float
    length: float
    hem: float
    knee: float
    band: str
    band_height: float
    turn_up: bool
    pockets: bool
    pleats: int
    hem_curve: float
    wave: float
    character: int

    @property
    def flare(self) -> float:
        """Of a skirt: how much wider the hem is than the hips."""
        return self.hem - self.hips

    @property
    def leg(self) -> str:
        """Of trousers: "narrow", "straight" or "wide"."""
        return "narrow" if self.hem < 0.15 else "wide" if self.hem > 0.2 else "straight"

    @property
    def pleated(self) -> bool:
        """Of a skirt: sharp pleats from the waistband to the hem."""
        return self.category == 9 and self.pleats > 6


Cut = UpperCut | OutwearCut | LowerCut


def draw_cut(category: int, rng: Random) -> Cut:
    """A random cut of DeepFashion2 category ``category`` (1 to 13)."""
    if category in OUTWEAR:
        return _outwear(category, rng)
    return _lower(category, rng) if category in LOWER else _upper(category, rng)


def draw_pose(rng: Random, *, neat: bool) -> Pose:
    """A random pose: ``neat`` for a shop's mirror-like symmetry."""
    # Mostly hanging: spread sleeves are wide, and what is wide is small in the picture.
    arm = rng.uniform(0.24, 0.62) if rng.random() < 0.8 else rng.uniform(0.62, 1.0)
    spread = 0.03 if neat else 0.13
    arms = tuple(float(np.clip(arm + rng.normal(0, spread), 0.2, 1.15)) for _ in range(2))
    bend = rng.uniform(-0.05, 0.45)
    elbows = tuple(float(np.clip(bend + rng.normal(0, spread * 1.5), -0.1, arm)) for arm in arms)
    stance = rng.uniform(0.02, 0.13)
    legs = tuple(float(max(0.0, stance + rng.normal(0, spread / 4))) for _ in range(2))
    return Pose((arms[0], arms[1]), (elbows[0], elbows[1]), (legs[0], legs[1]))


_NECKS = {
    # kind: half width, depth
    "crew": ((0.15, 0.19), (0.12, 0.17)),
    "scoop": ((0.19, 0.25), (0.24, 0.36)),
    "v": ((0.15, 0.20), (0.28, 0.44)),
    "boat": ((0.24, 0.30), (0.07, 0.11)),
    "square": ((0.19, 0.24), (0.22, 0.30)),
    "collar": ((0.14, 0.17), (0.18, 0.24)),
    "high": ((0.13, 0.15), (0.05, 0.08)),
}


def _pick(rng: Random, **weights: float) -> str:
    names = list(weights)
    total = sum(weights.values())
    return str(rng.choice(names, p=[weight / total for weight in weights.values()]))


def _neck_kind(category: int, rng: Random) -> str:
    if category in STRAPPED:
        return _pick(rng, straight=2, sweetheart=2, cowl=2)
    if category in SLEEVELESS:
        return _pick(rng, crew=2, scoop=4, v=2, square=2)
    if category in LONG_SLEEVED:
        return _pick(rng, crew=4, scoop=1, v=2, boat=1, collar=3, high=2)
    return _pick(rng, crew=5, scoop=2, v=2, boat=1, square=1, collar=2)


def _upper(category: int, rng: Random) -> UpperCut:
    neck = _neck_kind(category, rng)
    strapped, dress = category in STRAPPED, category in DRESSES
    width, depth = _NECKS.get(neck, ((0.22, 0.29), (0.36, 0.5)))
    shoulder = (rng.uniform(0.40, 0.47), rng.uniform(0.09, 0.14))
    if category in SLEEVELESS:
        shoulder = (rng.uniform(0.35, 0.41), rng.uniform(0.05, 0.09))
    if strapped:
        shoulder = (rng.uniform(0.23, 0.29), rng.uniform(-0.02, 0.03))
    chest = rng.uniform(0.37, 0.43) if not dress else rng.uniform(0.35, 0.40)
    length = rng.uniform(1.10, 1.42) if not dress else rng.uniform(1.95, 2.85)
    if not dress and rng.random() < 0.15:
        length = rng.uniform(0.98, 1.10)
    boxy = rng.random() < 0.5 and not dress
    waist = chest - (rng.uniform(-0.02, 0.03) if boxy else rng.uniform(0.05, 0.10))
    hips = waist + (rng.uniform(0.0, 0.04) if boxy else rng.uniform(0.05, 0.13))
    flare = rng.uniform(0.0, 0.5) if dress else rng.uniform(0.0, 0.05)
    if category in (5, 6) and rng.random() < 0.3:
        flare = rng.uniform(0.05, 0.16)
    short = category in SHORT_SLEEVED
    return UpperCut(
        category=category,
        neck=neck,
        neck_width=rng.uniform(*width),
        neck_depth=rng.uniform(*depth),
        back_depth=rng.uniform(0.03, 0.06) if not strapped else rng.uniform(0.33, 0.40),
        shoulder=shoulder,
        armpit=(chest, rng.uniform(0.44, 0.52)),
        waist=waist,
        hips=hips,
        hem=hips + flare,
        length=length,
        hem_curve=rng.uniform(0.0, 0.05) + (0.08 * flare),
        wave=rng.uniform(0.3, 1.0) * min(0.04, 0.12 * flare),
        sleeve=rng.uniform(0.34, 0.48) if short else rng.uniform(1.16, 1.34),
        cuff=rng.uniform(0.24, 0.32) if short else rng.uniform(0.15, 0.21),
        puff=rng.choice([0.0, 0.0, 0.05, 0.09]) if short else rng.choice([0.0, 0.0, 0.03]),
        ribbed=bool(rng.random() < (0.3 if short else 0.6)),
        closure="buttons" if neck == "collar" else _pick(rng, none=8, buttons=1),
        pocket=bool(rng.random() < 0.3),
        waist_seam=_pick(rng, none=2, seam=3, belt=2) if dress else "none",
        pleats=int(rng.integers(0, 9)) if dress else 0,
        character=int(rng.integers(2**31)),
    )


def _outwear(category: int, rng: Random) -> OutwearCut:
    kind = _pick(rng, blazer=4, shirt=3, zip=3, cardigan=2)
    body = _upper(category, rng)
    chest = rng.uniform(0.42, 0.47)
    length = rng.uniform(1.25, 1.62) if rng.random() < 0.75 else rng.uniform(1.8, 2.2)
    hips = chest + rng.uniform(-0.02, 0.05)
    values = dict(vars(body))
    values |= {
        "neck": "open",
        "neck_width": rng.uniform(0.15, 0.19),
        "neck_depth": rng.uniform(0.1, 0.14),
        "back_depth": rng.uniform(0.04, 0.07),
        "shoulder": (rng.uniform(0.45, 0.50), rng.uniform(0.11, 0.15)),
        "armpit": (chest, rng.uniform(0.50, 0.57)),
        "waist": chest - rng.uniform(0.0, 0.06),
        "hips": hips,
        "hem": hips + rng.uniform(0.0, 0.05),
        "length": length,
        "hem_curve": 0.0,
        "wave": 0.0,
        "cuff": body.cuff + 0.03,
        "sleeve": body.sleeve + (0.04 if category == 3 else 0.0),
        "puff": 0.0,
        "ribbed": kind in ("zip", "cardigan"),
        "pocket": True,
    }
    top = rng.uniform(0.06, 0.12)
    gap = (float(top), float(top + rng.uniform(0.05, 0.17)))
    lapel = rng.uniform(0.10, 0.17)
    opening = rng.uniform(0.5, 0.75) if kind in ("blazer", "cardigan") else rng.uniform(0.26, 0.38)
    return OutwearCut(UpperCut(**values), kind, gap, lapel, opening)


def _lower(category: int, rng: Random) -> LowerCut:
    waist = rng.uniform(0.29, 0.35)
    hips = waist + rng.uniform(0.06, 0.12)
    if category == 9:
        length = rng.uniform(1.62, 2.5)
        hem = hips + rng.uniform(-0.03, 0.08) if rng.random() < 0.4 else hips + rng.uniform(0.1, 0.42)
        knee = 0.0
    elif category == 8:
        length = rng.uniform(2.75, 3.1)
        hem, knee = rng.uniform(0.105, 0.25), rng.uniform(0.13, 0.19)
        knee = max(knee, hem * 0.72)
    else:
        length = rng.uniform(1.66, 2.0)
        hem, knee = rng.uniform(0.20, 0.29), 0.0
    flare = max(0.0, hem - hips) if category == 9 else 0.0
    return LowerCut(
        category=category,
        waist=waist,
        hips=hips,
        rise=rng.uniform(1.42, 1.56),
        length=length,
        hem=hem,
        knee=knee,
        band=_pick(rng, belt=3, loops=4, elastic=3),
        band_height=rng.uniform(0.06, 0.10),
        turn_up=bool(rng.random() < 0.35),
        pockets=bool(rng.random() < 0.7),
        pleats=int(rng.integers(0, 12)),
        hem_curve=0.02 + 0.14 * flare,
        wave=rng.uniform(0.2, 1.0) * min(0.04, 0.11 * flare),
        character=int(rng.integers(2**31)),
    )
