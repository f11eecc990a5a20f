"""Going through a data set in worker processes; killed at any instant, the same command goes on where it was.

Beside the output folders, hidden: what is being filled, and a journal of the chunks that are done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.transfer.passes import cut
from runtime.augmenting import Augmented, Done, Folders, Record, Source, Told
from runtime.augmenting.recipe import Recipe
from tltpipe import executors
from tltpipe.errors import DataError, HostError, RunFailed
from tltpipe.files import beside, refuse_links, writable, write_text
from tltpipe.journal import PATIENCE, Journal, alone, chunk_size, identity, which
from tltpipe.losses import Losses
from tltpipe.workers import parallel_map

if TYPE_CHECKING:
    from tltpipe.progress import Progress

CHUNK, LARGE_CHUNK = 16, 64
"""Pictures to an entry of the journal, which each worker of a killed run has done in vain: few, and many."""
SHARES = 128
"""Entries for which that becomes more: less is handed over, and workers still end at about the same time."""

WORTH_PROCESSES = 64
"""Below this many pictures one process is done before others would have started."""

LEFT_OUT = "left_out.txt"

UNUSABLE, OUTSIDE = "left out: images that cannot be used", "boxes that have no area left"


@dataclass(frozen=True)
class Job:
    """What worker processes need to know. ``draws``: pictures with their boxes are written, too.

    ``allow_loss``: a class of which no item is left is no error.
    """

    source: Source
    recipe: Recipe
    output: Path
    draws: bool = False
    skip_bad: bool = False
    allow_loss: bool = False

    @property
    def targets(self) -> dict[str, Path]:
        found = dict(self.source.folders(self.output))
        if not self.draws:
            found.pop("annotated", None)
        return found

    @property
    def staging(self) -> Folders:
        return Folders(**{name: beside(target) for name, target in self.targets.items()})


def run(job: Job, *, progress: Progress, workers: int | None = None) -> Told:
    """Augment all pictures of ``job``; its folders appear, whole, at the end.

    Raises DataError for the first picture that cannot be used, and nothing appears; where the job skips such
    pictures they are left out and listed in the file ``left_out.txt``. Where all items of a class are lost it raises
    DataError, too, unless the job allows that.
    """
    keys = job.source.keys()
    workers = workers or (executors.chosen().workers() if len(keys) >= WORTH_PROCESSES else 1)
    existed = job.output.exists()
    with writable(job.output):
        job.output.mkdir(parents=True, exist_ok=True)
    journal = Journal(job.output / ".augment.journal", _identity(job), job.output)
    divided, size = executors.divided(), _chunk_size(len(keys))
    try:
        with alone(journal.folder, patience=PATIENCE if divided else 0) as hold:
            held = replace(journal, hold=hold)
            told = _begun(job, held, progress)
            if told is not None or divided is None:
                return told or _whole(job, keys, held, progress, workers)
        with progress.bar("augment", total=len(keys)) as bar:
            for number in _numbers(job, keys, journal, workers):
                bar.advance(min(size, len(keys) - number * size))
        raise divided.part()
    except BaseException:
        if not existed and not any(job.output.iterdir()):
            job.output.rmdir()
        raise


def _begun(job: Job, journal: Journal, progress: Progress) -> Told | None:
    """Make room for the outputs, or go on in what an earlier run has left; what that told, where it was all done."""
    inputs, staging, targets = list(job.source.inputs), list(job.staging), _targets(job)
    refuse_links(job.output, targets)
    answer = journal.committed(inputs, Told)
    if answer is not None:
        return answer
    if not journal.resumes(staging, inputs):
        journal.begin(list(map(beside, targets)), inputs, progress.note)
        for folder in staging:
            with writable(folder.parent):
                folder.mkdir(parents=True)
    return None


def _whole(job: Job, keys: Sequence[Any], journal: Journal, progress: Progress, workers: int) -> Told:
    from converters.transfer import losing  # workers do without

    inputs, targets, told = list(job.source.inputs), _targets(job), Told()
    shared = job.output / job.source.shared if job.source.shared else None
    try:
        with progress.bar("augment", total=len(keys)) as bar, ExitStack() as files:
            collector = files.enter_context(job.source.collector(beside(shared))) if shared else None
            for number in _numbers(job, keys, journal, workers):
                result = journal.entry(number, _Result)
                told.done += result.done
                told.left_out += result.left_out
                told.losses.merge(result.losses)
                if collector is not None:
                    collector.take(result.records)
                bar.advance(result.pictures)
        if not told.done.images:
            raise DataError("not one picture is usable", where=inputs[0])
        told.losses.merge(job.source.unmatched())
        if not job.allow_loss:
            losing.refuse_wholesale({"this data set": told.losses}, (), {"this data set": inputs[-1]})
        journal.guard()
        if told.left_out:
            lines = "".join(f"{name}\t{problem}\n" for name, problem in told.left_out)
            write_text(job.output / LEFT_OUT, lines)
        journal.commit(targets, told)
    except (KeyboardInterrupt, HostError, RunFailed):
        raise  # what is done so far serves the next run
    except BaseException:
        journal.abandon(targets)
        raise
    return told


@dataclass
class _Result:
    """What came of a chunk."""

    pictures: int
    done: Done
    left_out: list[tuple[str, str]]
    losses: Losses
    records: list[Record]


def _targets(job: Job) -> list[Path]:
    return [*job.targets.values(), *([job.output / job.source.shared] if job.source.shared else [])]


def _numbers(job: Job, keys: Sequence[Any], journal: Journal, workers: int) -> Iterator[int]:
    """The numbers of the chunks, each as soon as it is noted."""
    task = partial(_chunk, job, journal)
    chunks = enumerate(cut(keys, _chunk_size(len(keys))))
    needed = [*job.source.inputs, journal.page]
    return parallel_map(task, chunks, workers=workers, resumable=True, reads=needed)


def _chunk_size(pictures: int) -> int:
    return chunk_size(pictures, max(CHUNK, min(pictures // SHARES, LARGE_CHUNK)))


def _chunk(job: Job, journal: Journal, chunk: tuple[int, Sequence[Any]]) -> int:
    """Do one chunk and note it down, unless a killed run did."""
    number, keys = chunk
    return journal.once(number, lambda: _done(job, keys))


def _done(job: Job, keys: Sequence[Any]) -> _Result:
    result = _Result(len(keys), Done(), [], Losses(), [])
    folders = job.staging
    for key in keys:
        try:
            augmented = job.source.augment(key, job.recipe, folders)
        except DataError as problem:
            if not job.skip_bad:
                raise
            result.left_out.append((job.source.name(key), str(problem)))
            result.losses.leave_out(UNUSABLE, images=1, classes=job.source.items(key))
            continue
        result.done += augmented.done
        _count(result.losses, augmented)
        if augmented.record is not None:
            result.records.append(augmented.record)
    return result


def _count(losses: Losses, augmented: Augmented) -> None:
    losses.count_read(images=1, classes=augmented.read)
    losses.count_written(images=1, classes=augmented.written)
    if len(augmented.written) < len(augmented.read):
        losses.lose(OUTSIDE, classes=(Counter(augmented.read) - Counter(augmented.written)).elements())


def _identity(job: Job) -> str:
    """Changes with anything that could change a byte of the output, but for what is in the inputs."""
    return identity(job, list(map(which, job.source.inputs)))
