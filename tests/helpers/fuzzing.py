"""What the fuzzers of all rooms share: how content is damaged, and the bounds in which it has to be refused."""

from __future__ import annotations

import random
import resource
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECONDS = 10
"""More than any small file may take."""
LABEL = (
    b"short_sleeved_shirt 0.25 1 -1.57 10 20 110.5 220 1 2 3 4 5 6 0.5\r\n"
    b"vest 0.00 0 0.00 1 2 30.25 40 0 0 0 0 0 0 0\n"
    b"DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10\n"
)
"""A label file of KITTI's to be damaged."""


def mutate(content: bytes, chance: random.Random, pieces: Sequence[bytes] = (b"",)) -> bytes:
    """``content`` with one to four bits flipped, ``pieces`` put in or over it, parts cut out, cut off or doubled."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place, end = chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0 if data:
                data[place % len(data)] ^= 1 << chance.randrange(8)
            case 1:
                data[place:place] = chance.choice(pieces)
            case 2:
                data[place : place + chance.randint(1, 12)] = chance.choice(pieces)
            case 3:
                del data[place : place + chance.randint(1, 40)]
            case 4:
                del data[place:]
            case _:
                data[place:place] = data[min(place, end) : max(place, end)][:200]
    return bytes(data)


@contextmanager
def bounded(memory: int = 1 << 30) -> Iterator[None]:
    """No hang, and no more than ``memory`` bytes beside those that are in use."""

    def late(number: int, frame: Any) -> None:
        raise AssertionError(f"took more than {SECONDS} seconds")

    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
