"""Zip archives, unpacked: resumable, in all the usual encryptions, in several processes.

Decryption is stream-unzip's, which is compiled: 47 MB/s of ZipCrypto on one core where ``zipfile`` does 1.8.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from converters.fetch import zip_directory
from converters.fetch.archive import Plan
from converters.fetch.zip_directory import Entry
from tltpipe import executors, files, inputs, plain
from tltpipe.errors import DataError, HostError
from tltpipe.journal import Journal
from tltpipe.progress import Progress
from tltpipe.workers import parallel_map

RECEIPT = ".archive.json"
"""In a folder that was unpacked here, or is being: which archive it comes from and how many files that holds."""

_BATCH = (256, 32 << 20)  # entries and bytes that a worker is handed at once
_FEW = 64  # entries not worth a second process


def prove(plan: Plan, password: bytes | None) -> None:
    """Try ``password`` on one entry, so that a wrong one is told before anything is unpacked. Raises DataError."""
    if plan.probe is not None:
        with inputs.opened(plan.path) as stream:
            for _ in contents(stream, plan.probe, password):
                pass


def contents(archive: IO[bytes], entry: Entry, password: bytes | None) -> Iterator[bytes]:
    """The contents of ``entry``, decrypted and unpacked, in blocks.

    Raises DataError when they are damaged, the password is wrong, or they are more than the directory declares.
    HostError when stream-unzip is missing.
    """
    try:
        import stream_unzip
    except ModuleNotFoundError as missing:
        raise HostError("stream-unzip is not installed", hint="pip install 'tltpipe[fetch]'") from missing

    def fault(what: str, hint: str) -> DataError:
        return DataError(f"the entry {entry.name!r} {what}", where=archive.name, hint=hint)

    done = 0
    try:
        for _, _, blocks in stream_unzip.stream_unzip(entry.as_archive(archive), password=password):
            for block in blocks:
                done += len(block)
                if done > entry.size:
                    raise fault(f"unpacks to more than the {entry.size} bytes it declares", "do not trust this archive")
                yield block
    except stream_unzip.PasswordError:
        raise fault("does not open with this password", "type it as it came by mail, without spaces around") from None
    except stream_unzip.UnsupportedFeatureError:
        raise fault("is packed in a way unknown here", "pack the archive anew, with deflate") from None
    except stream_unzip.UnzipError:
        doubt = ", or the password is wrong" if entry.encryption == "ZipCrypto" else ""
        raise fault(f"is damaged{doubt}", zip_directory.AGAIN) from None


def unpack(
    plan: Plan, staging: Path, password: bytes | None, *, progress: Progress, what: str, workers: int | None = None
) -> int:
    """Unpack ``plan`` into ``staging`` and return how many files were there already, whole.

    A folder that another archive began is emptied first. Ended at any instant and called again, it goes on: a file
    gets its name when it is complete, and is checked by size and checksum before it is taken for one.
    """
    with files.writable(staging.parent):
        resumed = begin(plan, staging, progress)
        for folder in plan.folders:
            (staging / folder).mkdir(parents=True, exist_ok=True)
    kept = 0
    batches = (_Batch(plan.path, staging, tuple(some), resumed, password) for some in _batches(plan.entries()))
    one = 1 if plan.files <= _FEW else workers
    with executors.using("processes"):  # the password is for this machine alone
        unpacked = parallel_map(_unpack_batch, batches, workers=one, ahead=2)
    with files.writable(staging), progress.bar(what, total=plan.files, unit="files") as bar:
        for batch in unpacked:
            kept += batch.kept
            bar.advance(batch.files)
    return kept


def begin(plan: Plan, staging: Path, progress: Progress) -> bool:
    """Make ``staging`` ready for ``plan``; whether it holds a part of it already, from a run of this user."""
    journal = _journal(staging, plan)
    if journal.resumes([staging], []):
        for part in _walk(staging):
            if part.name.startswith(".") and part.name.endswith(".part"):
                Path(part).unlink(missing_ok=True)
        return True
    journal.begin([staging], [], progress.note)
    staging.mkdir()
    files.write_text(staging / RECEIPT, json.dumps(identity(plan)) + "\n")
    return False


def finish(plan: Plan, staging: Path, folder: Path) -> None:
    """Move ``staging``, which is whole, to ``folder``."""
    _journal(staging, plan).commit([folder], answer=True)


def settle(staging: Path) -> None:
    """End a ``finish`` that was interrupted."""
    _journal(staging).committed([], bool)


def _journal(staging: Path, plan: Plan | None = None) -> Journal:
    """The journal of unpacking ``plan`` into ``staging``, or of whatever was unpacked there last."""
    work = plain.identity(identity(plan)) if plan is not None else ""
    return Journal(staging.with_name(f"{staging.name}.journal"), work, staging.parent)


def identity(plan: Plan) -> dict[str, object]:
    """What tells the archive of ``plan`` from another, and how many files it holds."""
    directory = plan.directory
    about = {"archive": plan.path.name, "bytes": directory.archive_bytes, "checksum": directory.checksum}
    return {**about, "files": plan.files}


def receipt(folder: Path) -> dict[str, Any] | None:
    """What ``folder`` says of the archive it comes from; None where it says nothing."""
    try:
        return plain.from_json(inputs.content(folder / RECEIPT), dict[str, Any])
    except (OSError, plain.NotPlain):
        return None


def taken(folder: Path) -> int:
    """Bytes that the files below ``folder`` take on the disk; 0 without such a folder."""
    return sum(entry.stat().st_blocks * 512 for entry in _walk(folder))


@dataclass(frozen=True)
class _Batch:
    """Work for one process; ``password`` travels in it and is shown nowhere."""

    archive: Path
    staging: Path
    entries: tuple[tuple[Entry, str], ...]
    resumed: bool
    password: bytes | None = field(repr=False)


@dataclass(frozen=True)
class _Done:
    files: int
    kept: int


def _batches(entries: Iterable[tuple[Entry, str]]) -> Iterator[list[tuple[Entry, str]]]:
    most, largest = _BATCH
    some: list[tuple[Entry, str]] = []
    size = 0
    for entry, target in entries:
        some.append((entry, target))
        size += entry.size
        if len(some) >= most or size >= largest:
            yield some
            some, size = [], 0
    if some:
        yield some


def _unpack_batch(batch: _Batch) -> _Done:
    kept = 0
    with inputs.opened(batch.archive) as archive:
        for entry, target in batch.entries:
            path = batch.staging / target
            if batch.resumed and _is_whole(path, entry):
                kept += 1
            else:
                _write(path, contents(archive, entry, batch.password), entry)
    return _Done(len(batch.entries), kept)


def _write(path: Path, blocks: Iterator[bytes], entry: Entry) -> None:
    """Write under a name of this process, then rename: no two processes ever write one file."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            for block in blocks:
                stream.write(block)
            size = stream.tell()
        if size != entry.size:
            raise DataError(f"the entry {entry.name!r} unpacks to {size} bytes and declares {entry.size}", where=path)
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _is_whole(path: Path, entry: Entry) -> bool:
    try:
        if path.stat().st_size != entry.size:
            return False
        return entry.checksum is None or zlib.crc32(inputs.content(path)) == entry.checksum
    except OSError:
        return False


def _walk(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """All files below ``folder``; none where there is no such folder."""
    if Path(folder).is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _walk(entry.path)
                else:
                    yield entry
