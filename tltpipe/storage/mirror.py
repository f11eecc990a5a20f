"""The mirror of a remote data set: its files in a folder of the cache, filled once a machine, resumed after a kill.

A file there has the time that stands for the version of its object, so that size and time tell whether it is still
the same, on every machine alike and without a list of our own. What the remote has no more goes from the mirror.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import IO
from uuid import uuid4

from tltpipe import files, locks
from tltpipe.errors import DataError, HostError
from tltpipe.progress import Progress, Silent, amount
from tltpipe.storage import manifest, urls
from tltpipe.storage.remote import TORN, Object, Remote, explained, in_threads, opened

STATE = "mirror.json"
PATIENCE = 12 * 3600.0
"""Seconds to wait for another process that fills the mirror."""
_EARLIEST, _SPAN = 946_684_800, 500_000_000
"""Versions are marked as seconds of the years 2000 to 2015."""


@dataclass(frozen=True)
class Seen:
    """What lay at ``url`` when its mirror was filled; ``snapshot`` changes with names, sizes and versions."""

    url: str
    snapshot: str
    files: int
    bytes: int


@dataclass
class _Survey:
    """What was listed, and of it what is missing here, as lines in ``missing``."""

    missing: IO[str]
    files: int = 0
    bytes: int = 0
    digest: int = 0
    missing_files: int = 0
    missing_bytes: int = 0
    folders: set[str] = field(default_factory=lambda: {""})

    def count(self, folder: str, each: Object, *, here: bool) -> None:
        told = json.dumps([folder, *each])
        self.digest ^= int.from_bytes(hashlib.sha256(told.encode()).digest())
        self.files, self.bytes = self.files + 1, self.bytes + each.size
        if not here:
            self.missing_files, self.missing_bytes = self.missing_files + 1, self.missing_bytes + each.size
            self.missing.write(f"{told}\n")

    def wanted(self) -> Iterator[tuple[str, Object]]:
        self.missing.seek(0)
        for line in self.missing:
            folder, *rest = json.loads(line)
            yield folder, Object(*rest)


def home(url: str, cache: Path) -> Path:
    """The folder of ``cache`` for all that belongs to ``url``."""
    return cache / hashlib.sha256(url.encode()).hexdigest()[:12]


def place(url: str, cache: Path) -> Path:
    """Where the mirror of ``url`` is, or will be: it has the name of the last part of ``url``."""
    return home(url, cache) / "data" / urls.name(url)


def seen(url: str, cache: Path) -> Seen | None:
    """What the mirror of ``url`` holds; None where it is not whole."""
    state = files.read_json(home(url, cache) / STATE)
    try:
        return Seen(**state)
    except TypeError:
        return None


def fill(url: str, cache: Path, progress: Progress | None = None) -> Seen:
    """Make the mirror of ``url`` in ``cache`` what lies there now.

    Raises DataError for nothing there, for a torn or missing object; HostError without access, network, driver, room.
    """
    progress = progress or Silent()
    own, remote = home(url, cache), opened(url)
    lock, taken = own / "lock", HostError("another process fills this copy of a data set", where=own)
    if locks.taken(lock):
        progress.note(f"waiting for the process that holds {lock}")
    with locks.held(lock, taken, patience=PATIENCE):
        arriving = own / "arriving"
        files.remove(arriving)
        with files.writable(own):
            arriving.mkdir(parents=True, mode=0o700)
        try:
            return _fill(remote, place(url, cache), arriving, own / STATE, progress)
        finally:
            files.remove(arriving)


def _fill(remote: Remote, target: Path, arriving: Path, state: Path, progress: Progress) -> Seen:
    listed = arriving / "manifest"
    published = manifest.at(remote).download(listed)
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=arriving) as missing:
        survey = _Survey(missing)
        if published:
            summary = manifest.read(listed, remote.url)
            source = remote.below(summary.version)
            _compare(manifest.by_folder(manifest.objects(listed, remote.url)), target, state, survey)
        elif remote.is_file():
            source = Remote(remote.url.rpartition("/")[0], remote.filesystem, remote.path.rpartition("/")[0])
            target, only = target.parent, remote.as_object()
            _make(target)
            survey.count("", only, here=_same(target / only.name, only))
        else:
            source = remote
            _compare(remote.folders(), target, state, survey)
        if not survey.files:
            raise DataError("there is nothing here", where=remote.url, hint="check the names of bucket and prefix")
        if survey.missing_files:
            state.unlink(missing_ok=True)
            _require_room(survey.missing_bytes, target, remote.url)
            _fetch_all(source, target, arriving, survey, progress)
    found = Seen(remote.url, f"{survey.digest:064x}", survey.files, survey.bytes)
    files.write_text(state, f"{json.dumps(asdict(found))}\n")
    return found


def _compare(folders: Iterable[tuple[str, list[Object]]], target: Path, state: Path, survey: _Survey) -> None:
    """Hold what is listed against what is here; files and folders that are not listed are removed."""
    _make(target)
    for folder, objects in folders:
        parts = folder.split("/")
        survey.folders.update("/".join(parts[:end]) for end in range(1, len(parts) + 1))
        here = target / folder
        _remove_strays(here, {each.name for each in objects}, state)
        for each in objects:
            survey.count(folder, each, here=_same(here / each.name, each))
    for path, inner, _ in os.walk(target):
        for name in list(inner):
            if os.path.relpath(f"{path}/{name}", target) not in survey.folders:
                state.unlink(missing_ok=True)
                files.remove(Path(path, name))
                inner.remove(name)


def _make(folder: Path) -> None:
    with files.writable(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _remove_strays(folder: Path, listed: set[str], state: Path) -> None:
    """Remove from ``folder`` what is no file of those ``listed``, but for its folders."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        folder.unlink()
    if not folder.exists():
        return
    with os.scandir(folder) as entries:
        strays = [entry for entry in entries if (entry.name in listed) != (not entry.is_dir(follow_symlinks=False))]
    for entry in strays:
        state.unlink(missing_ok=True)
        files.remove(Path(entry.path))


def _same(path: Path, each: Object) -> bool:
    try:
        state = path.lstat()
    except OSError:
        return False
    return (state.st_size, int(state.st_mtime)) == (each.size, _mark(each)) and path.is_file() and not path.is_symlink()


def _mark(each: Object) -> int:
    """The modification time, in seconds, of a file with this version of an object."""
    digest = hashlib.blake2b(each.version.encode(), digest_size=8).digest()
    return _EARLIEST + int.from_bytes(digest) % _SPAN


def _fetch_all(source: Remote, target: Path, arriving: Path, survey: _Survey, progress: Progress) -> None:
    fetch = partial(_fetch, source, target, arriving)
    what, total = f"copy of {urls.name(source.url)}", survey.missing_files
    done = 0
    with progress.bar(what, total=total, unit="objects") as bar:
        for size in in_threads(fetch, survey.wanted()):
            done += size
            bar.advance(note=f"{amount(done)} of {amount(survey.missing_bytes)}")
    for folder in survey.folders:  # clocks of two machines tell nothing of the data
        if (target / folder).is_dir():
            os.utime(target / folder, (_EARLIEST, _EARLIEST))


def _fetch(source: Remote, target: Path, arriving: Path, item: tuple[str, Object]) -> int:
    """Bring one object, whole and as listed, to its place; return its size."""
    folder, each = item
    remote, here = source.below(folder).below(each.name), arriving / uuid4().hex
    try:
        if not remote.download(here):
            raise DataError("this object is missing, though it is listed", where=remote.url, hint=TORN)
        size = here.stat().st_size
        if size != each.size:
            raise DataError(f"this object is torn: {size} of {each.size} bytes", where=remote.url, hint=TORN)
        if each.sha256 is not None and files.sha256(here) != each.sha256:
            raise DataError("this object is torn: its content is not what was listed", where=remote.url, hint=TORN)
        os.utime(here, (_mark(each), _mark(each)))
        _make(target / folder)
        with explained(remote.url):
            os.replace(here, target / folder / each.name)
    finally:
        here.unlink(missing_ok=True)
    return size


def _require_room(size: int, folder: Path, url: str) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        what = f"the cache has no room for it: {amount(size)} are missing there, {amount(free)} are free in {folder}"
        raise HostError(what, where=url, hint="TLTPIPE_CACHE or data.cache names a folder on another disk")
