"""The pass over one split, and what it leaves: a few arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from converters.files.strays import checksum
from converters.files.unsupported import unsupported
from converters.health.looks import Looks, Tally
from converters.model import Dataset, rules
from converters.model.findings import Findings
from converters.transfer.columns import ColumnStore, walk
from converters.transfer.passes import worker_count
from tltpipe import executors
from tltpipe.errors import DataError
from tltpipe.progress import Bar

if TYPE_CHECKING:
    import numpy as np
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
    tally: Tally
    unusable: int
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
    columns, findings = ColumnStore(_KINDS), unsupported(dataset.pictures, keys)
    findings.take(dataset.findings)
    tally, left_out = Tally(), 0
    workers = workers or how_many(len(keys), deep=deep)
    try:
        found = walk(dataset.pictures, keys, gatherer, bar=bar, skip_bad=True, decodes=deep, workers=workers)
        for batch, places in found:
            looks = batch.gathered
            columns.add(places=places, names=[checksum(name) for name, _ in batch.left_out])
            columns.add(garments=sorted(looks.garments), **{name: getattr(looks, name) for name in _OF_LOOKS})
            findings.merge(batch.findings)
            for _, problem in batch.left_out:
                findings.add(rules.by_code(problem.code), problem)
            tally.merge(looks.tally)
            left_out += len(batch.left_out)
    except DataError as problem:  # of the split as a whole: pictures that cannot be used are left out
        findings.add(rules.by_code(problem.code), problem)
    if 2 * tally.crowds > (items := tally.classes.total()):
        findings.add(rules.MOSTLY_CROWD, f"{name}: {tally.crowds} of {items} items")
    import numpy as np

    arrays = columns.take()
    arrays["garments"] = np.unique(arrays["garments"], axis=0)
    return Split(name, dataset, keys, findings, tally, tally.broken + left_out, **arrays)


def how_many(pictures: int, *, deep: bool) -> int:
    """Processes that are worth starting."""
    return executors.chosen().workers() if deep and pictures > FEW else worker_count(pictures)


_OF_LOOKS: dict[str, str | tuple[str, int]] = {
    "names": "uint32",
    "paths": "uint32",
    "bytes": "int64",
    "heads": "uint32",
    "sizes": "uint64",
    "items": "uint16",
    "hashes": "uint64",
}
_KINDS = _OF_LOOKS | {"places": "int32", "garments": ("int64", 2)}
