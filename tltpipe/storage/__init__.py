"""Data sets and outputs at URLs: read through a mirror in the cache, written by an upload that a manifest commits.

All other code works on paths. fsspec is imported when a URL is used, and not before.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tltpipe.errors import DataError, HostError, Location, TltpipeError
from tltpipe.storage.urls import checked, is_url, masked, name

__all__ = [
    "cache_folder",
    "cached",
    "checked",
    "environment",
    "fill_mirrors",
    "is_url",
    "is_whole",
    "local",
    "masked",
    "name_remote",
    "named",
    "output",
    "upload",
]

if TYPE_CHECKING:
    from tltpipe.progress import Progress

VARIABLE = "TLTPIPE_MIRRORS"
"""Environment variable: the mirrors that a process works on, JSON [[url, cache, snapshot], ...]. Each machine that a
program runs on fills its own, unless it sees that of another."""
CACHE = "TLTPIPE_CACHE"
"""Environment variable with the folder of the cache: one that all machines share, or one of each machine's own."""


def cache_folder(chosen: str | None = None, root: Path = Path()) -> Path:
    """The folder of the cache: ``chosen``, seen from ``root``, that of the environment, or one in the home folder."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = chosen or os.environ.get(CACHE) or f"{base}/tltpipe"
    return Path(os.path.abspath(root / Path(os.path.expandvars(folder)).expanduser()))


def place(url: str, cache: Path) -> Path:
    """Where the mirror of ``url`` is, or will be."""
    from tltpipe.storage import mirror

    return mirror.place(checked(url), cache)


def is_whole(url: str, cache: Path) -> bool:
    """Whether the mirror of ``url`` was filled to its end."""
    from tltpipe.storage import mirror

    return mirror.seen(checked(url), cache) is not None


def local(
    dataset: Path | str, progress: Progress | None = None, *, cache: Path | None = None, fresh: bool = True
) -> Path:
    """The folder of ``dataset``: the path itself, or the mirror of the URL, filled; as it is where not ``fresh``.

    Raises as ``mirror.fill`` does.
    """
    if not is_url(dataset):
        return Path(dataset)
    from tltpipe.storage import mirror

    url, cache = checked(str(dataset)), cache or cache_folder()
    seen = (None if fresh else mirror.seen(url, cache)) or mirror.fill(url, cache, progress)
    others = [each for each in _noted() if each[:2] != [url, str(cache)]]
    os.environ[VARIABLE] = json.dumps([*others, [url, str(cache), seen.snapshot]])
    return mirror.place(url, cache)


def environment() -> Mapping[str, str]:
    """The variable for programs that work on mirrors of this process; none where there are no mirrors."""
    return {VARIABLE: os.environ[VARIABLE]} if VARIABLE in os.environ else {}


def named(text: str) -> str:
    """``text`` with the URLs of this process's mirrors in place of their folders: what the user knows them by."""
    for url, cache, _ in _noted():
        from tltpipe.storage import mirror

        text = text.replace(str(mirror.place(url, Path(cache))), url)
    return text


def name_remote(problem: TltpipeError) -> None:
    """Let ``problem`` speak of URLs, as ``named`` does."""
    where = problem.where
    if isinstance(where, Location):
        problem.where = dataclasses.replace(where, path=named(str(where.path)))
    elif where is not None:
        problem.where = named(str(where))
    problem.what, problem.hint = named(problem.what), problem.hint and named(problem.hint)


def cached() -> list[str]:
    """The folders of this process's mirrors: other machines may have them not, or not yet."""
    return [cache for _, cache, _ in _noted()]


def fill_mirrors(variables: Mapping[str, str] = os.environ) -> None:
    """Fill the mirrors that ``variables`` name where this machine has them not; quick where it has.

    Raises DataError where the remote holds something else by now, and as ``mirror.fill`` does.
    """
    for url, cache, snapshot in _noted(variables):
        from tltpipe.storage import mirror

        seen = mirror.seen(url, Path(cache))
        if seen is None or seen.snapshot != snapshot:
            seen = mirror.fill(url, Path(cache))
        if seen.snapshot != snapshot:
            raise DataError("changed while the work was under way", where=url, hint="run the same command again")


def upload(root: Path | str, tops: Sequence[Path], url: str, progress: Progress) -> list[str]:
    """Make the files and folders ``tops`` of ``root`` the output at ``url``; returns what to tell people."""
    from tltpipe.storage import publishing

    return publishing.publish(url, Path(root), tops, progress=progress).lines()


class Output(NamedTuple):
    """The path to make an output at, and whether what is there may be replaced."""

    path: Path
    replace: bool


@contextmanager
def output(
    target: Path | str, progress: Progress, *, replace: bool = False, folder: Path | None = None, alone: bool = True
) -> Iterator[Output]:
    """Where to make ``target``; what is made for a URL is uploaded when the block ends well.

    Until then it lies in ``folder``, by default the cache. Unless ``alone`` other processes may make it, too.
    An interrupted upload is gone on with when the same is made again. Raises UsageError where something lies at the URL
    and ``replace`` is not set.
    """
    if not is_url(target):
        yield Output(Path(target), replace)
        return
    from tltpipe import files, locks
    from tltpipe.storage import mirror, publishing

    url = checked(str(target))
    publishing.require_free(url, replace=replace)
    own = mirror.home(f"output {url}", folder or cache_folder())
    taken = HostError("another process makes this output", where=url, hint="wait for its end")
    with locks.held(own / "lock", taken) if alone else nullcontext():
        made = own / "data" / name(url)
        yield Output(made, replace=True)
        for line in publishing.publish(url, made, progress=progress).lines():
            progress.note(line)
        files.remove(own)


def _noted(variables: Mapping[str, str] = os.environ) -> list[list[str]]:
    noted: list[list[str]] = json.loads(variables.get(VARIABLE, "[]"))
    return noted
