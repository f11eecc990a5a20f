"""Pictures that are there more than once, byte for byte."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.model import Sample
from converters.model.findings import Findings
from converters.partition.facts import Facts
from converters.partition.relations import Relation
from converters.partition.traits import UNSEEN
from converters.transfer.passes import batches
from tltpipe import inputs


@dataclass
class Contents:
    """Gathers hashes of whole files, 0 for one that is gone."""

    hashes: list[int] = field(default_factory=list)

    def add(self, sample: Sample, findings: Findings) -> None:  # noqa: ARG002
        found = 0
        with suppress(OSError), inputs.opened(sample.image) as stream:
            found = int.from_bytes(hashlib.file_digest(stream, _blake).digest(), "little")
        self.hashes.append(found)


def _blake() -> Any:
    return hashlib.blake2b(digest_size=8)


def identical(facts: Facts, *, workers: int | None = None) -> Relation:
    """Pictures whose files hold the same bytes; only files of one size that begin alike are read to the end."""
    order = np.lexsort((facts.heads, facts.sizes))
    sizes, heads = facts.sizes[order], facts.heads[order]
    same = (sizes[1:] == sizes[:-1]) & (heads[1:] == heads[:-1]) & (sizes[1:] != UNSEEN)
    several = np.zeros(len(facts), dtype=bool)
    several[1:] |= same
    several[:-1] |= same
    candidates = np.sort(order[several])
    hashes: list[int] = []
    for number, pictures in enumerate(facts.pictures):
        own = facts.place[candidates[facts.source[candidates] == number]]
        wanted = [facts.keys[number][at] for at in own.tolist()]
        for batch in batches(pictures, wanted, Contents, whole=False, workers=workers):
            hashes += batch.gathered.hashes
    found = np.array(hashes, np.uint64)
    return Relation(candidates[found > 0].astype(np.int32), found[found > 0]).several()
