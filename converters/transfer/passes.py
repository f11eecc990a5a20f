"""One pass over the pictures of a data set, in worker processes where there are many, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from converters.model import Pictures, Sample, listed
from converters.model.coordinates import Declared, Evidence
from converters.model.findings import Findings
from tltpipe import executors
from tltpipe.errors import DataError
from tltpipe.workers import ALONE, parallel_map

CHUNK = 128
"""Pictures that a worker takes at a time: enough that handing them over costs little."""


class Gatherer(Protocol):
    """What a pass makes of a chunk of samples; made in a worker process and handed over whole."""

    def add(self, sample: Sample, findings: Findings) -> None:
        """Take one more sample. Raises DataError, then nothing of it has been taken."""
        ...


Gathered = TypeVar("Gathered", bound=Gatherer)


@dataclass(frozen=True)
class Reader(Generic[Gathered]):
    """How a chunk is read: into a new gatherer. Picklable; it goes to workers once, and chunks are keys alone."""

    pictures: Pictures
    gatherer: Callable[[], Gathered]
    skip_bad: bool


@dataclass
class Batch(Generic[Gathered]):
    """What came of a chunk.

    ``left_out`` has the name of each picture that could not be used, and why; ``left_items`` the class of each item
    that its annotations list, as far as that can be told; ``left_places`` where in the chunk each stood.
    """

    gathered: Gathered
    pictures: int
    findings: Findings = field(default_factory=Findings)
    evidence: Evidence = field(default_factory=Evidence)
    left_out: list[tuple[str, DataError]] = field(default_factory=list)
    left_items: list[tuple[str, ...]] = field(default_factory=list)
    left_places: list[int] = field(default_factory=list)


def batches(
    pictures: Pictures,
    keys: Sequence[Any],
    gatherer: Callable[[], Gathered],
    *,
    skip_bad: bool = False,
    whole: bool = True,
    workers: int | None = None,
    together: int = 1,
) -> Iterator[Batch[Gathered]]:
    """Read all ``keys``, a chunk at a time and in order; ``gatherer`` makes an empty gatherer and must be picklable.

    ``together``: chunks that are handed to a worker, and back, at once.
    Raises DataError for the first picture that cannot be used; with ``skip_bad`` such pictures are left out and told.
    ``whole`` says that ``keys`` are those of a split: then raises DataError, after the last, where all boxes together
    cannot be in pixels.
    """
    read, evidence = partial(_gather_all, Reader(pictures, gatherer, skip_bad)), Evidence()
    workers = workers or worker_count(len(keys))
    for found in parallel_map(read, cut(cut(keys), together), workers=workers, reads=pictures.inputs):
        for batch in found:
            evidence.merge(batch.evidence)
            yield batch
    if whole:
        evidence.judge()


def _gather_all(reader: Reader[Gathered], chunks: Sequence[Sequence[Any]]) -> list[Batch[Gathered]]:
    return [gather(reader, keys) for keys in chunks]


def gather(reader: Reader[Gathered], keys: Sequence[Any]) -> Batch[Gathered]:
    """Read the chunk ``keys``, in whatever process this is."""
    batch, findings = Batch(reader.gatherer(), len(keys)), Findings()
    load, add, evidence = reader.pictures.load, batch.gathered.add, batch.evidence
    if isinstance(reader.pictures, Declared):
        evidence.pixels = True  # now they are, whatever they look like
    for place, key in enumerate(keys):
        sample = None
        try:
            sample = load(key, findings)
            if not evidence.pixels:
                evidence.look(sample)
            add(sample, findings)
        except DataError as problem:
            if not reader.skip_bad:
                raise
            batch.left_out.append((reader.pictures.name(key), problem))
            batch.left_places.append(place)
            batch.left_items.append(listed(reader.pictures, key) if sample is None else classes_of(sample))
            findings = Findings()  # of a picture that is left out, nothing else is told
            continue
        if findings.kinds:
            batch.findings.merge(findings)
            findings = Findings()
    return batch


def classes_of(sample: Sample) -> tuple[str, ...]:
    """The class of each item."""
    return tuple(thing.category for thing in sample.objects)


def worker_count(pictures: int) -> int:
    """Workers that are worth starting for so many pictures."""
    return 1 if pictures <= ALONE else executors.chosen().workers()


def chunks_together(pictures: int, workers: int) -> int:
    """Chunks to hand over at once where no picture is decoded: a few, if every worker gets them several times."""
    return min(4, max(1, pictures // (8 * workers * CHUNK)))


def cut(keys: Iterable[Any], size: int = CHUNK) -> Iterator[tuple[Any, ...]]:
    """``keys`` in tuples of ``size``, the last one shorter."""
    rest = iter(keys)
    while part := tuple(islice(rest, size)):
        yield part
