"""An executor for tests: two processes that last, so that large modules are imported once in each."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import Any

from tltpipe.errors import RunFailed


def open(rest: str) -> Pair:
    """With ``rest`` the run ends as by an accident after so many results."""
    return Pair(int(rest or 0))


class Pair:
    def __init__(self, most: int) -> None:
        self.most = most

    def workers(self) -> int:
        return 2

    def preload(self, *modules: str) -> None:
        """Nothing."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any], **_options: Any) -> Iterator[Any]:
        futures = [_pool().submit(function, item) for item in items]
        for number, future in enumerate(futures):
            if number == self.most > 0:
                for each in futures:
                    each.cancel()
                raise RunFailed("a worker was lost")
            yield future.result()


@cache
def _pool() -> ProcessPoolExecutor:
    pool = ProcessPoolExecutor(2, get_context("spawn"))
    atexit.register(pool.shutdown)
    return pool
