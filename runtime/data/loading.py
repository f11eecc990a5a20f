"""Work for processes that stay: items go out in order, results come back in order, pixels by shared memory.

Each worker has a pipe of its own and takes every n-th item; a few wait at each, so that none is idle. Large arrays are
written straight into memory that all processes share; where there is none to be had, they come by pipe.
"""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import signal
import sys
import time
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import util
from multiprocessing.connection import Connection
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from tltpipe import machine
from tltpipe.errors import RunFailed, TltpipeError

AHEAD = 2
"""Items that wait at each worker, the one it works on included."""
SPARE = 3
"""Pieces of shared memory for results that are being used, beside those under way."""
MOST_MEMORY = 2 << 30
"""Bytes of shared memory; at most a quarter of what is available."""

Item = TypeVar("Item", contravariant=True)
Result = TypeVar("Result", covariant=True)
Memory = NDArray[np.uint8]


class Work(Protocol[Item, Result]):
    """What workers do; it is sent to them once."""

    def room(self, item: Item) -> int:
        """Bytes that the large array of the result of ``item`` takes."""
        ...

    def make(self, item: Item, memory: Memory) -> Any:
        """Fill ``memory``, uint8 [room]; returns the rest, which goes by pipe. Raises TltpipeError."""
        ...

    def whole(self, item: Item, memory: Memory, rest: Any) -> Result:
        """The result, around ``memory`` as it is."""
        ...


class Loader(Generic[Item, Result]):
    """Results of ``work`` on ``items``, one after the other. ``waited`` counts the seconds for which none was ready.

    ``most`` says how many bytes no result of as many samples as an item has takes more than; without, all items take
    what the first one does. With no workers everything is done here. Raises what a worker raises, where its turn
    comes, and RunFailed when a worker was killed. A result keeps its memory for as long as anything refers to it.
    """

    def __init__(
        self,
        work: Work[Item, Result],
        items: Iterable[Item],
        *,
        workers: int,
        most: Callable[[Item], int] | None = None,
    ) -> None:
        self.work, self.items = work, iter(items)
        self._most = most or work.room
        self.waited = 0.0
        self._count = workers
        self._workers: list[tuple[Any, Connection]] = []
        self._pending: deque[tuple[int, Item, int | None]] = deque()
        self._pool: _Pool | None = None
        self._sent = 0
        self._end: Callable[[], None] = lambda: None

    def __iter__(self) -> Iterator[Result]:
        return self

    def __next__(self) -> Result:
        began = time.perf_counter()
        try:
            return self._next() if self._count else self._alone()
        except BaseException:
            self.close()
            raise
        finally:
            self.waited += time.perf_counter() - began

    def close(self) -> None:
        """End the workers; nothing more comes then."""
        self.items = iter(())
        self._pending.clear()
        self._end()

    def _alone(self) -> Result:
        item = next(self.items)
        memory = np.empty(self.work.room(item), np.uint8)
        return self.work.whole(item, memory, self.work.make(item, memory))

    def _next(self) -> Result:
        self._send()
        if not self._pending:
            raise StopIteration
        place, item, slot = self._pending.popleft()
        process, pipe = self._workers[place]
        size = self.work.room(item)
        memory = np.empty(size, np.uint8) if slot is None or self._pool is None else self._pool.lent(slot, size)
        try:
            rest, error = pipe.recv()
            if error is None and slot is None:
                pipe.recv_bytes_into(memory)
        except (EOFError, OSError):
            process.join(1)
            hint = "most likely memory ran out: set n_workers or the batch size lower"
            raise RunFailed("a process that decodes pictures was killed", hint=hint) from None
        if error is not None:
            raise error
        self._send()
        return self.work.whole(item, memory, rest)

    def _send(self) -> None:
        """Give every worker something to do, and to do next."""
        while len(self._pending) < self._count * AHEAD:
            try:
                item = next(self.items)
            except StopIteration:
                return
            if self._pool is None and not self._sent:
                self._fork(self._most(item))
            slot = self._pool.take(self.work.room(item)) if self._pool else None
            place = self._sent % self._count
            with contextlib.suppress(OSError):  # whether it is still alive shows when its answer is due
                self._workers[place][1].send((item, slot))
            self._pending.append((place, item, slot))
            self._sent += 1

    def _fork(self, room: int) -> None:
        """Start the workers, with memory that they share for results of ``room`` bytes."""
        forked = sys.platform == "linux"
        context = multiprocessing.get_context("fork" if forked else "spawn")
        slots = min(self._count * AHEAD + SPARE, min(MOST_MEMORY, machine.memory_available() // 4) // max(1, room))
        if forked and slots > SPARE:
            with contextlib.suppress(OSError, ValueError):
                self._pool = _Pool(room, slots)
        memory = self._pool.memory if self._pool else None
        # At the latest when nothing refers to this loader any more, and at exit; never in a process forked later.
        self._end = util.Finalize(self, _end, (self._workers,), exitpriority=0)
        for _ in range(self._count):
            ours, theirs = context.Pipe()
            inherited = [pipe for _, pipe in self._workers] + [ours] if forked else []
            process = context.Process(  # type: ignore[attr-defined]
                target=_worker, args=(self.work, theirs, memory, room, inherited), daemon=True
            )
            process.start()
            theirs.close()
            self._workers.append((process, ours))


def _end(workers: list[tuple[Any, Connection]]) -> None:
    for _, pipe in workers:
        pipe.close()
    for process, _ in workers:
        process.kill()
    for process, _ in workers:
        process.join()
    workers.clear()


class _Pool:
    """Pieces of anonymous memory that processes forked from this one share: no /dev/shm, so no limit of a container's
    64 MB. A piece is free again when no array refers to it any more."""

    def __init__(self, room: int, slots: int) -> None:
        self.room = -(-room // mmap.PAGESIZE) * mmap.PAGESIZE
        self.memory = mmap.mmap(-1, self.room * slots)
        self.free = deque(range(slots))

    def take(self, size: int) -> int | None:
        return self.free.popleft() if self.free and size <= self.room else None

    def lent(self, slot: int, size: int) -> Memory:
        array = np.frombuffer(self.memory, np.uint8, size, slot * self.room)
        weakref.finalize(array, self.free.append, slot).atexit = False
        return array


def _worker(
    work: Work[Any, Any], pipe: Connection, memory: mmap.mmap | None, room: int, inherited: list[Connection]
) -> None:
    """The life of a worker: ends when the other end of ``pipe`` is closed, also by the death of its process."""
    for number in (signal.SIGINT, signal.SIGTERM):  # both may reach the whole group; the parent ends its workers
        signal.signal(number, signal.SIG_IGN)
    for other in inherited:
        other.close()
    stride = -(-room // mmap.PAGESIZE) * mmap.PAGESIZE
    with contextlib.suppress(EOFError, OSError):
        while True:
            item, slot = pipe.recv()
            size = work.room(item)
            if memory is None or slot is None:
                array = np.empty(size, np.uint8)
            else:
                array = np.frombuffer(memory, np.uint8, size, slot * stride)
            try:
                rest = work.make(item, array)
            except TltpipeError as error:
                pipe.send((None, error))
            except Exception:
                pipe.send((None, RuntimeError(f"a process that decodes pictures failed:\n{traceback.format_exc()}")))
            else:
                pipe.send((rest, None))
                if slot is None:
                    pipe.send_bytes(array.data)
