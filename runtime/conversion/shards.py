"""Record files under a prefix: written aside, moved into place together."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from converters.tfrecords.records import CLASSES
from runtime.shell import folders
from tltpipe import executors, staging
from tltpipe.errors import HostError, Interrupted, RunFailed
from tltpipe.files import beside, new_file, own_name, remove, writable
from tltpipe.journal import PATIENCE, Journal, alone

WARNINGS = "_warning.json"
INDEX = "idx-"


@dataclass(frozen=True)
class Prefix:
    """Where record files go: names in ``folder`` that begin with ``stem``, which is "" after a trailing slash."""

    folder: Path
    stem: str

    @classmethod
    def of(cls, text: str) -> Prefix:
        """The prefix as given on the command line; without a folder part it lies in the current folder."""
        folder, stem = os.path.split(text)
        return cls(Path(os.path.abspath(folder)), stem)

    def owns(self, name: str) -> bool:
        """Whether ``name`` is a file that some conversion to this prefix writes, an index of it included."""
        numbered = r"-fold-\d{3,}-of-\d{3,}(-shard-\d{5,}-of-\d{5,})?|-shard-\d{5,}-of-\d{5,}"
        stem = re.escape(self.stem)
        return re.fullmatch(rf"{stem}({WARNINGS}|{CLASSES})|(idx-)?{stem}({numbered})|idx-{stem}", name) is not None

    def __str__(self) -> str:
        return f"{self.folder}/{self.stem}"


@dataclass(frozen=True)
class Staging:
    """Where record files are made, hidden beside their places. Picklable, for those who make the records.

    ``folder`` has the record files that are whole; ``parts`` the records of one stretch in each file, until that record
    file is. The ``journal`` says which parts there are.
    """

    prefix: Prefix
    journal: Journal

    @property
    def targets(self) -> list[Path]:
        """What the staging folders would be called if they were outputs."""
        name = self.prefix.stem or "records"
        return [self.prefix.folder / name, self.prefix.folder / f"{name}.parts"]

    @property
    def folder(self) -> Path:
        return beside(self.targets[0])

    @property
    def parts(self) -> Path:
        return beside(self.targets[1])

    def put(self, number: int, records: bytes) -> None:
        """Write the records of stretch ``number``."""
        staging.write(str(self.parts), _part(number), records)

    def records(self, number: int) -> bytes:
        """The records of stretch ``number``."""
        return staging.arrived(self.parts / _part(number))

    @contextmanager
    def record_file(self, name: str) -> Iterator[IO[bytes] | None]:
        """Yield a new record file, which has its name when the block ends; None where it is there already."""
        path, waiting = self.folder / name, self.parts / f"{name}.{own_name()}"
        if path.exists():
            yield None
            return
        with new_file(waiting) as stream:
            yield stream
        self.journal.guard()
        waiting.rename(path)

    def remove_parts(self, numbers: Iterable[int]) -> None:
        """Remove the parts of a record file that is whole."""
        for number in numbers:
            (self.parts / _part(number)).unlink(missing_ok=True)

    def begin(self, inputs: Sequence[Path], note: Callable[[str], None]) -> None:
        """Make the folders, or go on in those of a killed run that was at the same work."""
        folders = [self.folder, self.parts]
        with writable(self.prefix.folder):
            if self.journal.resumes(folders, inputs):
                for path in self.folder.glob(".*"):  # written aside when it was killed
                    path.unlink()
                return
            self.journal.begin(folders, inputs, note)
            for path in folders:
                path.mkdir()

    def settle(self) -> None:
        """Move the files of ``folder`` to the prefix."""
        self.journal.guard()
        self.journal.forget()
        remove(self.parts)
        _replace(self.prefix, self.folder)
        self.journal.abandon(self.targets)


@contextmanager
def staged(prefix: Prefix, identity: str, inputs: Sequence[Path], note: Callable[[str], None]) -> Iterator[Staging]:
    """Yield the place where the record files of the work ``identity`` on ``inputs`` are made, which may have been begun
    by a run that was killed; when the block ends well they move to the prefix.

    They replace what earlier conversions left there, also what this one did not write again: a stale shard would be
    trained on. On an exception nothing changes; after an interruption the next run goes on. Where an executor does only
    a part of the work the block raises that (``executors.divided``). Raises HostError while another run writes there.
    """
    existed = prefix.folder.exists()
    divided = executors.divided()
    place = Staging(prefix, Journal(prefix.folder / f".{prefix.stem or 'records'}.journal", identity, prefix.folder))
    try:
        with alone(place.journal.folder, patience=PATIENCE if divided else 0) as hold:
            held = replace(place, journal=replace(place.journal, hold=hold))
            held.begin(inputs, note)
            if not divided:
                with _abandoned_if_broken(held):
                    yield held
                    held.settle()
        if divided:
            yield place
    except BaseException:
        if not existed:
            folders.remove_if_empty(prefix.folder)
        raise


@contextmanager
def _abandoned_if_broken(place: Staging) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, Interrupted, HostError, RunFailed):
        raise  # what is done so far serves the next run
    except BaseException:
        place.journal.abandon(place.targets)
        raise


def _part(number: int) -> str:
    return f"{number:06d}"


def stale(prefix: Prefix, written: set[str]) -> list[str]:
    """Names that an earlier conversion left at ``prefix`` and that are not among those ``written`` now."""
    if not prefix.folder.is_dir():
        return []
    return [name for name in folders.names(prefix.folder) if prefix.owns(name) and name not in written]


def write_warnings(folder: Path, prefix: Prefix, dropped: Mapping[str, list[int]]) -> None:
    """``<prefix>_warning.json``: the boxes that were left out; no file where there are none."""
    if dropped:
        text = json.dumps(dropped, indent=2)
        (folder / f"{prefix.stem}{WARNINGS}").write_text(text, encoding="utf-8")


def write_classes(folder: Path, prefix: Prefix, names: Sequence[str]) -> None:
    """``<prefix>_classes.txt``: what the class numbers in the records mean, from 1 on; no file where there are none."""
    if names:
        (folder / f"{prefix.stem}{CLASSES}").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def write_index(path: Path, lengths: Iterable[int]) -> None:
    """``idx-<name>`` beside the record file ``path``, as DALI wants it: offset and length of each record in a line.

    ``lengths`` are in bytes, framing included.
    """
    offset = 0
    with path.with_name(INDEX + path.name).open("w", encoding="ascii") as stream:
        for length in lengths:
            stream.write(f"{offset} {length}\n")
            offset += length


def _replace(prefix: Prefix, folder: Path) -> None:
    written = {path.name for path in folder.iterdir()}
    for name in written:
        if (prefix.folder / name).is_dir():
            what = "a folder has the name of a record file"
            raise HostError(what, where=prefix.folder / name, hint="choose another -o, or end it in /")
    for name in stale(prefix, written):
        (prefix.folder / name).unlink()
    for name in sorted(written):
        os.replace(folder / name, prefix.folder / name)
    folder.rmdir()
