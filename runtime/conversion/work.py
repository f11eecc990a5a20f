"""Frames to records, a stretch at a time, in as many processes as there are cores."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, chain, pairwise
from typing import Any, NamedTuple

from converters.formats.kitti.rows import NUMBERS
from converters.tfrecords.records import frame_record
from converters.tfrecords.summary import BOXES, RecordSummary
from runtime.conversion import Annotated, Source
from runtime.conversion.layouts import Layout
from runtime.conversion.modifier import Modifier
from runtime.conversion.shards import Staging
from tltpipe import executors
from tltpipe.losses import Losses
from tltpipe.workers import parallel_map

FRAMES = 512
"""Frames of a stretch: so many that handing it out is cheap, so few that its records are small."""
BYTES = 4 << 20
"""Of pictures in a stretch whose records hold them, unless it is a single one."""
UNMAPPED, NO_AREA = "classes that target_class_mapping does not name", "boxes without area in whole pixels"
MODIFIED = "frames that the sample modifier filters"
WORTHWHILE = 1500
"""Frames for each process: with fewer it takes longer to start one than to do its work."""


@dataclass(frozen=True)
class Job:
    """What is to be done with each frame. Picklable."""

    source: Source
    layout: Layout
    modifier: Modifier


@dataclass(frozen=True)
class Stretch:
    """Successive ``frames`` of one record file; ``last`` says that it ends with them."""

    fold: int
    frames: Sequence[Any]
    last: bool


class Made(NamedTuple):
    """What became of a stretch; ``records`` None are in the part file of its ``number``."""

    number: int
    stretch: Stretch
    done: Done
    records: bytes | None = None


@dataclass
class Done:
    """What became of frames.

    ``lengths`` are those of the framed records, ``objects`` counted by stored class in them; ``renamed``, ``dropped``
    and ``scores``, as in ``Annotated``, are of all frames read; ``losses`` counts each frame once, however often it is
    recorded; ``summary`` is of the records.
    """

    lengths: list[int] = field(default_factory=list)
    objects: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    scores: int = 0
    losses: Losses = field(default_factory=Losses)
    summary: RecordSummary = field(default_factory=RecordSummary)


def stretches(frames: Sequence[Any], job: Job, *, fold: int) -> Iterator[Stretch]:
    """Those of one record file; at least one, which may be empty."""
    most = max(1, FRAMES // (1 + job.modifier.duplicates))
    start = size = 0
    for place, frame in enumerate(frames):
        more = _bytes(job, frame)
        if place > start and (place - start == most or size + more > BYTES):
            yield Stretch(fold, frames[start:place], last=False)
            start, size = place, 0
        size += more
    yield Stretch(fold, frames[start:], last=True)


def _bytes(job: Job, frame: Any) -> int:
    """Bytes of the picture in the record of ``frame``; 0 also for one that is not there, which is told in its turn."""
    if not job.layout.pictures:
        return 0
    try:
        return os.stat(job.source.picture(frame)).st_size  # noqa: PTH116 - the name is a text
    except (OSError, ValueError):
        return 0


def convert(job: Job, stretch: Stretch, *, room: int | None = None) -> tuple[Done, bytes]:
    """The framed records of ``stretch``, at most ``room``, and what there is to tell of them.

    Raises DataError for the first frame that cannot be read.
    """
    frames, modifier = job.source.annotate(stretch.frames, job.layout.names), job.modifier
    copies = [1] * len(frames.ids)
    if job.layout.modifies:
        copies = [modifier.copies(classes, fold=stretch.fold) for classes in frames.classes]
    if room is not None:
        ends = [min(room, end) for end in accumulate(copies, initial=0)]
        copies = [end - start for start, end in pairwise(ends)]
    done = Done(renamed=dict(frames.renamed), dropped=frames.dropped, scores=frames.scores)
    _count(done.losses, frames, copies)
    if copies.count(1) < len(copies):
        frames = frames.repeated(copies)
    records = [frame_record(example) for example in job.layout.examples(frames)]
    done.objects, done.lengths = Counter(chain.from_iterable(frames.classes)), list(map(len, records))
    done.summary = _summary(frames, done.objects, job.layout)
    return done, b"".join(records)


def _summary(frames: Annotated, objects: Mapping[str, int], layout: Layout) -> RecordSummary:
    occlusions = [number for numbers in frames.numbers for number in numbers[1::NUMBERS]]
    count = len(frames.ids)
    summary = RecordSummary("dali" if layout.pictures else "detectnet_v2", count, count, ids=[*frames.ids])
    summary.objects = Counter({layout.class_in_record(name): count for name, count in objects.items()})
    summary.sizes, summary.occluded = Counter(frames.sizes), len(occlusions) - occlusions.count(0)
    for numbers, size in zip(frames.numbers, frames.sizes, strict=True):
        if len(summary.boxes) >= 4 * BOXES:
            break
        summary.add_boxes([numbers[start + 3 : start + 7] for start in range(0, len(numbers), NUMBERS)], size)
    return summary


def _count(losses: Losses, frames: Annotated, copies: Sequence[int]) -> None:
    counts = [*map(len, frames.classes)]
    items = sum(counts) + sum(unmapped + len(flat) for unmapped, flat in frames.lost.values())
    losses.count_read(images=len(counts), items=items)
    for place in range(len(counts)) if 0 in copies else frames.lost:
        unmapped, flat = frames.lost.get(place, (0, []))
        if unmapped:
            losses.lose(UNMAPPED, items=unmapped)
        if flat:
            losses.lose(NO_AREA, classes=flat)
        if not copies[place]:
            losses.lose(MODIFIED, images=1, items=counts[place])
    written = [count for count, number in zip(counts, copies, strict=True) if number]
    losses.count_written(images=len(written), items=sum(written))


def numbers(job: Job, staging: Staging, plan: Iterable[Stretch], *, workers: int) -> Iterator[int]:
    """The number of each stretch, in order, when its records are in their part file and the journal says what became
    of it."""
    task, needed = partial(_note, job, staging), [*job.source.inputs, staging.journal.page]
    return parallel_map(task, enumerate(plan), workers=workers, ahead=3, resumable=True, reads=needed)


def results(job: Job, staging: Staging, plan: Iterable[Stretch], *, workers: int) -> Iterator[Made]:
    """What becomes of each stretch, in order. With one worker that is this process, and nothing waits in files."""
    if workers == 1:
        for number, stretch in enumerate(plan):
            yield Made(number, stretch, *convert(job, stretch))
        return
    handed: deque[Stretch] = deque()

    def remembered() -> Iterator[Stretch]:
        for stretch in plan:
            handed.append(stretch)
            yield stretch

    for number in numbers(job, staging, remembered(), workers=workers):
        yield Made(number, handed.popleft(), staging.journal.entry(number, Done))


def _note(job: Job, staging: Staging, numbered: tuple[int, Stretch]) -> int:
    number, stretch = numbered

    def work() -> Done:
        done, records = convert(job, stretch)
        staging.put(number, records)
        return done

    return staging.journal.once(number, work)


def processes(frames: int, wanted: int | None) -> int:
    """How many processes are worth starting for so many ``frames`` where ``wanted`` are allowed, None for all cores."""
    return wanted or max(1, min(executors.chosen().workers(), frames // WORTHWHILE))
