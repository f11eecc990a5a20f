"""Annotations: knows data sets, knows nothing of pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from converters.model import Dataset, Sample


def splits(
    path: Path, format: str | None = None, *, images: Path | None = None, coordinates: str | None = None
) -> tuple[str, dict[str, Dataset]]:
    """The format of the data set at ``path`` (guessed where it is None) and its splits by name.

    ``images`` is the folder of the pictures where they lie apart from the annotations. ``coordinates`` says what a
    format in pixels really holds: "pixels", or "shares" of the image's size, which are scaled.

    Raises UsageError for a format that is not there or cannot be guessed, DataError for data that are not as the
    format has them (some only while the samples are read).
    """
    from converters.transfer import opening

    return opening.splits(path, format, images=images, coordinates=coordinates)


def read(format: str, path: Path, split: str | None = None) -> Dataset:
    """One split of the data set at ``path``: the one called ``split``, or the only one. Raises as ``splits`` does."""
    from converters.transfer import opening

    return opening.one(opening.splits(path, format)[1], path, split)


class Adder:
    """Takes samples one by one."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def add(self, sample: Sample) -> None:
        self._writer.append([self._writer.recorder.record(sample)])


@contextmanager
def open_writer(format: str, path: Path, categories: Sequence[str], **options: Any) -> Iterator[Adder]:
    """Write one split of ``format``: yields an object with ``add(sample)``; ``path`` appears when the block ends well.

    ``path`` is the file or the folder that the format keeps its annotations in. ``options`` are those of the
    format's ``Writer``. Raises UsageError for a format that is not there or cannot be written.
    """
    from converters.transfer import opening
    from tltpipe.files import replaced

    module = opening.module(format, writing=True)
    with (
        replaced(path, folder=not module.layout(path, "train").annotations.suffix) as staging,
        module.Writer(staging, tuple(categories), **options) as writer,
    ):
        yield Adder(writer)


def known(*, writing: bool = False) -> Mapping[str, str]:
    """Names of the formats, each with what it is in a few words; with ``writing`` those that can be written."""
    from converters.transfer import opening

    return opening.formats(writing=writing)
