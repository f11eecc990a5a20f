"""A conversion as a whole: every record file in order, with what there is to tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from converters.model import rules
from converters.tfrecords import summary
from converters.tfrecords.records import shard_name
from converters.tfrecords.summary import RecordSummary
from converters.transfer import losing
from runtime.conversion import Plan, partition, shards, work
from runtime.conversion.shards import Prefix, Staging
from runtime.conversion.telling import SHARES, SHARES_HINT, Tally, say_objects
from runtime.conversion.work import Job, Made, Stretch
from runtime.shell import program
from tltpipe import executors, journal
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Bar, for_stream


@dataclass(frozen=True)
class Shard:
    """One record file to be: its name, its fold, its number in that, its frames."""

    name: str
    fold: int
    number: int
    frames: Sequence[Any]


def write(
    job: Job,
    plan: Plan,
    prefix: Prefix,
    *,
    status: program.StatusLog,
    workers: int,
    verbose: bool,
    allow_loss: bool = False,
) -> tuple[Tally, list[str], list[str]]:
    """Write all files; return what was counted, the names written, and the names of earlier files taken away.

    Raises DataError where all items of a class are lost, or boxes look like shares of their image,
    unless ``allow_loss``; then no file appears.
    """
    tally, total = Tally(), sum(map(len, plan.frames))
    parts = list(_shards(plan, prefix))
    stretches = (each for part in parts for each in work.stretches(part.frames, job, fold=part.fold))
    summaries: dict[str, RecordSummary] = {}
    inputs = job.source.inputs
    identity = journal.identity(job, [part.name for part in parts], list(map(journal.which, inputs)))
    progress = for_stream()
    with (
        shards.staged(prefix, identity, inputs, progress.note) as staging,
        progress.bar("convert", total=total) as bar,
    ):
        if divided := executors.divided():
            _do_part(job, staging, stretches, bar, workers=workers)
            raise divided.part()
        results = work.results(job, staging, stretches, workers=workers)
        before, fold = tally.objects.copy(), 0
        for part in parts:
            if verbose and part.fold != fold:
                say_objects(tally.objects - before)
                before, fold = tally.objects.copy(), part.fold
            told = f"Writing partition {part.fold}, shard {part.number}"
            status.write("RUNNING", told)
            if verbose:
                program.say(told)
            lengths, numbers = list[int](), list[int]()
            summaries[part.name] = of_file = RecordSummary()
            with staging.record_file(part.name) as stream:
                for number, _, done, _ in _of_one_file(results, job, staging, stream, tally):
                    tally.add(done, fold=part.fold)
                    lengths += done.lengths
                    of_file.merge(done.summary)
                    numbers.append(number)
                    bar.advance(done.losses.read.images)
            staging.remove_parts(numbers)
            if job.layout.pictures:
                shards.write_index(staging.folder / part.name, lengths)
        if verbose:
            say_objects(tally.objects - before)
        if not allow_loss:
            _refuse_losses(job, plan, tally)
        shards.write_warnings(staging.folder, prefix, tally.dropped)
        shards.write_classes(staging.folder, prefix, job.layout.numbered)
        written = sorted(path.name for path in staging.folder.iterdir())
        summary.write(staging.folder, prefix.stem, summaries)
        removed = shards.stale(prefix, set(written))
    return tally, written, removed


def _refuse_losses(job: Job, plan: Plan, tally: Tally) -> None:
    """Raises DataError where boxes look like shares of their image, or all items of a class are lost."""
    if tally.looks_like_shares:
        raise DataError(SHARES, where=job.source.place, hint=SHARES_HINT, code=rules.SHARES.code)
    judged = tally.whole_losses(plan.losses, job.layout.names)
    losing.refuse_wholesale({"this data set": judged}, (), {"this data set": Path(job.source.place)})


def _do_part(job: Job, staging: Staging, stretches: Iterable[Stretch], bar: Bar, *, workers: int) -> None:
    """Do those stretches that are this run's; the record files are for the run that finds all of them done."""
    planned = list(stretches)
    for number in work.numbers(job, staging, planned, workers=workers):
        bar.advance(len(planned[number].frames))


def _of_one_file(
    results: Iterator[Made], job: Job, staging: Staging, stream: IO[bytes] | None, tally: Tally
) -> Iterator[Made]:
    """What becomes of the stretches of the next file: no more records than the sample modifier lets in.

    They go to ``stream``; where an earlier run has written the file, there is none.
    """
    for made in results:
        stretch = made.stretch
        room = job.modifier.room(fold=stretch.fold, written=tally.written[stretch.fold])
        if room is not None and len(made.done.lengths) > room:
            made = Made(made.number, stretch, *work.convert(job, stretch, room=room))
        if stream:
            stream.write(staging.records(made.number) if made.records is None else made.records)
        yield made
        if stretch.last:
            return


def _shards(plan: Plan, prefix: Prefix) -> Iterator[Shard]:
    """All files, in order."""
    for fold, (frames, count) in enumerate(zip(plan.frames, plan.shards, strict=True)):
        for number, (start, end) in enumerate(partition.shard_bounds(len(frames), count)):
            name = shard_name(prefix.stem, fold=fold, folds=plan.folds, shard=number, shards=count)
            if not name:
                hint = "end -o in the beginning of a file name, or set num_partitions or num_shards"
                raise UsageError("the one record file would have no name", where=str(prefix), hint=hint)
            yield Shard(name, fold, number, frames[start:end])
