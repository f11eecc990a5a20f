"""Batches from worker processes: in order, from any step, by shared memory or pipe, without growing."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refusals import error_of

from runtime.data import loading
from runtime.data.loading import Loader, Memory
from tltpipe.errors import DataError, RunFailed


@dataclass(frozen=True)
class Squares:
    """The array of an item is filled with it, and its square goes by pipe."""

    size: int = 100_000
    bad: int = -1
    odd: int = -1
    deadly: int = -1
    slow: float = 0.0

    def room(self, item: int) -> int:
        return self.size - item

    def make(self, item: int, memory: Memory) -> int:
        time.sleep(self.slow)
        if item == self.bad:
            raise DataError("bad", where=Path("here.jpg"), hint="mend it")
        if item == self.odd:
            raise KeyError("nobody thought of it")
        if item == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        memory[:] = item
        return item**2

    def whole(self, item: int, memory: Memory, rest: int) -> tuple[int, Memory, int]:
        return item, memory, rest


def taken(work: Squares, items: Iterable[int], workers: int) -> list[tuple[int, Memory, int]]:
    with closing(Loader(work, items, workers=workers)) as loader:
        return list(loader)


def require_right(made: list[tuple[int, Memory, int]], items: Iterable[int]) -> None:
    assert [item for item, _, _ in made] == list(items)
    for item, memory, rest in made:
        assert rest == item**2
        assert memory.shape == (100_000 - item,)
        assert (memory == item).all()
        memory[0] = 7  # whoever has it may write to it


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order(workers: int) -> None:
    # All are kept, more than there are pieces of shared memory: the rest comes by pipe.
    require_right(taken(Squares(), range(40), workers), range(40))
    assert not multiprocessing.active_children()


def test_without_shared_memory_everything_comes_by_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no memory")

    monkeypatch.setattr(loading.mmap, "mmap", refuse)
    require_right(taken(Squares(), range(12), 2), range(12))


def test_memory_is_used_again_only_when_nothing_refers_to_it() -> None:
    with closing(Loader(Squares(), range(200), workers=2)) as loader:
        kept = [next(loader)[1][5:9] for _ in range(3)]  # a part is enough to hold all of it
        for item, memory, _ in loader:
            assert (memory == item).all()
        assert [part.tolist() for part in kept] == [[item] * 4 for item in range(3)]
        assert loader._pool is not None
        del memory
        gc.collect()
        assert len(loader._pool.free) == 2 * loading.AHEAD + loading.SPARE - 3


def test_pieces_of_shared_memory_do_not_run_out() -> None:
    with closing(Loader(Squares(), range(250), workers=2)) as loader:
        addresses = {next(loader)[1].ctypes.data for _ in range(250)}
    assert len(addresses) <= 2 * loading.AHEAD + loading.SPARE


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_comes_where_its_turn_is(workers: int) -> None:
    loader = Loader(Squares(bad=5), range(10), workers=workers)
    assert [next(loader)[0] for _ in range(5)] == list(range(5))
    error = error_of(DataError, next, loader, match="bad")
    assert (error.where, error.hint) == (Path("here.jpg"), "mend it")
    assert not multiprocessing.active_children()


def test_what_nobody_thought_of_is_shown_whole() -> None:
    error = error_of(RuntimeError, lambda: taken(Squares(odd=2), range(5), 2), match="nobody thought of it")
    assert "in make" in str(error)


def test_a_killed_worker_is_told() -> None:
    error = error_of(RunFailed, lambda: taken(Squares(deadly=7), range(20), 2), match="was killed")
    assert "memory ran out" in (error.hint or "")
    assert not multiprocessing.active_children()


def test_closing_in_the_middle_ends_the_workers() -> None:
    loader = Loader(Squares(slow=0.05), range(1000), workers=3)
    next(loader)
    began = time.monotonic()
    loader.close()
    assert time.monotonic() - began < 2
    assert not multiprocessing.active_children()
    with pytest.raises(StopIteration):
        next(loader)


def test_waiting_is_counted() -> None:
    with closing(Loader(Squares(slow=0.02), range(8), workers=1)) as loader:
        list(loader)
        assert loader.waited > 0.1
    with closing(Loader(Squares(), range(6), workers=2)) as loader:
        next(loader)
        started = loader.waited
        for _ in range(4):
            time.sleep(0.05)
            next(loader)
        assert loader.waited - started < 0.1


def test_workers_go_when_their_trainer_is_killed(tmp_path: Path) -> None:
    program = f"""
import sys, time
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1] / "helpers")]!r}
import multiprocessing, test_loading
from runtime.data.loading import Loader
loader = Loader(test_loading.Squares(), range(10**6), workers=3)
next(loader)
print(*[child.pid for child in multiprocessing.active_children()], flush=True)
time.sleep(60)
"""
    root = Path(loading.__file__).parents[2]
    trainer = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=root)
    workers = [int(word) for word in trainer.stdout.readline().split()]
    assert len(workers) == 3
    trainer.kill()
    trainer.wait()
    trainer.stdout.close()
    deadline = time.monotonic() + 10
    while any(alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(worker) for worker in workers)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_memory_stays_flat() -> None:
    def resident() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    with closing(Loader(Squares(), (number % 50 for number in range(6000)), workers=2)) as loader:
        for _ in range(1500):
            next(loader)
        gc.collect()
        before = resident()
        for _ in range(4000):
            next(loader)
        gc.collect()
        assert resident() - before < 4 << 20


def test_numpy_alone_is_enough() -> None:
    """Worker processes and those who load without a trainer do not wait for torch."""
    code = (
        "import sys, runtime.data.batches, runtime.imaging.views.ssd_chain, runtime.imaging.views.dali; "
        "assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(loading.__file__).parents[2]).returncode == 0


def test_arrays_are_the_results_own() -> None:
    (one, other) = taken(Squares(), range(2), 0)
    one[1][:] = 9
    assert not np.shares_memory(one[1], other[1])
    assert (other[1] == 1).all()
