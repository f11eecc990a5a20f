"""Several data sets as one: splits and classes by name, and no two pictures of one name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from converters.model import Dataset, KeypointSlot, Pictures, Sample, attributes, joint_ids, listed
from converters.model.findings import Findings
from converters.model.splits import Place, in_order
from tltpipe.errors import DataError, UsageError

PAIRS = 10**9
"""By how much the pair ids of each further set are moved, so that no two garments share one."""


@dataclass(frozen=True)
class Source:
    """One of the sets: what it is called, its format, where its splits lie, and what is in them."""

    name: str
    path: Path
    format: str
    places: Mapping[str, Place]
    datasets: Mapping[str, Dataset]


@dataclass(frozen=True)
class Merge:
    """The splits of all sets, and what to tell of the merge."""

    datasets: Mapping[str, Dataset]
    notes: tuple[str, ...]


def merge(sources: Sequence[Source], splits: Sequence[str]) -> Merge:
    """``splits`` of all ``sources`` (all splits without), with the classes of the first set first.

    A picture whose name an earlier set has too is named after its set. Raises DataError for landmarks that differ, or
    where a split is annotated in one set only; UsageError for splits that no set has.
    """
    known = in_order({name: place for source in sources for name, place in source.places.items()})
    for name in splits:
        if name not in known:
            raise UsageError(f'no set has a split "{name}"', hint=f"there are {', '.join(known)}")
    sources = _alike(sources)
    every = [(source, dataset) for source in sources for dataset in source.datasets.values()]
    categories = tuple(dict.fromkeys(name for _, dataset in every for name in dataset.categories))
    shared: dict[str, Any] = {
        "categories": categories,
        "keypoints": _keypoints(every),
        "supercategories": {name: above for _, dataset in every for name, above in dataset.supercategories.items()},
        "joint_pairs": all(dataset.joint_pairs for _, dataset in every),
        "ids": joint_ids([dataset for _, dataset in every]),
        "attributes": every[0][1].attributes if every else (),
    }
    found, notes = {}, list(_case(categories))
    for split in known:
        if splits and split not in splits:
            continue
        parts = [(source, source.datasets[split]) for source in sources if split in source.datasets]
        pictures, renamed = _pictures(parts)
        findings = tuple(each for _, dataset in parts for each in dataset.findings)
        found[split] = Dataset(pictures=pictures, annotated=_annotated(split, parts), findings=findings, **shared)
        notes += [
            f"{split}: {count:,} images of {name} have the name of an earlier one and are called {name}_..."
            for name, count in renamed.items()
        ]
    return Merge(found, tuple(notes))


def _alike(sources: Sequence[Source]) -> list[Source]:
    """``sources`` with the same attributes in all their splits."""
    every = {(place, name): dataset for place, each in enumerate(sources) for name, dataset in each.datasets.items()}
    found = attributes.shared(every)
    return [
        replace(each, datasets={name: found[place, name] for name in each.datasets})
        for place, each in enumerate(sources)
    ]


def names(paths: Sequence[Path]) -> list[str]:
    """A name for each data set: that of its folder or file; a number behind it where two are the same."""
    found: list[str] = []
    for path in paths:
        base = path.resolve().stem if path.is_file() else path.resolve().name
        numbered = (base if number == 1 else f"{base}_{number}" for number in range(1, len(paths) + 1))
        found.append(next(name for name in numbered if name not in found))
    return found


def _pictures(parts: Sequence[tuple[Source, Dataset]]) -> tuple[Joined, dict[str, int]]:
    """All pictures, and of how many the name was changed, by set."""
    keys: list[Key] = []
    renamed: dict[str, int] = {}
    inner = [dataset.pictures.keys() for _, dataset in parts]
    own = [list(map(dataset.pictures.name, each)) for (_, dataset), each in zip(parts, inner, strict=True)]
    reserved = {name for each in own for name in each}
    taken: set[str] = set()
    digest = hashlib.sha256()
    for number, (source, _) in enumerate(parts):
        earlier = frozenset(taken)  # two of one name in the same set are its own fault, and said by its reader
        for key, name in zip(inner[number], own[number], strict=True):
            new = ""
            if name in earlier:
                new = next(other for other in _others(name, source.name) if other not in reserved)
                reserved.add(new)
                renamed[source.name] = renamed.get(source.name, 0) + 1
            taken.add(new or name)
            keys.append((number, key, new))
            digest.update(f"{number}\0{name}\0{new}\n".encode("utf-8", "surrogatepass"))
    sources = tuple(dataset.pictures for _, dataset in parts)
    return Joined(sources, ("",) * len(sources), PAIRS, digest.hexdigest(), keys), renamed


def _others(name: str, prefix: str) -> Iterator[str]:
    folder, slash, last = name.rpartition("/")
    yield f"{folder}{slash}{prefix}_{last}"
    number = 2
    while True:
        yield f"{folder}{slash}{prefix}_{number}_{last}"
        number += 1


def _keypoints(every: Sequence[tuple[Source, Dataset]]) -> dict[str, KeypointSlot]:
    found: dict[str, tuple[KeypointSlot, Source]] = {}
    for source, dataset in every:
        for name, slot in dataset.keypoints.items():
            other, first = found.setdefault(name, (slot, source))
            if other != slot:
                what = f"the landmarks of {name} are other ones than in {first.path}"
                raise DataError(what, where=source.path, hint=f"call one of them otherwise, or leave {name} out")
    return {name: slot for name, (slot, _) in found.items()}


def _case(categories: Sequence[str]) -> Iterator[str]:
    """What to say of classes that differ in upper and lower case alone."""
    first: dict[str, str] = {}
    for name in categories:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            yield f'the classes "{other}" and "{name}" differ in case only: --rename {name}={other} joins them'


def _annotated(split: str, parts: Sequence[tuple[Source, Dataset]]) -> bool:
    told = {dataset.annotated for _, dataset in parts}
    if len(told) > 1:
        source = next(source for source, dataset in parts if not dataset.annotated)
        what = f"{split} has no annotations here, but has some in another set: its images would count as background"
        raise DataError(what, where=source.path, hint="convert other splits alone: --split NAME")
    return told.pop()


Key = tuple[int, Any, str]
"""The number of a source, a key of its pictures, and what the picture is called; empty: as there, with its prefix."""


@dataclass(frozen=True)
class Joined:
    """The pictures ``chosen``, of several ``sources``; ``choice`` is a hash of which those are.

    ``prefixes`` keep the names of sources apart; pair ids of the second and further ones are moved by ``pair_step``
    each. Worker processes get all but the list: it would travel with every chunk.
    """

    sources: tuple[Pictures, ...]
    prefixes: tuple[str, ...]
    pair_step: int
    choice: str
    chosen: Sequence[Key] = field(repr=False, compare=False)

    @property
    def inputs(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(path for source in self.sources for path in source.inputs))

    def keys(self) -> Sequence[Key]:
        return self.chosen

    def name(self, key: Key) -> str:
        return key[2] or self.prefixes[key[0]] + self.sources[key[0]].name(key[1])

    def items(self, key: Key) -> tuple[str, ...]:
        return listed(self.sources[key[0]], key[1])

    def load(self, key: Key, findings: Findings) -> Sample:
        number, inner, name = key
        sample = self.sources[number].load(inner, findings)
        if name or self.prefixes[number]:
            sample = structs.replace(sample, id=name or self.prefixes[number] + sample.id)
        step = number * self.pair_step
        if step and any(thing.pair_id is not None for thing in sample.objects):
            moved = (
                thing if thing.pair_id is None else structs.replace(thing, pair_id=thing.pair_id + step)
                for thing in sample.objects
            )
            sample = structs.replace(sample, objects=tuple(moved))
        return sample

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"chosen": ()}
