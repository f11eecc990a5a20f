"""One file per data set format; the folder is the list.

Each module holds

``ABOUT: str``
    the format in a few words, for lists and help.
``CARRIES: frozenset[str]``
    which fields of ``Object`` and ``Sample`` survive in this format ("box", "polygons", "keypoints", "mask", "crowd",
    "occlusion", "truncation", "pair_id", "style", "extra", "source", "ignored", "attributes", "void"); the
    rest is dropped, and counted by whoever converts. Id, size and category always survive.
``ONE_PER_CLASS: bool``
    optional: True where all objects of a class on a picture become one when they are written.
``IMAGES_INSIDE: bool``
    optional: True where the pictures cannot lie apart from the annotations.
``carries(**options) -> frozenset[str]``
    optional: what survives when the Writer is given ``options`` (YOLO's task); ``CARRIES`` is that of none.
``find(root) -> dict[str, Place]``
    the splits at ``root`` (a folder or a file) by name, "train" and "validation" first; empty when it does not look
    like this format. Looks at names and at the first bytes of a file or two, so that formats can be guessed.
    May take ``images``, a folder of pictures apart from the annotations: then these are enough.
``missing(root) -> str | None``
    optional: where ``find`` found nothing, what of this format is there and what it lacks; None where nothing is.
    Without, ``ABOUT`` says what was looked for.
``read(place, *, classes=None) -> Dataset``
    one split. Cheap: samples are read when their turn comes, and what is wrong with a file raises DataError with its
    place then. ``classes`` are the categories in order where a class map decides them; a sample of another category
    raises DataError(code="C604").
    The pictures of the ``Dataset`` may have a method ``items(key)``: the class of each item that the annotations of
    a picture list, whether or not the picture can be used, so that losses can be counted. Where every picture has a
    file of its own for them, ``(stem,)`` is a key, too. ``PAIRED``: True where every file of annotations has a key.
    ``items_beside(image)`` is the same for the path of an image that lies in the folders of no split.
    ``garment(pair_id)``: what the garment is called in messages, where numbers say little.
``layout(root, split) -> Place``
    if the format can be written: where a split goes below the folder ``root``.
``class Writer(path, categories, **options)``
    if it can be written: the protocol below.
``describe(root, categories, splits, **options) -> Mapping[str, str]``
    optional: texts to put into the folder ``root`` by file name (YOLO's data.yaml); ``options`` as the Writer has them.
``beside(root, split) -> Mapping[Path, MakeWriter]``
    optional: further files of a split, each with what writes it (VOC's lists of pictures).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from converters.model import Dataset, Sample

FORMATS = __name__


class Recorder(Protocol):
    """The half of a writer that works in worker processes: small and picklable."""

    def record(self, sample: Sample) -> Any:
        """What ``append`` wants to have of ``sample``; may write files of the sample's own already.

        It is plain data (``tltpipe.plain``: texts, bytes, numbers, tuples, dataclasses) of the very type that this
        method is annotated to return, since the journal is read back as that and as nothing else.
        The same sample may be recorded twice, after a run that was killed. Raises DataError.
        """
        ...


class Writer(Protocol):
    """Writes below ``path``, which nobody looks at before the ``with`` block has ended well.

    ``path`` is a file or a folder as the format has it; a folder is there already, and may hold files of a run that
    was killed, whose samples are appended again.
    """

    @property
    def recorder(self) -> Recorder: ...

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def append(self, records: Sequence[Any]) -> None:
        """Take the records of the next samples; keeps nothing that grows beyond a few bytes a picture."""
        ...


class FilesOfTheirOwn:
    """The part of a writer that is the same wherever every sample has a file of its own: its recorder writes that."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def append(self, records: Sequence[Any]) -> None:
        """The files are there already."""


class MakeWriter(Protocol):
    """Opens a writer for a path; ``dataset`` tells more about what will be written."""

    def __call__(self, path: Path, categories: Sequence[str], dataset: Dataset) -> Writer: ...
