"""Who wears the garments: a dressed person with all that is on and about them, designed before any picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from converters.sample import belongings, hair
from converters.sample.belongings import Thing
from converters.sample.body import bare, figure, head, limbs
from converters.sample.cuts import (
    DRESSES,
    OUTWEAR,
    SHORT_SLEEVED,
    SLEEVELESS,
    STRAPPED,
    TOPS,
    Pose,
    draw_cut,
    draw_pose,
)
from converters.sample.fabrics import Colour, Fabric, draw_fabric, smooth, vary
from converters.sample.outfits import Design, Outfit, sew
from converters.sample.scene import sheets
from converters.sample.shape import Figure, Part
from converters.sample.upper import SHORT_ARM

Random = np.random.Generator

LABELS = (
    "background", "skin", "hair", "outer top", "inner top", "skirt", "dress", "outer bottom", "inner bottom", "shoes",
    "bag", "accessories", "other",
)  # fmt: skip
"""What a pixel can show, in the order of their values."""

GARMENTS = {
    **dict.fromkeys(OUTWEAR, "outer top"), **dict.fromkeys(TOPS, "inner top"), 7: "outer bottom", 8: "outer bottom",
    9: "skirt", **dict.fromkeys(DRESSES, "dress"),
}  # fmt: skip
"""The class of a garment, by DeepFashion2's category."""
_SKINS: tuple[Colour, ...] = (
    (247, 219, 198), (238, 200, 172), (224, 178, 144), (202, 152, 116), (168, 116, 82), (128, 84, 58), (92, 60, 44),
)  # fmt: skip
_EYES: Colour = (244, 242, 238)


@dataclass(frozen=True)
class Person:
    """A person from the skin outwards."""

    outfit: Outfit
    pose: Pose
    skin: Fabric
    hair: hair.Hair | None
    things: tuple[Thing, ...]

    @property
    def walking(self) -> bool:
        """Whether the legs are apart."""
        return sum(self.pose.legs) > 0.15


@dataclass(frozen=True)
class Piece:
    """A sheet of paint in the body frame: the ``front`` of a figure, or what is behind it, of the class ``label``.

    Seams and folds go on fronts alone, and a shadow falls from them.
    """

    label: str
    figure: Figure
    fabric: Fabric
    front: bool = True

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.figure.front if self.front else self.figure.behind


def draw_person(rng: Random) -> Person:
    """A random person, fully dressed."""
    outfit = _draw_outfit(rng)
    pose = draw_pose(rng, neat=False)
    categories = [design.category for design in outfit.designs]
    if not set(categories).isdisjoint(SHORT_SLEEVED):  # which stand off: the arms go with them
        pose = replace(pose, arms=(max(pose.arms[0], SHORT_ARM), max(pose.arms[1], SHORT_ARM)))
    tone = vary(_SKINS[rng.integers(len(_SKINS))], rng, 0.6)
    lips = (int(tone[0] * 0.82), int(tone[1] * 0.6), int(tone[2] * 0.6))
    things = tuple(_things(outfit, pose, rng))
    return Person(outfit, pose, smooth(tone, trim=lips, lining=_EYES), hair.draw_hair(rng), things)


def _draw_outfit(rng: Random) -> Outfit:
    """A dress, or a top over or in trousers, shorts or a skirt; a jacket or coat on every other one."""
    outer = [int(rng.choice(OUTWEAR))] if rng.random() < 0.5 else []
    arms = (*SHORT_SLEEVED, *SLEEVELESS, *STRAPPED) if 3 in outer else range(1, 14)
    if rng.random() < 0.3:
        inner = [int(rng.choice([each for each in DRESSES if each in arms]))]
    else:
        inner = [int(rng.choice((7, 8, 8, 9, 9))), int(rng.choice([each for each in TOPS if each in arms]))]
    designs = tuple(Design(draw_cut(each, rng), draw_fabric(rng), style=0) for each in (*inner, *outer))
    return Outfit(designs, main=0, worn=True, tucked=bool(rng.random() < 0.4))


def _things(outfit: Outfit, pose: Pose, rng: Random) -> Iterator[Thing]:
    where = limbs(tuple(design.cut for design in outfit.designs), pose)
    if outfit.designs[0].category != 8 and rng.random() < 0.4:
        yield belongings.draw_legwear(where, rng)
    yield belongings.draw_shoes(where, rng)
    if rng.random() < 0.55:
        yield from belongings.draw_bag(where, rng)
    yield from belongings.draw_accessories(where, rng, hat=bool(rng.random() < 0.3))
    if rng.random() < 0.4:
        yield belongings.draw_other(where, rng)


def pieces(person: Person) -> Iterator[Piece]:
    """All that is to be painted of a person, what is covered before what covers it."""
    designs, pose = person.outfit.designs, person.pose
    cuts = tuple(design.cut for design in designs)
    order = list(sheets([design.category for design in designs], tucked=person.outfit.tucked))
    figures = [sew(cut, pose) for cut in cuts]
    yield from _on(person, belongings.BEHIND)
    yield from _hair(person, hair.BEHIND)
    yield from _garments(designs, figures, (place for place, front in order if not front), front=False)
    yield Piece("skin", bare(limbs(cuts, pose)), person.skin)
    yield from _on(person, belongings.LEGS)
    yield from _garments(designs, figures, (place for place, front in order if front), front=True)
    yield from _on(person, belongings.WORN)
    yield Piece("skin", head(), person.skin)
    yield from _hair(person, hair.CAP)
    yield from _hair(person, hair.OVER)
    yield from _on(person, belongings.HEAD)
    yield from _on(person, belongings.HELD)


def _garments(
    designs: Sequence[Design], figures: Sequence[Figure], places: Iterable[int], *, front: bool
) -> Iterator[Piece]:
    for place in places:
        yield Piece(GARMENTS[designs[place].category], figures[place], designs[place].fabric, front)


def _on(person: Person, when: int) -> Iterator[Piece]:
    return (Piece(thing.label, thing.figure, thing.fabric) for thing in person.things if thing.when == when)


def _hair(person: Person, where: int) -> Iterator[Piece]:
    if person.hair is not None and (parts := person.hair.parts[where]):
        yield Piece("hair", figure(*parts), person.hair.fabric)
