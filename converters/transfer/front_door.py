"""Data sets for who writes Python: what ``tltpipe.read`` and ``tltpipe.convert`` are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.model import Dataset, Sample
from converters.transfer import opening
from tltpipe import storage

if TYPE_CHECKING:
    from converters.transfer.convert import Converted
    from converters.transfer.placement import How
    from tltpipe.progress import Progress


@dataclass(frozen=True)
class Splits(Mapping[str, Dataset]):
    """The splits of a data set by name, train and validation first; every ``Dataset`` yields its samples."""

    path: Path
    format: str
    datasets: Mapping[str, Dataset]

    def __getitem__(self, name: str) -> Dataset:
        return self.datasets[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets)

    def __len__(self) -> int:
        return len(self.datasets)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of all splits, in order."""
        return tuple(dict.fromkeys(name for dataset in self.datasets.values() for name in dataset.categories))

    def samples(self) -> Iterator[Sample]:
        """The images of all splits, each with what is on it, one at a time."""
        for dataset in self.datasets.values():
            yield from dataset


def read(
    path: Path | str, format: str | None = None, *, images: Path | str | None = None, coordinates: str | None = None
) -> Splits:
    """The data set at ``path``, a folder, a file or a URL of either, in ``format`` (default: detected).

    ``images`` is the folder of the images where they lie apart from the annotations; ``coordinates`` says what a format
    in pixels really holds: "pixels", or "shares" of the image's size, which are scaled.

    Samples are read when their turn comes, and what is wrong with one raises DataError then. Raises UsageError for a
    format that does not exist or cannot be detected, DataError for data that are not as the format has them.
    """
    apart, folder = None if images is None else Path(images), storage.local(path)
    found, datasets = opening.splits(folder, format, images=apart, coordinates=coordinates)
    return Splits(folder, found, datasets)


def convert(
    source: Path | str,
    target: Path | str,
    format: str,
    *,
    source_format: str | None = None,
    splits: Sequence[str] = (),
    classes: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    images: How = "link",
    skip_bad: bool = False,
    replace: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Converted:
    """Write the data set at ``source`` as ``format`` into the folder ``target``; returns what became of each split.

    ``classes`` keeps these, in this order; ``rename`` gives others names. ``images`` go along as hard links ("link") or
    copies ("copy"), or stay where they are ("none"). ``replace``: over what is at ``target``. ``options`` are those of
    the format's writer. Raises as ``read`` does, and UsageError where ``target`` holds something.
    """
    from converters.transfer.convert import convert as work
    from converters.transfer.selection import Selection
    from tltpipe.progress import Silent

    return work(
        Path(source),
        Path(target),
        format=format,
        source_format=source_format,
        splits=splits,
        selection=Selection(rename=rename or {}, classes=tuple(classes)),
        pictures=images,
        options=options,
        replace=replace,
        skip_bad=skip_bad,
        progress=progress or Silent(),
    )
