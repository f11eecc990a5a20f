"""What a transfer is asked for, and what it answers: splits, what is made of each, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from converters.formats import MakeWriter
from converters.model import Dataset, Pictures
from converters.model.findings import Finding
from converters.model.splits import Place
from tltpipe.losses import Losses


@dataclass(frozen=True)
class Output:
    """One thing to make of a split: ``writer`` fills a staging path, a ``folder`` or a file, that becomes ``target``.

    ``carries`` are the fields that survive in it (see ``converters.formats``).
    """

    target: Path
    folder: bool
    writer: MakeWriter
    carries: frozenset[str]


Located = tuple[Place, Pictures]
"""Where a split lies, and its pictures."""


@dataclass(frozen=True)
class Part:
    """A split and what is to be made of it.

    ``sources`` are where it lies and the pictures that are read there: files there that belong to none of them are
    counted as lost. None where that has been seen to.
    """

    split: str
    dataset: Dataset
    outputs: tuple[Output, ...]
    sources: Sequence[Located] = ()


@dataclass(frozen=True)
class Summary:
    """What became of a split.

    ``images`` and ``items`` were written; ``categories`` counts items of each, also of those with none. ``skipped``
    pictures could not be used; ``selected_away`` counts, by reason, what was dropped as asked; ``dropped`` counts by
    field what no output carries. ``losses`` is the balance of all that.
    """

    images: int
    items: int
    categories: Mapping[str, int]
    skipped: int
    selected_away: Mapping[str, int]
    dropped: Mapping[str, int]
    findings: tuple[Finding, ...]
    seconds: float
    losses: Losses = field(default_factory=Losses)
