"""Zip archives, unpacked: judged as a whole before anything is written, resumable, in all the usual encryptions.

Decryption is stream-unzip's, which is compiled: 47 MB/s of ZipCrypto on one core where ``zipfile`` does 1.8.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from converters.fetch import zip_directory
from converters.fetch.zip_directory import Directory, Entry
from tltpipe import files
from tltpipe.errors import DataError, HostError, TltpipeError
from tltpipe.progress import Progress

RECEIPT = ".archive.json"
"""In a folder that was unpacked here, or is being: which archive it comes from and how many files that holds."""

Place = Callable[[str], str | None]
"""Where an entry belongs below the target folder, by its name; None for one to leave out."""

_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
_BLOCK = 4096  # bytes a file takes at least, on most file systems
_BATCH = (256, 32 << 20)  # entries and bytes that a worker is handed at once
_FEW = 64  # entries not worth a second process


@dataclass(frozen=True)
class Limits:
    """What no honest archive of pictures comes near. Sizes in bytes; ratios are unpacked to packed."""

    entries: int = 2_000_000
    entry: int = 256 << 20
    total: int = 1 << 40
    ratio: float = 100.0
    """Of the whole. A picture hardly shrinks; annotations do some ten times."""
    entry_ratio: float = 1100.0
    """Of one entry: deflate reaches 1032."""


@dataclass(frozen=True)
class Plan:
    """An archive that was found fit to unpack. ``left_out`` counts files that belong nowhere, with the first names."""

    directory: Directory
    place: Place
    files: int
    bytes: int
    room: int
    """What the files take on a disk."""
    encryption: str | None
    probe: Entry | None
    """The smallest encrypted entry: to try a password on."""
    left_out: int
    examples: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.directory.path

    def entries(self) -> Iterator[tuple[Entry, str]]:
        """What is to be unpacked, and where to."""
        for entry in self.directory:
            if (target := _target(entry, self.place)) is not None:
                yield entry, target


def judge(path: Path, place: Place, *, limits: Limits | None = None) -> Plan:
    """Read the directory of ``path`` and refuse what an honest archive does not do; writes nothing.

    Raises DataError, naming archive and entry: cut off or damaged, a name that leaves the folder, a link, the same
    name twice, an encryption that nobody here can undo, or sizes that only a bomb declares.
    """
    limits = limits or Limits()
    directory = zip_directory.read(path)
    if directory.entries > limits.entries:
        raise _refusal(path, f"declares {directory.entries} entries; {limits.entries} is the most taken")
    targets: set[str] = set()
    schemes: set[str | None] = set()
    size = packed = room = left_out = 0
    examples: list[str] = []
    probe: Entry | None = None
    for entry in directory:
        packed += entry.compressed
        _refuse_unsafe(path, entry, limits)
        target = _target(entry, place)
        if target is None:
            if not entry.is_folder and not _is_junk(entry.name):
                left_out += 1
                examples += [entry.name] if len(examples) < 3 else []
            continue
        if target in targets:
            raise _refusal(path, f"holds {target} twice, the second time as {entry.name!r}")
        targets.add(target)
        schemes.add(entry.encryption)
        size += entry.size
        room += -(-entry.size // _BLOCK) * _BLOCK
        if entry.encryption and entry.size and (probe is None or entry.compressed < probe.compressed):
            probe = entry
    if packed > directory.archive_bytes:
        raise _refusal(path, "has entries that share their data, as bombs do")
    if size > limits.total or size > max(limits.ratio * directory.archive_bytes, limits.entry):
        raise _refusal(path, f"would unpack to {amount(size)} from {amount(directory.archive_bytes)}, as bombs do")
    encryption = " and ".join(sorted(filter(None, schemes))) or None
    return Plan(directory, place, len(targets), size, room, encryption, probe, left_out, tuple(examples))


def prove(plan: Plan, password: bytes | None) -> None:
    """Try ``password`` on one entry, so that a wrong one is told before anything is unpacked. Raises DataError."""
    if plan.probe is not None:
        with plan.path.open("rb") as stream:
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
        resumed = begin(plan, staging)
        for folder in {PurePosixPath(target).parent for _, target in plan.entries()}:
            (staging / folder).mkdir(parents=True, exist_ok=True)
    kept = 0
    batches = (_Batch(plan.path, staging, tuple(some), resumed, password) for some in _batches(plan.entries()))
    one = 1 if plan.files <= _FEW else workers
    with files.writable(staging), progress.bar(what, total=plan.files, unit="files") as bar:
        for batch in files.parallel_map(_unpack_batch, batches, workers=one, ahead=2):
            kept += batch.kept
            bar.advance(batch.files)
    return kept


def begin(plan: Plan, staging: Path) -> bool:
    """Make ``staging`` ready for ``plan``; whether it holds a part of it already."""
    import shutil

    wanted = {**identity(plan), "files": plan.files}
    if receipt(staging) == wanted:
        for part in staging.rglob(".*.part"):
            part.unlink(missing_ok=True)
        return True
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    files.write_text(staging / RECEIPT, json.dumps(wanted) + "\n")
    return False


def identity(plan: Plan) -> dict[str, object]:
    """What tells the archive of ``plan`` from another."""
    directory = plan.directory
    return {"archive": plan.path.name, "bytes": directory.archive_bytes, "checksum": directory.checksum}


def receipt(folder: Path) -> dict[str, object] | None:
    """What ``folder`` says of the archive it comes from; None where it says nothing."""
    try:
        told = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def amount(size: int) -> str:
    """A number of bytes for people: 13.1 GB."""
    for unit, of in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= of:
            return f"{size / of:.1f} {unit}"
    return f"{size} bytes"


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
    with batch.archive.open("rb") as archive:
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
        return entry.checksum is None or zlib.crc32(path.read_bytes()) == entry.checksum
    except OSError:
        return False


def _target(entry: Entry, place: Place) -> str | None:
    return None if entry.is_folder or _is_junk(entry.name) else place(entry.name)


def _is_junk(name: str) -> bool:
    """What operating systems leave in archives: their own files, and the shadows ``._name`` of others."""
    parts = name.split("/")
    return not _JUNK.isdisjoint(parts) or parts[-1].startswith("._")


def _refuse_unsafe(path: Path, entry: Entry, limits: Limits) -> None:
    """Every entry is judged, those too that are left out: an archive with one of these is not what it should be."""
    name = entry.name
    if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/"):
        raise _refusal(path, f"has an entry that leaves the folder: {name!r}")
    if "\\" in name or any(character < " " for character in name):
        raise _refusal(path, f"has an entry with a backslash or control character in its name: {name!r}")
    if entry.is_link:
        raise _refusal(path, f"has an entry that is a symbolic link: {name!r}")
    if entry.encryption == zip_directory.UNKNOWN:
        raise _refusal(path, f"has an entry in an encryption unknown here: {name!r}; ZipCrypto and AES are known")
    if entry.size > limits.entry or entry.compressed > limits.entry:
        raise _refusal(path, f"declares {amount(max(entry.size, entry.compressed))} for the entry {name!r}")
    if entry.size > limits.entry_ratio * max(1, entry.compressed):
        raise _refusal(path, f"would unpack {entry.compressed} bytes to {entry.size}, as bombs do: {name!r}")


def _refusal(path: Path, what: str) -> TltpipeError:
    return DataError(what, where=path, hint="nothing was unpacked; get the archive from its publisher")
