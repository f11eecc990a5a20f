"""An output in an object store: the objects first, in a folder of their own, then the manifest that lists them."""

from __future__ import annotations

import filecmp
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tltpipe import files
from tltpipe.errors import DataError, HostError, UsageError
from tltpipe.progress import Progress, amount, track
from tltpipe.storage import manifest
from tltpipe.storage.manifest import Summary
from tltpipe.storage.remote import Object, Remote, in_threads, may_differ, opened


@dataclass(frozen=True)
class Published:
    """What lies at ``url`` now; ``uploaded`` objects of it were not there before, ``stale`` folders count no more."""

    url: str
    summary: Summary
    uploaded: int
    stale: tuple[str, ...]

    def lines(self) -> list[str]:
        """What to tell people."""
        told = f"{self.url}: {self.summary.files:,} objects, {amount(self.summary.bytes)}, {self.uploaded:,} uploaded"
        return [told, *(f"  {name}/ is of an earlier output and can be removed" for name in self.stale)]


def require_free(url: str, *, replace: bool = False) -> None:
    """Raises UsageError where an output lies at ``url``, or something that is not ours, unless it may be replaced; and
    as the driver does, so that a missing bucket costs a second, not an hour."""
    names = opened(url).objects()
    if not replace and any(manifest.VERSION.fullmatch(name) is None for name in names):
        raise UsageError("is there already", where=url, hint="choose another prefix, or --force to replace it")


def publish(url: str, root: Path, tops: Sequence[Path] = (), *, progress: Progress) -> Published:
    """Upload the files and folders ``tops`` of ``root`` (default: all of it) to ``url``, called as below ``root``.

    Interrupted at any instant the output that was there stays whole, and the same call goes on. Raises HostError where
    another process commits an output there meanwhile, and as the driver does.
    """
    remote = opened(url)
    with tempfile.TemporaryDirectory(prefix="tltpipe-") as folder:
        listed, old = Path(folder, "manifest"), Path(folder, "old")
        occupied = manifest.at(remote).download(old)
        entries = in_threads(partial(_described, root), _files(root, tops or [root]))
        summary = manifest.write(listed, track(progress, entries, "checksums", total=None, unit="files"))
        store = remote.below(summary.version)
        again = occupied and filecmp.cmp(old, listed, shallow=False)
        uploaded = _upload(store, root, listed, summary, progress, again=again)
        if not again:
            _commit(remote, listed, create=not occupied)
    stale = [name for name in remote.objects() if manifest.VERSION.fullmatch(name) and name != summary.version]
    return Published(url, summary, uploaded, tuple(sorted(stale)))


def _files(root: Path, tops: Iterable[Path]) -> Iterator[str]:
    """The names of all files, folder by folder. Raises HostError for a link to a folder, or a name that is no text."""
    for top in tops:
        if top.is_file():
            yield _name(root, top)
            continue
        for folder, inner, names in os.walk(top):
            inner.sort()
            for link in (Path(folder, name) for name in inner if Path(folder, name).is_symlink()):
                raise HostError(
                    "a link to a folder cannot be uploaded", where=link, hint="copy the folder in its place"
                )
            yield from (_name(root, Path(folder, name)) for name in sorted(names))


def _name(root: Path, path: Path) -> str:
    name = path.relative_to(root).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError("no object can have this name, which is not UTF-8", where=repr(str(path))) from None
    return name


def _described(root: Path, name: str) -> Object:
    checksum = files.sha256(root / name)
    return Object(name, (root / name).stat().st_size, checksum, checksum)


def _upload(store: Remote, root: Path, listed: Path, summary: Summary, progress: Progress, *, again: bool) -> int:
    """Upload what ``store`` lacks of the objects ``listed``; how many these were. Where all was uploaded ``again``, an
    object may be damaged: then those are sent, too, of which the server does not say that they are the same."""

    def stands(there: Object | None, name: str, size: int) -> bool:
        return there is not None and there.size == size and not (again and may_differ(there, root / name))

    def lacking() -> Iterator[str]:
        for folder, objects in manifest.by_folder(manifest.objects(listed, store.url)):
            there = store.below(folder).objects()
            for each in objects:
                name = f"{folder}/{each.name}".lstrip("/")
                if stands(there.get(each.name), name, each.size):
                    bar.advance()
                else:
                    yield name

    def send(name: str) -> None:
        store.below(name).upload(root / name)

    count = 0
    with progress.bar(f"upload of {amount(summary.bytes)}", total=summary.files, unit="objects") as bar:
        for _ in in_threads(send, lacking()):
            bar.advance()
            count += 1
    return count


def _commit(remote: Remote, listed: Path, *, create: bool) -> None:
    try:
        manifest.at(remote).upload(listed, create=create)
    except FileExistsError:
        what = "another process has committed an output here meanwhile"
        raise HostError(what, where=remote.url, hint="let one process at a time write there") from None
