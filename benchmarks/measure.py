"""Wall time of commands and functions, and how a figure is printed beside its floor."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

BIN = Path(sys.executable).parent


def best_of(times: int, action: Callable[[], object]) -> float:
    """Seconds of the fastest of ``times`` calls: the one least disturbed."""

    def once() -> float:
        start = time.perf_counter()
        action()
        return time.perf_counter() - start

    return min(once() for _ in range(times))


def command(argv: Sequence[str | Path], *, cwd: Path | None = None) -> Callable[[], object]:
    """A call that runs ``argv`` quietly and raises when it fails."""
    return lambda: subprocess.run(argv, cwd=cwd, check=True, capture_output=True)


def show(figure: str, seconds: float, *, floor: str, floor_seconds: float, per: int = 1) -> None:
    """One line: the figure, its floor, the ratio of the two; ``per`` items a call adds a rate."""
    rate = f" ({per / seconds:,.0f}/s)" if per > 1 else ""
    print(
        f"{figure}: {seconds:.3f} s{rate} | {floor}: {floor_seconds:.3f} s | ratio {seconds / floor_seconds:.2f}",
        flush=True,
    )
