"""Public data sets, from the publisher's archives to folders: downloaded or taken from disk, unpacked, verified.

    fetched = fetch("deepfashion2", Path("Original-Data"), password=ask)

A folder appears when it is whole. Ended at any instant and called again, it goes on: downloads where they broke off,
unpacking with the first file that is missing or damaged. A data set is one file in ``datasets/``.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from converters.fetch import archive as archives
from converters.fetch import download
from converters.fetch.archive import Limits, Plan, amount
from converters.fetch.datasets import Archive, Fetchable
from converters.fetch.download import DRIVE, Free, free_bytes
from converters.findings import Finding, Findings
from tltpipe import files, registry
from tltpipe.errors import DataError, HostError, UsageError
from tltpipe.progress import Progress, Silent

Ask = Callable[[], str]


@dataclass(frozen=True)
class Split:
    """One split as it lies there now. ``archive`` is None where there was nothing to do.

    ``encryption`` names the archive's schemes, ``unpacked`` and ``kept`` count files (kept: from an earlier try),
    ``left_out`` those of the archive that are no part of the split.
    """

    name: str
    folder: Path
    counts: dict[str, int]
    archive: Path | None = None
    encryption: str | None = None
    unpacked: int = 0
    kept: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Fetched:
    """What is there now, and what is odd about it."""

    name: str
    folder: Path
    splits: tuple[Split, ...]
    findings: tuple[Finding, ...]

    @property
    def did_nothing(self) -> bool:
        return all(split.archive is None for split in self.splits)


def fetch(
    name: str,
    out: Path,
    *,
    password: Ask,
    source: Path | None = None,
    splits: Sequence[str] = (),
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _text: None,
    limits: Limits | None = None,
    workers: int | None = None,
    retries: int = 5,
    base: str = DRIVE,
    free: Free = free_bytes,
) -> Fetched:
    """Bring the data set ``name`` to ``out/<split>``; what is there and whole stays as it is.

    Archives come from the folder ``source``, else from ``out`` when they lie there, else from ``base`` (Google Drive).
    ``splits`` are all by default: those to be downloaded, or those whose archive is in ``source``. ``password`` is
    called at most once, and only if an archive is encrypted. ``say`` gets a line for each step.

    Raises UsageError (no such data set or split, a folder in the way), HostError (network, disk, a missing package),
    DataError (an archive that is damaged, hostile, or does not open with the password).
    """
    progress = progress or Silent()
    dataset = cast(Fetchable, registry.load("converters.fetch.datasets", name))
    chosen = _choose(dataset, splits, source, out)
    with _alone(out):
        findings = Findings()
        there = {part.split: split for part in chosen if (split := _is_there(dataset, part, out, findings))}
        missing = [part for part in chosen if part.split not in there]
        paths = [_acquire(part, source, out, dataset, progress, say, retries, base, free) for part in missing]
        plans = [_judge(part, path, dataset, limits) for part, path in zip(missing, paths, strict=True)]
        _check_room(plans, missing, out, free)
        secret = _secret(plans, password, say)
        for part, plan in zip(missing, plans, strict=True):
            archives.prove(plan, secret)
            there[part.split] = _unpack(part, plan, out, dataset, findings, secret, progress, workers)
        return Fetched(name, out, tuple(there[part.split] for part in chosen), findings.all())


def _choose(dataset: Fetchable, splits: Sequence[str], source: Path | None, out: Path) -> list[Archive]:
    """The archives that are asked for, in the data set's order."""
    known = {part.split: part for part in dataset.ARCHIVES}
    for split in splits:
        if split not in known:
            raise UsageError(f'there is no split called "{split}"', hint=f"known: {', '.join(known)}")
    if source is not None and not source.is_dir():
        raise UsageError("there is no such folder", where=source, hint=f"--from wants the folder with the archives: {_names(dataset)}")
    if splits:
        return [part for part in dataset.ARCHIVES if part.split in splits]
    if source is None:
        return [part for part in dataset.ARCHIVES if part.drive_id or (out / part.file_name).exists()]
    found = [part for part in dataset.ARCHIVES if (source / part.file_name).exists()]
    if not found:
        raise UsageError("none of the archives is here", where=source, hint=f"looked for {_names(dataset)}")
    return found


def _is_there(dataset: Fetchable, part: Archive, out: Path, findings: Findings) -> Split | None:
    """The split if it lies there whole already; None if there is nothing yet."""
    folder = out / part.split
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    noted = Findings()
    counts = dataset.survey(folder, part, noted)
    receipt = archives.receipt(folder)
    whole = sum(counts.values()) == receipt.get("files") if receipt else counts.get("images") == part.images
    if not whole and receipt:
        what = f"{sum(counts.values())} files are here; {receipt.get('files')} were unpacked"
        raise DataError(what, where=folder, hint="remove this folder and fetch again")
    if not whole:
        hint = "move it away, or choose another folder: fetch replaces nothing that it has not made"
        raise UsageError("is there already, and is not the whole split", where=folder, hint=hint)
    findings.merge(noted)
    return Split(part.split, folder, counts)


def _acquire(
    part: Archive,
    source: Path | None,
    out: Path,
    dataset: Fetchable,
    progress: Progress,
    say: Callable[[str], None],
    retries: int,
    base: str,
    free: Free,
) -> Path:
    path = (source or out) / part.file_name
    if path.exists():
        return path
    if source is not None:
        raise UsageError("there is no such archive", where=path, hint=dataset.ACCESS)
    if part.drive_id is None:
        hint = f"--from FOLDER takes {part.file_name} from where you have it; {dataset.ACCESS}"
        raise UsageError(f"{part.split} cannot be downloaded", hint=hint)
    say(f"downloading {part.file_name}")
    download.download(part.drive_id, path, progress=progress, base=base, retries=retries, free=free)
    return path


def _judge(part: Archive, path: Path, dataset: Fetchable, limits: Limits | None) -> Plan:
    plan = archives.judge(path, partial(_Placed, dataset.place, part.split)(), limits=limits)
    if not plan.files:
        seen = f"; it holds {', '.join(plan.examples)}" if plan.examples else ""
        raise DataError(f"holds nothing of the split {part.split}{seen}", where=path, hint="is this the right archive?")
    return plan


@dataclass(frozen=True)
class _Placed:
    """``place`` for one split; a plain function with a name would do, were it not for worker processes."""

    function: Callable[[str, str], str | None]
    split: str

    def __call__(self, name: str) -> str | None:
        return self.function(name, self.split)


def _check_room(plans: Sequence[Plan], parts: Sequence[Archive], out: Path, free: Free) -> None:
    """Refuse before anything is unpacked what the disk cannot take. Raises HostError."""
    if not plans:
        return
    begun = sum(_size(_staging(out, part)) for part in parts)
    needed, room = sum(plan.room for plan in plans) - begun, free(out)
    if needed > room:
        hint = f"make room for {amount(needed - room)} more, or choose a folder on another disk"
        raise HostError(f"unpacked it takes {amount(needed)}, and {amount(room)} are free", where=out, hint=hint)


def _secret(plans: Sequence[Plan], password: Ask, say: Callable[[str], None]) -> bytes | None:
    """The password, asked for once if any archive wants one."""
    for plan in plans:
        say(f"{plan.path.name}: {plan.files} files, {amount(plan.bytes)}, {plan.encryption or 'not encrypted'}")
    return password().encode() if any(plan.encryption for plan in plans) else None


def _unpack(
    part: Archive,
    plan: Plan,
    out: Path,
    dataset: Fetchable,
    findings: Findings,
    secret: bytes | None,
    progress: Progress,
    workers: int | None,
) -> Split:
    staging, folder = _staging(out, part), out / part.split
    kept = archives.unpack(plan, staging, secret, progress=progress, what=f"unpack {part.split}", workers=workers)
    counts = dataset.survey(staging, part, findings)
    if sum(counts.values()) != plan.files:
        what = f"{sum(counts.values())} files are here; the archive has {plan.files}"
        raise DataError(what, where=staging, hint="something else wrote or removed files there: run the command again")
    with files.writable(out):
        files.swap(staging, folder)
    return Split(part.split, folder, counts, plan.path, plan.encryption, plan.files - kept, kept, plan.left_out)


def _staging(out: Path, part: Archive) -> Path:
    return out / f".{part.split}.partial"


def _size(folder: Path) -> int:
    """Bytes that the files below ``folder`` take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _names(dataset: Fetchable) -> str:
    return ", ".join(part.file_name for part in dataset.ARCHIVES)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One fetch at a time into a folder; the kernel lets go of the lock however the process ends."""
    with files.writable(out):
        out.mkdir(parents=True, exist_ok=True)
        stream = (out / ".fetch.lock").open("a")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HostError("another fetch is at work in this folder", where=out, hint="wait for its end") from None
        yield
