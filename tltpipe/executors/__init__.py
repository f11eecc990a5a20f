"""Where the items of ``tltpipe.workers.parallel_map`` are worked on: one module for each kind of executor.

The variable ``TLTPIPE_EXECUTOR`` names it, as ``KIND:REST`` ("ray:HOST:PORT"); without it that is ``processes``, on
this machine. A module has ``open(rest) -> Executor``, which is cheap: what is heavy or far away waits for the first
item.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from tltpipe import registry
from tltpipe.errors import Interrupted

Item = TypeVar("Item")
Result = TypeVar("Result")

VARIABLE = "TLTPIPE_EXECUTOR"
"""Environment variable with the name of the executor; absent or empty: worker processes on this machine."""

_HERE = "processes"
_named: ContextVar[str | None] = ContextVar("executor", default=None)


class Executor(Protocol):
    """Where items are worked on."""

    def workers(self) -> int:
        """How many items it can work on at once, at least 1."""
        ...

    def preload(self, *modules: str) -> None:
        """Let workers on this machine, if there are any, start already and import ``modules``."""
        ...

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None, ahead: int,
        gpu: bool = False, reads: Iterable[Path] = (),
    ) -> Iterator[Result]:  # fmt: skip
        """As ``tltpipe.workers.parallel_map``; ``function``, items and results are picklable. The current folder of
        workers is that of this process."""
        ...


@runtime_checkable
class Partial(Protocol):
    """An executor that works on some of the items and yields only their results: other runs do the others."""

    def part(self) -> Part:
        """What ends a run when its part is done."""
        ...


class Part(Interrupted):
    """One part of a piece of work is done and in its journal; the outputs appear when all parts are."""

    exit_code = 0


def chosen() -> Executor:
    """The executor of this process. Raises UsageError where there is none of that name."""
    return _opened(_name())


def far() -> bool:
    """Whether other machines may work on the items, or other runs."""
    return _name() != _HERE


def divided() -> Partial | None:
    """The executor, where it does only a part of the items: whoever writes a journal then raises its ``part``."""
    executor = chosen() if far() else None
    return executor if isinstance(executor, Partial) else None


def by_name() -> Executor | None:
    """The executor that somebody chose, None where nobody did. Raises as ``chosen`` does."""
    return chosen() if _named.get() or os.environ.get(VARIABLE) else None


@contextmanager
def using(name: str | None) -> Iterator[None]:
    """Choose the executor ``name`` in the block; None leaves the choice as it is. Raises UsageError as ``chosen``."""
    token = _named.set(name or _named.get())
    try:
        if name:
            chosen()
        yield
    finally:
        _named.reset(token)


def module_name(function: Callable[..., Any]) -> str:
    """The module that a worker needs for ``function``."""
    while isinstance(function, partial):
        function = function.func
    return function.__module__


def _name() -> str:
    return _named.get() or os.environ.get(VARIABLE) or _HERE


@cache
def _opened(name: str) -> Executor:
    kind, _, rest = name.partition(":")
    executor: Executor = registry.load(__name__, kind).open(rest)
    return executor
