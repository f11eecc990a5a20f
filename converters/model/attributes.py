"""Attributes of several data sets as those of one: places in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from msgspec import structs

from converters.model import Attribute, Dataset, Object, Sample, Wrapped
from converters.model.findings import Findings

Name = TypeVar("Name")


def shared(datasets: Mapping[Name, Dataset]) -> dict[Name, Dataset]:
    """``datasets``, all with the attributes that any of them has, in the order in which they first appear.

    Of an attribute that a data set does not have, nobody knows which of its objects would. Those of one name are one.
    """
    lists = dict.fromkeys(dataset.attributes for dataset in datasets.values())
    if len(lists) < 2:
        return dict(datasets)
    every: dict[str, Attribute] = {}
    for each in (each for own in lists for each in own):
        every.setdefault(each.name, each)
    together, place = tuple(every.values()), {name: number for number, name in enumerate(every)}
    return {key: _placed(dataset, together, place) for key, dataset in datasets.items()}


def _placed(dataset: Dataset, together: tuple[Attribute, ...], place: Mapping[str, int]) -> Dataset:
    moved = tuple(place[each.name] for each in dataset.attributes)
    if moved == tuple(range(len(together))):
        return replace(dataset, attributes=together)
    lacking = tuple(sorted({*range(len(together))} - {*moved}))
    return replace(dataset, attributes=together, pictures=Placed(dataset.pictures, moved, lacking))


@dataclass(frozen=True)
class Placed(Wrapped):
    """Pictures whose objects have their attributes at other places: ``moved`` has the new one of each.

    ``lacking`` are the places of those that their own list does not have.
    """

    moved: Sequence[int]
    lacking: tuple[int, ...]

    def load(self, key: Any, findings: Findings) -> Sample:
        sample = self.pictures.load(key, findings)
        return structs.replace(sample, objects=tuple(map(self._object, sample.objects)))

    def _object(self, thing: Object) -> Object:
        own = tuple(sorted(self.moved[place] for place in thing.attributes))
        unknown = tuple(sorted([*(self.moved[place] for place in thing.unknown_attributes), *self.lacking]))
        return structs.replace(thing, attributes=own, unknown_attributes=unknown)
