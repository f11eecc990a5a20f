"""Public data sets, from the publisher's archives to folders: downloaded or taken from disk, unpacked, verified.

    fetched = fetch("deepfashion2", Path("Original-Data"), password=ask)

A folder appears when it is whole. Ended at any instant and called again, it goes on: downloads where they broke off,
unpacking with the first file that is missing or damaged. A data set is one file in ``datasets/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from converters.fetch import archive as archives
from converters.fetch import download as downloads
from converters.fetch import unpacking
from converters.fetch.archive import Limits, Plan
from converters.fetch.datasets import Archive, Fetchable
from converters.fetch.download import DRIVE, Free, free_bytes
from converters.model.findings import Finding, Findings
from tltpipe import locks, registry
from tltpipe.errors import DataError, HostError, UsageError
from tltpipe.progress import Progress, Silent, amount

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
    dataset = cast(Fetchable, registry.load("converters.fetch.datasets", name))
    errand = _Errand(dataset, out, source, progress or Silent(), say, workers)
    chosen = errand.choose(splits)
    taken = HostError("another fetch is at work in this folder", where=out, hint="wait for its end")
    with locks.held(out / ".fetch.lock", taken):
        findings = Findings()
        for part in chosen:
            unpacking.settle(errand.staging(part))
        there = {part: split for part in chosen if (split := errand.present(part, findings))}
        missing = [part for part in chosen if part not in there]
        bring = partial(downloads.download, progress=errand.progress, base=base, retries=retries, free=free)
        plans = {part: errand.judge(part, errand.acquire(part, bring), limits) for part in missing}
        errand.check_room(plans, free)
        secret = password().encode() if any(plan.encryption for plan in plans.values()) else None
        for plan in plans.values():
            unpacking.prove(plan, secret)
        there |= {part: errand.unpack(part, plan, secret, findings) for part, plan in plans.items()}
        return Fetched(name, out, tuple(there[part] for part in chosen), findings.all())


@dataclass(frozen=True)
class _Errand:
    """The steps of a fetch, and what all of them need to know."""

    dataset: Fetchable
    out: Path
    source: Path | None
    progress: Progress
    say: Callable[[str], None]
    workers: int | None

    def choose(self, splits: Sequence[str]) -> list[Archive]:
        """The archives that are asked for, in the data set's order."""
        known, source = self.dataset.ARCHIVES, self.source
        names = ", ".join(part.file_name for part in known)
        for split in splits:
            if split not in (splits_known := [part.split for part in known]):
                raise UsageError(f'there is no split called "{split}"', hint=f"known: {', '.join(splits_known)}")
        if source is not None and not source.is_dir():
            raise UsageError("there is no such folder", where=source, hint=f"--from wants the one that holds {names}")
        if splits:
            return [part for part in known if part.split in splits]
        if source is None:
            return [part for part in known if part.drive_id or (self.out / part.file_name).exists()]
        found = [part for part in known if (source / part.file_name).exists()]
        if not found:
            raise UsageError("none of the archives is here", where=source, hint=f"looked for {names}")
        return found

    def present(self, part: Archive, findings: Findings) -> Split | None:
        """The split if it lies there whole already, None if there is nothing yet; raises if it is anything between."""
        folder = self.out / part.split
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return None
        noted = Findings()
        counts = self.dataset.survey(folder, part, noted)
        total, receipt = sum(counts.values()), unpacking.receipt(folder)
        if receipt is None and counts.get("images") != part.images:
            hint = "move it away, or choose another folder: fetch replaces nothing that it has not made"
            raise UsageError("is there already, and is not the whole split", where=folder, hint=hint)
        if receipt is not None and total != receipt.get("files"):
            what = f"{total} files are here, {receipt.get('files')} were unpacked"
            raise DataError(what, where=folder, hint="remove this folder and fetch again")
        findings.merge(noted)
        return Split(part.split, folder, counts)

    def acquire(self, part: Archive, bring: Callable[[str, Path], None]) -> Path:
        """The archive on disk, downloaded by ``bring`` where it must be."""
        path = (self.source or self.out) / part.file_name
        if path.exists():
            return path
        if self.source is not None:
            raise UsageError("there is no such archive", where=path, hint=self.dataset.ACCESS)
        if part.drive_id is None:
            hint = f"--from FOLDER takes {part.file_name} from where you have it; {self.dataset.ACCESS}"
            raise UsageError(f"{part.split} cannot be downloaded", hint=hint)
        self.say(f"downloading {part.file_name}")
        bring(part.drive_id, path)
        return path

    def judge(self, part: Archive, path: Path, limits: Limits | None) -> Plan:
        plan = archives.judge(path, partial(self.dataset.place, split=part.split), limits=limits)
        if not plan.files:
            seen = f"; it holds {', '.join(plan.examples)}" if plan.examples else ""
            raise DataError(f"holds nothing of {part.split}{seen}", where=path, hint="is this the right archive?")
        self.say(f"{path.name}: {plan.files} files, {amount(plan.bytes)}, {plan.encryption or 'not encrypted'}")
        return plan

    def check_room(self, plans: Mapping[Archive, Plan], free: Free) -> None:
        """Refuse before anything is unpacked what the disk cannot take. Raises HostError."""
        if not plans:
            return
        needed = sum(plan.room - unpacking.taken(self.staging(part)) for part, plan in plans.items())
        if needed > (room := free(self.out)):
            hint = f"make room for {amount(needed - room)} more, or choose a folder on another disk"
            raise HostError(
                f"unpacked it takes {amount(needed)}, and {amount(room)} are free", where=self.out, hint=hint
            )

    def unpack(self, part: Archive, plan: Plan, secret: bytes | None, findings: Findings) -> Split:
        staging, folder = self.staging(part), self.out / part.split
        what = f"unpack {part.split}"
        kept = unpacking.unpack(plan, staging, secret, progress=self.progress, what=what, workers=self.workers)
        counts = self.dataset.survey(staging, part, findings)
        if (total := sum(counts.values())) != plan.files:
            hint = "something else wrote there or removed files: run the command again"
            raise DataError(f"{total} files are here, the archive has {plan.files}", where=staging, hint=hint)
        unpacking.finish(plan, staging, folder)
        return Split(part.split, folder, counts, plan.path, plan.encryption, plan.files - kept, kept, plan.left_out)

    def staging(self, part: Archive) -> Path:
        return self.out / f".{part.split}.partial"
