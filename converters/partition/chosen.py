"""Some of the pictures of one or several data sets, as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from converters.model import Pictures, Sample, listed
from converters.model.findings import Findings

Key = tuple[int, Any]
"""The number of a source, and a key of its pictures."""


@dataclass(frozen=True)
class Chosen:
    """The pictures ``chosen``, of several ``sources``; ``choice`` is a hash of which those are.

    ``prefixes`` keep the names of sources apart, ``pair_steps`` their pair ids. Worker processes get all but the
    list: it would travel with every chunk.
    """

    sources: tuple[Pictures, ...]
    prefixes: tuple[str, ...]
    pair_steps: tuple[int, ...]
    choice: str
    chosen: Sequence[Key] = field(repr=False, compare=False)

    @property
    def inputs(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(path for source in self.sources for path in source.inputs))

    def keys(self) -> Sequence[Key]:
        return self.chosen

    def name(self, key: Key) -> str:
        return self.prefixes[key[0]] + self.sources[key[0]].name(key[1])

    def items(self, key: Key) -> tuple[str, ...]:
        return listed(self.sources[key[0]], key[1])

    def load(self, key: Key, findings: Findings) -> Sample:
        number, inner = key
        sample = self.sources[number].load(inner, findings)
        if prefix := self.prefixes[number]:
            sample = replace(sample, id=prefix + sample.id)
        if step := self.pair_steps[number]:
            objects = (
                replace(thing, pair_id=thing.pair_id + step) if thing.pair_id is not None else thing
                for thing in sample.objects
            )
            sample = replace(sample, objects=tuple(objects))
        return sample

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"chosen": ()}
