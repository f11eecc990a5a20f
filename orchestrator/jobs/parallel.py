"""Jobs side by side, each in a thread that waits for its program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(
    items: Sequence[Item], work: Callable[[Item, int], Result], *, jobs: int, stop: Callable[[], object]
) -> list[Result]:
    """``work`` on all ``items``, so many ``jobs`` at a time; it is told which of the places, from 0, is its own.

    When one fails, or on Ctrl-C, ``stop`` is to end what runs; nothing more is begun, and the first failure is raised.
    """
    places: SimpleQueue[int] = SimpleQueue()
    for place in range(jobs):
        places.put(place)

    def one(item: Item) -> Result:
        place = places.get()
        try:
            return work(item, place)
        finally:
            places.put(place)

    with ThreadPoolExecutor(jobs) as pool:
        begun = [pool.submit(one, item) for item in items]
        try:
            done, _ = wait(begun, return_when=FIRST_EXCEPTION)
        except KeyboardInterrupt:
            _end(pool, stop)
            raise
        failed = next((each for each in begun if each in done and each.exception()), None)
        if failed is not None:
            _end(pool, stop)
    return [each.result() for each in ([failed] if failed is not None else begun)]


def _end(pool: ThreadPoolExecutor, stop: Callable[[], object]) -> None:
    pool.shutdown(wait=False, cancel_futures=True)
    stop()
