"""Some of the pictures of one or several data sets, as those of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from converters.model import Pictures, Sample, listed
from converters.model.findings import Findings

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
            sample = replace(sample, id=name or self.prefixes[number] + sample.id)
        step = number * self.pair_step
        if step and any(thing.pair_id is not None for thing in sample.objects):
            moved = (
                thing if thing.pair_id is None else replace(thing, pair_id=thing.pair_id + step)
                for thing in sample.objects
            )
            sample = replace(sample, objects=tuple(moved))
        return sample

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"chosen": ()}
