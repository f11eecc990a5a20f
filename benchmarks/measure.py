"""Wall time of commands and functions, and how a figure is printed beside its floor."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

BIN = Path(sys.executable).parent

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Whatever is measured starts from bytecode, as it does wherever it is installed; the round that does not count writes
# what is not there.


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


def run(argv: Sequence[str | Path]) -> None:
    """Run ``argv`` quietly; raises with all that it said when it fails."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout}")


def show(figure: str, seconds: float, *, floor: str, floor_seconds: float, per: int = 1) -> None:
    """One line: the figure, its floor, the ratio of the two; ``per`` items a call adds a rate."""
    rate = f" ({per / seconds:,.0f}/s)" if per > 1 else ""
    print(
        f"{figure}: {seconds:.3f} s{rate} | {floor}: {floor_seconds:.3f} s | ratio {seconds / floor_seconds:.2f}",
        flush=True,
    )


Turn = Callable[[int], Sequence[str | Path]]
"""The command line of a round, given its number. What it needs is made when asked for it, which is not timed."""


@dataclass(frozen=True)
class Duel:
    """Seconds of a figure and of its floor, round by round."""

    figure: tuple[float, ...]
    floor: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Each figure by the floor that ran just before it: a machine whose speed drifts slows both."""
        return [figure / floor for figure, floor in zip(self.figure, self.floor, strict=True)]


def in_turn(figure: Turn, floor: Turn, *, rounds: int) -> Duel:
    """Floor, figure, floor, figure ..., ``rounds`` times each, after one of each that does not count."""
    slower, faster = round_robin(floor, figure, rounds=rounds)
    return Duel(faster, slower)


def round_robin(*turns: Turn, rounds: int) -> tuple[tuple[float, ...], ...]:
    """Seconds of each of ``turns``, one after the other, ``rounds`` times, after one of each that does not count.

    The first one of each has the files that are read in the page cache, and the programs.
    """

    def seconds(turn: Turn, number: int) -> float:
        argv = turn(number)
        return best_of(1, lambda: run(argv))

    took = [[seconds(turn, number) for turn in turns] for number in range(rounds + 1)][1:]
    return tuple(zip(*took, strict=True))


def judge(what: str, duel: Duel, *, floor: str, target: float, per: int) -> None:
    """Print a figure beside its floor, and whether the median of their ratios is at most ``target``."""
    seconds, ratio = median(duel.figure), median(duel.ratios)
    rounds = ", ".join(f"{each:.2f}" for each in duel.ratios)
    print(f"{what}: {seconds:.3f} s ({per / seconds:,.0f} pictures/s)", flush=True)
    print(f"  floor: {floor}: {median(duel.floor):.3f} s")
    print(f"  ratio: median {ratio:.2f}, min {min(duel.ratios):.2f} (by round: {rounds})")
    told(f"ratio {ratio:.2f}", f"{target:.1f}", met=ratio <= target)


def judge_speed(what: str, duel: Duel, *, other: str, per: int, target: float | None = None) -> None:
    """Print a figure beside another, both in pictures a second; is the median of its ratios at least ``target``?"""
    speeds = [1 / ratio for ratio in duel.ratios]
    speed, rounds = median(speeds), ", ".join(f"{each:.2f}" for each in speeds)
    print(f"{what}: {_rates(duel.figure, per)}", flush=True)
    print(f"  {other}: {_rates(duel.floor, per)}")
    print(f"  times its speed: median {speed:.2f}, min {min(speeds):.2f}, max {max(speeds):.2f} (by round: {rounds})")
    if target is not None:
        told(f"{speed:.3f} x its speed", f"{target:.2f}", met=speed >= target, bound="least")


def _rates(seconds: Sequence[float], per: int) -> str:
    low, middle, high = (f"{per / choose(seconds):,.0f}" for choose in (max, median, min))
    return f"{median(seconds):.3f} s, {middle} pictures/s ({low} to {high})"


def told(what: str, limit: str, *, met: bool, bound: str = "most") -> None:
    """One line: is ``what`` within ``limit``?"""
    print(f"  {'met' if met else 'MISSED'}: {what}, target at {bound} {limit}", flush=True)


@dataclass(frozen=True)
class Options:
    """``folder``: where the corpus is, or is to be for later runs; None is a temporary one."""

    folder: Path | None
    pictures: int
    rounds: int


def options(about: str | None, *, pictures: int = 20_000, rounds: int = 5) -> Options:
    """What the command line of a figure at full scale says."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="keep the corpus here; without: in a temporary folder")
    parser.add_argument("--pictures", type=int, default=pictures)
    parser.add_argument("--rounds", type=int, default=rounds)
    said = parser.parse_args()
    return Options(said.folder, said.pictures, said.rounds)
