"""Killed in the middle, again and again, and resumed: the files are those of a run that nobody disturbed."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forked_programs import Programs
from same_inputs import Input

if TYPE_CHECKING:
    from same_outputs import Lane, Tally

KILLS = 6
COMMANDS = (("prepare", "-w", "ws"), ("convert", "data", "ws/out", "--to", "yolo", "--workers", "2"))
JOURNALS = ("ws/.tltpipe/prepare*", "ws/.*.journal")


def killed(lane: Lane, given: Input, tallies: dict[str, Tally]) -> list[str]:
    """Whole by the old programs, then killed and resumed by the new, then killed by the old and resumed by the new."""
    from same_outputs import Tally, differences, tree

    told, chance = [], random.Random(given.name)
    for argv in COMMANDS:
        trees = []
        for first, then in ((None, lane.old), (lane.new, lane.new), (lane.old, lane.new)):
            work = _fresh(lane.folder, given)
            inside = 0 if first is None else _kill(first, argv, work, chance)
            code = _start(then, argv, work).wait()
            trees.append(tree(work / "ws") | tree(work / "data"))
            tally = tallies.setdefault(f"killed in {argv[0]}", Tally())
            if first is not None:
                tally.codes[code] += 1
                tally.files += len(trees[-1])
                if found := [*differences(trees[0], trees[-1])]:
                    tally.different += 1
                    who = "new" if first is lane.new else "old"
                    told += [f"{given.name}: {argv[0]} by {who} killed {inside} times, resumed by new", *found]
                if not inside:
                    told.append(f"{given.name}: {argv[0]} was never killed in the middle")
    return told


def _fresh(folder: Path, given: Input) -> Path:
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    given.put(work / "data")
    given.put(work / "ws/Original-Data")
    return work


def _start(programs: Programs, argv: Sequence[str], work: Path) -> subprocess.Popen[bytes]:
    line = [str(programs.scripts / "tltpipe"), *argv]
    return subprocess.Popen(line, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _kill(programs: Programs, argv: Sequence[str], work: Path, chance: random.Random) -> int:
    """Kill it a moment after it has begun to note what it does; how often that left something to resume."""
    inside = 0
    for _ in range(KILLS):
        process = _start(programs, argv, work)
        while process.poll() is None and not _journals(work):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.04))
        process.kill()
        process.wait()
        inside += bool(_journals(work))
    return inside


def _journals(work: Path) -> bool:
    return any(any(work.glob(pattern)) for pattern in JOURNALS)
