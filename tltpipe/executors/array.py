"""One of several runs that share the work: ``array:I/N`` does the items I, I + N, I + 2 N, ... (I from 0) here.

All N write into one journal, in any order or at the same time, such as the elements of a scheduler's job array. The
same command without an executor then finds all of it done, and makes the outputs appear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from tltpipe.errors import UsageError
from tltpipe.executors import VARIABLE, Executor, Part, processes

Item = TypeVar("Item")
Result = TypeVar("Result")


def open(rest: str) -> Executor:
    """Part I of N by ``rest``, "I/N". Raises UsageError for anything else."""
    numbers = re.fullmatch(r"(\d{1,9})/(\d{1,9})", rest, re.ASCII)
    if numbers is None or not int(numbers[1]) < int(numbers[2]):
        hint = f"number them from 0: {VARIABLE}=array:0/4 is the first of four"
        raise UsageError(f'the executor "array" wants a part and how many there are, not "{rest}"', hint=hint)
    return Array(int(numbers[1]), int(numbers[2]), processes.Processes())


@dataclass
class Array:
    """Part ``number`` of ``parts``; ``done`` counts its items, of all maps."""

    number: int
    parts: int
    here: Executor
    done: int = 0

    def workers(self) -> int:
        return self.here.workers()

    def preload(self, *modules: str) -> None:
        self.here.preload(*modules)

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None, ahead: int,
        gpu: bool = False, reads: Iterable[Path] = (),
    ) -> Iterator[Result]:  # fmt: skip
        own = islice(items, self.number, None, self.parts)
        for result in self.here.map(function, own, workers=workers, ahead=ahead, gpu=gpu, reads=reads):
            self.done += 1
            yield result

    def part(self) -> Part:
        what, self.done = f"part {self.number + 1} of {self.parts} is done: {self.done} chunks", 0
        hint = f"when all parts are, run the same command without {VARIABLE}: the outputs appear then"
        return Part(what, hint=hint)
