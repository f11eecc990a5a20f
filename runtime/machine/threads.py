"""How many threads compute: measured, for where another program has a core the more are often much the slower.

Threads of one operation wait for each other: on two cores of which one is taken, two threads can be four times as slow
as one. How many are best cannot be known beforehand, and changes with what else runs. Different numbers of threads add
in different orders, so that results differ in their last bits: a training keeps its choice in its checkpoints.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

from tltpipe.machine import cpu_count

VARIABLE = "OMP_NUM_THREADS"
BLOCK = 3
"""Calls in a row with one number of threads, of which the first does not count: threads start or end in it."""
ROUNDS = 2
"""Blocks of each number in a trial."""
SLOWER = 1.3
"""A trial begins anew when calls take so many times as long as they did."""
BETTER = 0.95
"""Another number is chosen when its calls take at most this share of the time."""
RECENT = 8
"""Calls that tell how long one takes now."""
PATIENCE = (32, 1024)
"""Calls between two trials, at least: doubled with each that changes nothing, up to the second."""
PROBES = (64, 2048)
"""Calls after which a block of each other number is tried: the first, its powers of two, and every so many."""


class Threads:
    """The number of threads for work that is done again and again, such as the steps of a training.

    ``counts`` are the numbers to choose from, the first is taken until more is known; ``use`` puts one into effect.
    ``say`` gets a line for each choice.
    """

    def __init__(
        self, counts: Sequence[int], use: Callable[[int], None], *, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.counts, self._use, self._say = tuple(counts), use, say
        self.chosen = self.counts[0]
        self.calls = 0
        self._usual: float | None = None
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._ahead: deque[tuple[int, bool]] = deque()
        self._times: dict[int, list[float]] = {}
        self._probing = False
        self._patience, self._next_trial = PATIENCE[0], 0
        if len(self.counts) > 1:
            self._try_all()
        use(self.current)

    @property
    def current(self) -> int:
        """The number for the next call."""
        return self._ahead[0][0] if self._ahead else self.chosen

    @contextmanager
    def timed(self, units: float = 1) -> Iterator[None]:
        """Around one call, of ``units`` equal pieces of work."""
        if len(self.counts) == 1:
            yield
            return
        self._use(self.current)
        began = time.perf_counter()
        yield
        self._note((time.perf_counter() - began) / (units or 1))

    def rest(self) -> None:
        """Put the chosen number into effect, for other work than that which is timed."""
        self._use(self.chosen)

    def state(self) -> dict[str, Any]:
        """For ``restore``: plain numbers."""
        return {"chosen": self.chosen, "usual": self._usual, "calls": self.calls}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with an earlier choice, if it can be had here, in place of a trial."""
        if state.get("chosen") in self.counts and state.get("usual") is not None:
            self.chosen, self._usual, self.calls = state["chosen"], state["usual"], state["calls"]
            self._ahead.clear()
            self._next_trial = self.calls + self._patience
        self.rest()

    def _note(self, seconds: float) -> None:
        self.calls += 1
        if self._ahead:
            count, counts = self._ahead.popleft()
            if counts:
                self._times.setdefault(count, []).append(seconds)
            if not self._ahead:
                self._judge()
            return
        self._recent.append(seconds)
        if len(self._recent) == RECENT and self._usual is not None:
            now = median(self._recent)
            if now > SLOWER * self._usual and self.calls >= self._next_trial:
                self._try_all()
                return
            self._usual = min(self._usual, now)
        if _is_probe(self.calls):
            self._try([count for count in self.counts if count != self.chosen], probing=True)

    def _try_all(self) -> None:
        self._try(self.counts * ROUNDS, probing=False)

    def _try(self, counts: Sequence[int], *, probing: bool) -> None:
        self._times, self._probing = {}, probing
        self._ahead.extend((count, place > 0) for count in counts for place in range(BLOCK))

    def _judge(self) -> None:
        if self._probing:
            self._probing = False
            if self._usual is not None and min(map(median, self._times.values())) < BETTER * self._usual:
                self._try_all()
            return
        taken = {count: median(times) for count, times in self._times.items()}
        best = min(taken, key=taken.__getitem__)
        if taken[best] > BETTER * taken[self.chosen]:
            best = self.chosen
        if self._usual is None or best != self.chosen:
            self._patience = PATIENCE[0]
            others = ", ".join(f"{1 / taken[count]:.1f}/s with {count}" for count in self.counts if count != best)
            self._say(f"computing with {best} thread{'s' * (best > 1)}: {1 / taken[best]:.1f}/s ({others})")
        else:
            self._patience = min(2 * self._patience, PATIENCE[1])
        self.chosen, self._usual = best, taken[best]
        self._next_trial = self.calls + self._patience
        self._recent.clear()


def _is_probe(calls: int) -> bool:
    first, apart = PROBES
    return calls % apart == 0 or (calls >= first and calls & (calls - 1) == 0)


def counts(asked: int | None = None, *, shared_by: int = 1) -> tuple[int, ...]:
    """Numbers of threads to choose from, the most first.

    The one that was ``asked`` for, else that of OMP_NUM_THREADS, else all cores of this process, half of them, and 1.
    With ``shared_by`` processes that wait for each other each gets its part of the cores.
    """
    by_user = os.environ.get(VARIABLE, "")
    if asked is not None:
        return (asked,)
    if by_user.isdigit() and int(by_user):
        return (int(by_user),)
    cores = cpu_count()
    if shared_by > 1:
        return (max(1, cores // shared_by),)
    return tuple(dict.fromkeys((cores, max(1, cores // 2), 1)))


def add_option(parser: argparse._ActionsContainer) -> None:
    """``--threads N``, None where it is not given."""
    parser.add_argument(
        "--threads", type=_count, metavar="N",
        help=f"threads that compute on the CPU (default: {VARIABLE}, else as many as prove fastest)",
    )  # fmt: skip


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text}")
    return int(text)


def for_torch(asked: int | None = None, *, shared_by: int = 1, say: Callable[[str], None] = lambda _: None) -> Threads:
    """Those of PyTorch's operations on the CPU."""
    import torch

    def use(count: int) -> None:
        if torch.get_num_threads() != count:
            torch.set_num_threads(count)

    return Threads(counts(asked, shared_by=shared_by), use, say=say)
