"""Samples from where they are to where they are wanted: one pass, in parallel, and resumable.

A run that is killed leaves a journal and staging folders behind, all hidden; the same work started again goes on from
there and ends in the same bytes. Outputs appear together, at the end.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from converters.files.strays import Claim, checksums, packed_checksum
from converters.files.unsupported import unsupported
from converters.formats import Recorder, Writer
from converters.model import rules
from converters.model.coordinates import Evidence
from converters.model.findings import Findings
from converters.transfer import entries, losing
from converters.transfer.chunk_records import FIELDS, Records
from converters.transfer.parts import Located, Part, Summary
from converters.transfer.passes import Batch, Reader, cut, gather, worker_count
from converters.transfer.selection import Selection, joint
from tltpipe import executors
from tltpipe.errors import HostError, RunFailed
from tltpipe.files import beside, new_file, refuse_links, writable
from tltpipe.journal import PATIENCE, Journal, alone, chunk_size, identity, which
from tltpipe.progress import Bar, Progress
from tltpipe.workers import parallel_map, start_workers

CHUNK = 256
"""Pictures to one entry of the journal, at least: what a killed run has to do again for each worker."""


def transfer(
    parts: Sequence[Part],
    *,
    journal: Path,
    progress: Progress,
    what: str = "convert",
    selection: Selection | None = None,
    texts: Mapping[Path, str] | None = None,
    left_out: Path | None = None,
    images_needed: bool = False,
    skip_bad: bool = False,
    allow_loss: bool = False,
    idle: Sequence[Located] = (),
    roots: Sequence[Path] = (),
    workers: int | None = None,
) -> dict[str, Summary]:
    """Make all outputs of all ``parts``, and the small files ``texts``; they appear together when all is done.

    ``journal`` is the hidden folder for a killed run to go on from. A picture that cannot be used raises DataError
    and nothing appears; with ``skip_bad`` it is left out whole and listed in the file ``left_out``, since a picture
    that shows a thing without its label would teach a detector that there is none. An image that is not there stops
    the run only with ``images_needed``, or where an output takes it along. A split, or a class, of which nothing is
    left raises DataError, too, unless ``allow_loss``. ``idle`` are splits of the data set that are not taken: their
    files are no strays; ``roots`` are the folders of the whole. Raises HostError when the outputs cannot be written or
    another run is at them.
    """
    selection = selection or Selection()
    joined = joint([part.dataset for part in parts], selection)
    parts = [replace(part, dataset=dataset) for part, dataset in zip(parts, joined, strict=True)]
    work = _Work(
        parts,
        journal,
        selection,
        dict(texts or {}),
        left_out,
        images_needed,
        skip_bad,
        allow_loss,
        idle,
        roots,
        workers,
    )
    return work.run(progress, what)


@dataclass
class _Work:
    parts: Sequence[Part]
    folder: Path
    selection: Selection
    texts: dict[Path, str]
    left_out: Path | None
    images_needed: bool
    skip_bad: bool
    allow_loss: bool
    idle: Sequence[Located]
    roots: Sequence[Path]
    workers: int | None
    size: int = CHUNK
    done: int = 0
    claims: list[Claim] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        root = Path(os.path.commonpath([target.parent for target in self._targets]))
        self.journal = Journal(self.folder, self._identity(), root)

    def run(self, progress: Progress, what: str) -> dict[str, Summary]:
        known = {part.split: part.dataset.pictures.keys() for part in self.parts}
        keys = {part.split: self.selection.among(known[part.split], part.dataset.pictures) for part in self.parts}
        self.size = chunk_size(sum(map(len, keys.values())), CHUNK)
        if (self.workers or worker_count(max(map(len, keys.values()), default=0))) > 1:
            start_workers(_record, *{type(part.dataset.pictures).__module__ for part in self.parts})
        bar = progress.bar(what, total=sum(map(len, keys.values())))
        with self._alone():
            refuse_links(self.journal.root, [*self._targets, self.folder])
            answer = self.journal.committed(self._inputs(), dict[str, Summary])
            if answer is not None:
                return answer
            made = self._make_room(progress)
            divided = executors.divided()
            if divided is None:
                return self._whole(known, keys, bar, made)
        with bar as shown, _room(self.journal.root):
            for part in self.parts:
                self._note_chunks(part, keys[part.split], shown)
        raise divided.part()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the journal's lock. Runs that do a part each may begin at the same time: they wait for one another."""
        with alone(self.folder, patience=PATIENCE if executors.divided() else 0) as hold:
            self.journal = replace(self.journal, hold=hold)
            yield
        self.journal = replace(self.journal, hold=None)

    def _whole(
        self,
        known: Mapping[str, Sequence[Any]],
        keys: Mapping[str, Sequence[Any]],
        bar: AbstractContextManager[Bar],
        made: Sequence[Path],
    ) -> dict[str, Summary]:
        try:
            with bar as shown, _room(self.journal.root):
                answer = {part.split: self._part(part, keys[part.split], shown) for part in self.parts}
            self._balance(answer, known, keys)
            self.journal.guard()
            self._write_texts()
            self.journal.commit(self._targets, answer)
        except (KeyboardInterrupt, HostError, RunFailed):
            raise  # what is done so far serves the next run
        except BaseException:
            self._clean(made)
            raise
        return answer

    def _note_chunks(self, part: Part, keys: Sequence[Any], bar: Bar) -> None:
        """Do those chunks of ``part`` that are this run's; the outputs are for the run that finds all of them done."""
        recorders = [writer.recorder for writer in self._writers(part)]
        for number in self._numbers(part, keys, recorders):
            bar.advance(min(self.size, len(keys) - (number - self.done) * self.size))
        self.done += self._chunks(keys)

    def _writers(self, part: Part) -> list[Writer]:
        categories, dataset = part.dataset.categories, part.dataset
        return [output.writer(beside(output.target), categories, dataset) for output in part.outputs]

    def _part(self, part: Part, keys: Sequence[Any], bar: Bar) -> Summary:
        start = time.monotonic()
        total, evidence, skipped = Records((), self.selection, frozenset(), ()), Evidence(), 0
        names, paths = bytearray(), bytearray()  # check sums of very many
        categories = part.dataset.categories
        with ExitStack() as files:
            self.journal.guard()
            writers = [files.enter_context(writer) for writer in self._writers(part)]
            recorders = [writer.recorder for writer in writers]
            kind, empty = entries.entry_type(Records, recorders), self._gatherer(part, recorders)
            numbers = self._numbers(part, keys, recorders)
            first = tuple(islice(numbers, 1))  # from here on workers are busy while this process is, too
            findings = unsupported(part.dataset.pictures, keys, counted=self.folders)
            findings.take(part.dataset.findings)
            for number in chain(first, numbers):
                batch = entries.batch(self.journal.entry(number, kind), empty())
                for writer, own in zip(writers, zip(*batch.gathered.records, strict=True), strict=False):
                    writer.append(own)
                total.merge(batch.gathered)
                losing.count_left_out(total.losses, batch.left_out, batch.left_items, self.selection.name)
                losing.count_findings(total.losses, batch.findings)
                names += batch.gathered.names + b"".join(packed_checksum(name) for name, _ in batch.left_out)
                paths += batch.gathered.paths
                findings.merge(batch.findings)
                evidence.merge(batch.evidence)
                skipped += len(batch.left_out)
                self._note_left_out(batch, findings)
                bar.advance(batch.pictures)
            self.done += self._chunks(keys)
            evidence.judge()
        losses = total.losses
        if 2 * total.crowds > losses.written.items:
            findings.add(rules.MOSTLY_CROWD, f"{part.split}: {total.crowds} of {losses.written.items} items")
        for place, pictures in part.sources:
            known = checksums(names) if pictures is part.dataset.pictures else None
            self.claims.append(losing.claim(place, pictures, known, checksums(paths)))
        return Summary(
            losses.written.images,
            losses.written.items,
            {name: losses.classes_written.get(name, 0) for name in categories},
            skipped,
            total.selected_away,
            total.dropped,
            findings.all(),
            time.monotonic() - start,
            losses,
        )

    def _balance(
        self, done: Mapping[str, Summary], known: Mapping[str, Sequence[Any]], keys: Mapping[str, Sequence[Any]]
    ) -> None:
        """Count what was not read at all; raise DataError where too much is lost."""
        for part in self.parts:
            if unread := len(known[part.split]) - len(keys[part.split]):
                done[part.split].losses.leave_out(losing.chosen("subset"), images=unread)
                self.claims += [losing.claim(place, pictures) for place, pictures in part.sources]
        located = [(part.split, pictures) for part in self.parts for _, pictures in part.sources]
        targets = [output.target for part in self.parts for output in part.outputs]
        pictures = [each for _, each in located]
        strays = losing.count_strays(self.claims, pictures, self.idle, roots=self.roots, besides=targets)
        for (split, _), losses in zip(located, strays, strict=True):
            done[split].losses.merge(losses)
        for part in self.parts:
            done[part.split].losses.require_balance()
        if not self.allow_loss:
            splits = {part.split: done[part.split].losses for part in self.parts}
            where = {part.split: path for part in self.parts for path in part.dataset.pictures.inputs[:1]}
            losing.refuse_wholesale(splits, self.selection.classes, where)

    def _numbers(self, part: Part, keys: Sequence[Any], recorders: list[Recorder]) -> Iterator[int]:
        """The numbers of the chunks of ``part``, each as soon as it is noted."""
        chunks = enumerate(cut(keys, self.size), start=self.done)
        reader = Reader(part.dataset.pictures, self._gatherer(part, recorders), self.skip_bad)
        workers = self.workers or worker_count(len(keys))
        task, needed = partial(_record, self.journal, reader), [*part.dataset.pictures.inputs, self.journal.page]
        return parallel_map(task, chunks, workers=workers, resumable=True, reads=needed)

    def _chunks(self, keys: Sequence[Any]) -> int:
        """How many there are of a split."""
        return -(-len(keys) // self.size)

    def _gatherer(self, part: Part, recorders: list[Recorder]) -> Callable[[], Records]:
        kept = frozenset[str]().union(*(output.carries for output in part.outputs))
        lost = tuple(name for name in FIELDS if name not in kept)
        keypoints = frozenset(part.dataset.keypoints)
        plain = any("box" in output.carries and "crowd" not in output.carries for output in part.outputs)
        settings = (part.dataset.annotated, self.images_needed, plain)
        return partial(Records, tuple(recorders), self.selection, keypoints, lost, *settings)

    def _note_left_out(self, batch: Batch[Records], findings: Findings) -> None:
        for name, problem in batch.left_out:
            findings.add(rules.LEFT_OUT, f"{name}: {problem}")
            self.problems.append(f"{name}\t{problem}\n")

    def _make_room(self, progress: Progress) -> list[Path]:
        """Staging paths, those of a killed run where it was at the same work; returns the folders that were made."""
        outputs = [output for part in self.parts for output in part.outputs]
        folders = [beside(output.target) for output in outputs if output.folder]
        made = []
        for output in outputs:
            if output.target.exists() and output.folder != output.target.is_dir():
                what = "a file is where a folder is needed" if output.folder else "a folder is where a file is needed"
                raise HostError(what, where=output.target, hint="move it away")
        if not self.journal.resumes(folders, self._inputs()):
            self.journal.begin([beside(target) for target in self._targets], self._inputs(), progress.note)
            for output in outputs:
                made += [path for path in (output.target.parent, *output.target.parent.parents) if not path.exists()]
                with writable(output.target.parent):
                    output.target.parent.mkdir(parents=True, exist_ok=True)
                    if output.folder:
                        beside(output.target).mkdir()
        return made

    @property
    def _targets(self) -> list[Path]:
        """All that may appear: the outputs, and the small files."""
        outputs = [output.target for part in self.parts for output in part.outputs]
        return [*outputs, *self.texts, *([self.left_out] if self.left_out is not None else [])]

    def _write_texts(self) -> None:
        """Write what is left to write: under one name at every try, so that no killed run leaves another."""
        told = {self.left_out: "".join(self.problems)} if self.problems and self.left_out is not None else {}
        for path, text in (self.texts | told).items():
            with writable(path.parent):
                path.parent.mkdir(parents=True, exist_ok=True)
                with new_file(beside(path)) as stream:
                    stream.write(text.encode())

    def _clean(self, made: Sequence[Path]) -> None:
        self.journal.abandon(self._targets)
        for folder in sorted(set(made), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _inputs(self) -> list[Path]:
        return [path for part in self.parts for path in part.dataset.pictures.inputs]

    def _identity(self) -> str:
        """Changes with anything that could change a byte of the outputs, but for what is in the inputs, and with what
        the entries of the journal hold."""
        parts = [
            (
                part.split,
                part.dataset,
                [(output.target, sorted(output.carries), output.writer) for output in part.outputs],
                [which(path) for path in part.dataset.pictures.inputs],
            )
            for part in self.parts
        ]
        choices = (self.selection, sorted(self.texts.items()), self.left_out, self.skip_bad, self.allow_loss)
        return identity(parts, choices)


@contextmanager
def _room(folder: Path) -> Iterator[None]:
    """Raise HostError where the disk of ``folder`` is full: what is done stays for the next run."""
    try:
        yield
    except OSError as refusal:
        if refusal.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        hint = "make room, and run the same command again: it goes on"
        raise HostError(f"cannot write here: {refusal.strerror}", where=folder, hint=hint) from refusal


def _record(journal: Journal, reader: Reader[Records], chunk: tuple[int, Sequence[Any]]) -> int:
    """Do one chunk and note it down, unless a killed run did."""
    number, keys = chunk
    return journal.once(number, lambda: entries.entry(gather(reader, keys), reader.gatherer()))
