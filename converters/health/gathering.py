"""The pass over one split, and what it leaves: a few arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.files.strays import checksum
from converters.files.unsupported import unsupported
from converters.health.looks import Looks
from converters.model import Dataset, rules
from converters.model.findings import Findings
from converters.transfer.passes import Batch, batches, worker_count
from tltpipe import machine
from tltpipe.errors import DataError
from tltpipe.progress import Bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 64
"""Up to this many pictures are decoded by one process before others would have started."""


@dataclass(frozen=True)
class Split:
    """One split after the pass.

    ``places`` says which of ``keys`` each entry of the arrays of ``Looks`` is of: those that could be read.
    ``names`` are check sums of all ids, ``paths`` of picture files without extension (``converters.files.strays``);
    ``unusable`` counts pictures that could not be read, or not looked at.
    """

    name: str
    dataset: Dataset
    keys: Sequence[Any]
    findings: Findings
    classes: Counter[str]
    unusable: int
    stored: int
    shown: int
    polygons: bool
    places: NDArray[np.int32]
    names: NDArray[np.uint32]
    paths: NDArray[np.uint32]
    bytes: NDArray[np.int64]
    heads: NDArray[np.uint32]
    sizes: NDArray[np.uint64]
    items: NDArray[np.uint16]
    hashes: NDArray[np.uint64]
    garments: NDArray[np.int64]

    def title(self, entry: int) -> str:
        """How people find the picture of ``entry``."""
        return self.dataset.pictures.name(self.keys[self.places[entry]])


def gather(
    name: str,
    dataset: Dataset,
    keys: Sequence[Any],
    *,
    deep: bool,
    identities: bool,
    bar: Bar,
    workers: int | None = None,
) -> Split:
    """Look at all pictures; ``identities``: keep the garments, too."""
    points = {category: slot.count for category, slot in dataset.keypoints.items()}
    gatherer = partial(Looks, points, deep, dataset.annotated, identities)
    total = _Total(dataset, keys, findings=unsupported(dataset.pictures, keys))
    total.findings.take(dataset.findings)
    workers = workers or how_many(len(keys), deep=deep)
    try:
        for batch in batches(dataset.pictures, keys, gatherer, skip_bad=True, workers=workers):
            total.add(batch)
            bar.advance(batch.pictures)
    except DataError as problem:  # of the split as a whole: pictures that cannot be used are left out
        total.findings.add(rules.by_code(problem.code), problem)
    if 2 * total.crowds > (items := total.classes.total()):
        total.findings.add(rules.MOSTLY_CROWD, f"{name}: {total.crowds} of {items} items")
    columns = {column: total.all(column, kind) for column, kind in (_COLUMNS | _OWN).items()}
    columns["garments"] = np.unique(columns["garments"].reshape(-1, 2), axis=0)
    return Split(
        name,
        dataset,
        keys,
        total.findings,
        total.classes,
        total.unusable,
        total.stored,
        total.shown,
        total.polygons,
        **columns,
    )


def how_many(pictures: int, *, deep: bool) -> int:
    """Processes that are worth starting."""
    return machine.worker_count() if deep and pictures > FEW else worker_count(pictures)


_COLUMNS: dict[str, Any] = {
    "bytes": np.int64,
    "heads": np.uint32,
    "sizes": np.uint64,
    "items": np.uint16,
    "hashes": np.uint64,
}
_OWN: dict[str, Any] = {"places": np.int32, "names": np.uint32, "paths": np.uint32, "garments": np.int64}


@dataclass
class _Total:
    """The chunks so far."""

    dataset: Dataset
    keys: Sequence[Any]
    parts: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    classes: Counter[str] = field(default_factory=Counter)
    start: int = 0
    unusable: int = 0
    stored: int = 0
    shown: int = 0
    polygons: bool = False
    crowds: int = 0

    def add(self, batch: Batch[Looks]) -> None:
        looks, places = batch.gathered, range(self.start, self.start + batch.pictures)
        for column, kind in _COLUMNS.items():
            self._put(column, np.array(getattr(looks, column), kind))
        self._put("places", np.fromiter(self._read(batch, places), np.int32))
        left_out = [checksum(name) for name, _ in batch.left_out]
        self._put("names", np.array([*looks.names, *left_out], np.uint32))
        self._put("paths", np.array(looks.paths, np.uint32))
        self._put("garments", np.array(sorted(looks.garments), np.int64).reshape(-1))
        self.findings.merge(batch.findings)
        for _, problem in batch.left_out:
            self.findings.add(rules.by_code(problem.code), problem)
        self.classes.update(looks.classes)
        self.unusable += looks.broken + len(batch.left_out)
        self.stored += looks.stored
        self.shown += looks.shown
        self.polygons |= looks.polygons
        self.crowds += looks.crowds
        self.start += batch.pictures

    def all(self, column: str, kind: Any) -> NDArray[Any]:
        return np.concatenate([np.empty(0, kind), *self.parts.pop(column, ())])

    def _put(self, column: str, values: NDArray[Any]) -> None:
        self.parts.setdefault(column, []).append(values)

    def _read(self, batch: Batch[Looks], places: range) -> Iterator[int]:
        """Those of ``places`` that were read: the ones left out are told by name, in order."""
        bad = iter([name for name, _ in batch.left_out])
        awaited = next(bad, None)
        for place in places:
            if awaited is not None and self.dataset.pictures.name(self.keys[place]) == awaited:
                awaited = next(bad, None)
            else:
                yield place
