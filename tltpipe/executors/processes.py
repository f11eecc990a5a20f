"""Worker processes on this machine, and the server that they are forked from."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from tltpipe.errors import RunFailed, UsageError
from tltpipe.executors import Executor, module_name
from tltpipe.interpreters import installed_only
from tltpipe.machine import worker_count

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.connection import Connection

Item = TypeVar("Item")
Result = TypeVar("Result")


def open(rest: str) -> Executor:
    """The processes of this machine; ``rest`` is empty: how many there are is the ``workers`` of a call."""
    if rest:
        raise UsageError(f'the executor "processes" has no settings ("{rest}")', hint="use --workers N")
    return Processes()


class Processes:
    """With one worker, all runs in this process. Ctrl-C is for this process alone: it stops handing out items and ends
    when the few under way are done."""

    def workers(self) -> int:
        return worker_count()

    def preload(self, *modules: str) -> None:
        from multiprocessing import forkserver, resource_tracker

        if forkserver._forkserver._forkserver_pid is None:  # type: ignore[attr-defined]
            forkserver.set_forkserver_preload(list(modules))
        with installed_only():
            resource_tracker.ensure_running()  # or the fork server would start it, which lifts the mask
        with _starting_processes():
            forkserver.ensure_running()

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None, ahead: int,
        gpu: bool = False, reads: Iterable[Path] = (),  # noqa: ARG002
    ) -> Iterator[Result]:  # fmt: skip
        workers = workers or worker_count()
        if workers == 1:
            yield from map(function, items)
            return
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import get_context

        self.preload(module_name(function))
        with ProcessPoolExecutor(workers, get_context("forkserver"), initializer=_end_with_parent) as pool:
            pending: deque[Future[Result]] = deque()
            try:
                for item in items:
                    with _starting_processes():  # this is where workers start
                        pending.append(pool.submit(function, item))
                    if len(pending) >= workers * ahead:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            except BrokenProcessPool:
                hint = "most likely memory ran out: run the same command with fewer workers"
                raise RunFailed("a worker process was killed", hint=hint) from None
            finally:
                for future in pending:
                    future.cancel()


def started() -> bool:
    """Whether the server that processes are forked from runs already."""
    server = sys.modules.get("multiprocessing.forkserver")
    return server is not None and server._forkserver._forkserver_pid is not None


def begin(function: Callable[[Item], Result], item: Item) -> Callable[[], Result]:
    """Let another process, which ends with this one, work out ``function(item)``; what is returned waits for it. Where
    that process fails, the call is made here after all, and raises what it raises."""
    from multiprocessing import get_context

    context = get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    with _starting_processes():
        context.Process(target=_send, args=(sender, function, item), daemon=True).start()
    sender.close()

    def result() -> Result:
        with receiver:
            try:
                answer: Result = receiver.recv()
            except EOFError:
                return function(item)
        return answer

    return result


def _send(sender: Connection, function: Callable[[Item], Result], item: Item) -> None:
    _end_with_parent()
    with suppress(Exception):
        sender.send(function(item))


def _end_with_parent() -> None:
    """Let this worker end when its parent does: killed, that could not say so, and the worker would wait for ever."""
    from multiprocessing import parent_process
    from threading import Thread

    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, name="end with parent", daemon=True).start()


@contextmanager
def _starting_processes() -> Iterator[None]:
    """Around everything that may start a process: it never sees a Ctrl-C, and does not run the caller's program again.

    A terminal sends Ctrl-C to every process; a worker that dies of it with the queue's lock hangs the pool for good.
    And a worker would run the main module once more to find functions in it, of which none is handed to it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with installed_only():
            yield
    finally:
        sys.modules["__main__"] = main
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
