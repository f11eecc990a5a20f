"""What is in the data that a spec names, read fast: one file per format.

``annotations`` is on this host, a glob perhaps; ``images`` a folder that is there, or None. What a reader leaves unread
its facts say. DataError is for data that cannot be read at all. A format without a file here has ``data_set``.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol, cast

from specs.data_sources import DataSource
from specs.rules.facts import Examples, SourceFacts
from tltpipe import registry

_FEW = 3


class DataReader(Protocol):
    """What a module in this folder provides."""

    def read(self, source: DataSource, annotations: Path, images: Path | None) -> SourceFacts: ...


def load(format: str) -> DataReader:
    """The reader for ``format``."""
    name = format if format in registry.names(__name__) else "data_set"
    return cast("DataReader", registry.load(__name__, name))


def examples(names: Collection[str]) -> Examples:
    """How many ``names`` there are, and the first few."""
    return Examples(len(names), tuple(sorted(names)[:_FEW]))
