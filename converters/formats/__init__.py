"""One file per data set format.

Each module holds

``CARRIES: frozenset[str]``
    which fields of ``Object`` and ``Sample`` survive in this format ("box", "polygons", "keypoints", "occlusion",
    "truncation", "pair_id", "style", "extra", "source"); the rest is dropped. Stem, size and category always survive.
``read(path, **options) -> Dataset``
    if the format can be read. Cheap: samples stream from the data set, and what is wrong with a file raises DataError
    with its place when that file's turn comes.
``class Writer(path, categories, **options)``
    if it can be written: the protocol below.
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from converters.model import Sample


class Writer(Protocol):
    """Takes samples one by one and keeps none; what it writes appears, whole, when its ``with`` block ends well."""

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def add(self, sample: Sample) -> None: ...
