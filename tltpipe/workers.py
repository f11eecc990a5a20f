"""The one fan-out: an ordered, bounded parallel map over whatever executor is chosen (``tltpipe.executors``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from tltpipe import executors
from tltpipe.errors import UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")

ALONE = 2048
"""Small files that one process reads in the time that others take to start."""


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int | None = None,
    ahead: int = 8,
    resumable: bool = False,
    gpu: bool = False,
    reads: Iterable[Path] = (),
) -> Iterator[Result]:
    """``map(function, items)`` by workers: results in order, at most ``workers * ahead`` items under way.

    ``workers`` None are all that the executor has. ``items`` may be endless; memory does not grow with it. An exception
    of ``function`` is raised here when its turn comes, and the rest is cancelled; so it is on Ctrl-C.
    ``resumable`` says that ``function`` writes its results into a journal: then an executor that does only a part of
    the items yields the results of those (``executors.divided``). Others raise UsageError for it.
    ``gpu``: each item takes a GPU, where the executor has any to give. ``reads``: files and folders that workers need;
    a machine that does not see them as this one does ends the work before its first item (HostError).
    """
    executor = executors.chosen()
    if isinstance(executor, executors.Partial) and not resumable:
        what = "this work has no journal in which the parts of several runs could meet"
        raise UsageError(what, hint=f"unset {executors.VARIABLE}, or choose another executor")
    return executor.map(function, items, workers=workers, ahead=ahead, gpu=gpu, reads=reads)


def start_workers(function: Callable[..., Any], *modules: str) -> None:
    """Let workers on this machine start already, with what ``function`` needs, and ``modules``."""
    preload(executors.module_name(function), *modules)


def preload(*modules: str) -> None:
    """Let workers on this machine start and import ``modules`` while this process does its own."""
    executors.chosen().preload(*modules)


def preload_for(root: Path | str, *modules: str, workers: int | None = None) -> None:
    """As ``preload``, where so many files lie below the folder ``root`` that ``workers`` will be needed to read them;
    None are all that the executor has."""
    if not executors.far() and (workers or executors.chosen().workers()) > 1 and _holds_many(str(root)):
        preload(*modules)


def _holds_many(root: str) -> bool:
    """Whether there are more than 2 * ALONE entries in ``root`` and in the folders of three levels below it."""
    seen, folders = 0, [root]
    for _ in range(4):
        inner: list[str] = []
        for folder in folders:
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    seen += 1
                    if seen > 2 * ALONE:
                        return True
                    if entry.is_dir():
                        inner.append(entry.path)
        folders = inner
    return False
