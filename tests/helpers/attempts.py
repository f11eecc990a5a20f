"""Attempts at one piece of work on several machines: some are killed, some are given up and wake up again."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tltpipe import journal, locks, staging
from tltpipe.errors import TltpipeError
from tltpipe.journal import Journal

MOMENTS = ("in a file", "before a note", "before the commit", "among the moves")
"""Where ``sleep_at`` has this process fall asleep."""


def tree(folder: Path) -> str:
    """A hash over names and contents of all files and folders in ``folder``, hidden ones too; without status.json, in
    which every run writes when it was."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.name != "status.json"):
        digest.update(f"{path.relative_to(folder)}\0".encode())
        digest.update(path.read_bytes() if path.is_file() else b"/")
    return digest.hexdigest()


def become(host: str, *, attempt: int, patch: pytest.MonkeyPatch | None = None) -> None:
    """Let this process be of another machine, in the given attempt at the job 17 of a scheduler."""
    patch = patch or pytest.MonkeyPatch()
    patch.setattr(locks, "_host", lambda: host)
    patch.setattr(locks, "_boot", lambda: f"kernel of {host}")
    patch.setenv("SLURM_JOB_ID", "17")
    patch.setenv("SLURM_RESTART_COUNT", str(attempt))


def sleep_at(moment: str, name: str) -> None:
    """Stop this process (SIGSTOP) at one of MOMENTS, once; ``name`` is that of the file in which it may be."""
    write, note, commit, swap = staging._write, Journal.note, Journal.commit, journal.swap
    slept: list[str] = []

    def sleep(where: str) -> None:
        if where == moment and not slept:
            slept.append(where)
            os.kill(os.getpid(), signal.SIGSTOP)

    def halved(path: str, content: bytes) -> None:
        if moment == "in a file" and path.endswith(name) and not slept:
            file = os.open(path, staging._NEW, 0o666)
            os.write(file, content[: len(content) // 2])
            sleep(moment)
            os.write(file, content[len(content) // 2 :] + b"and more")
            os.close(file)
        else:
            write(path, content)

    def noted(self: Journal, number: int, what: object) -> None:
        if number:
            sleep("before a note")
        note(self, number, what)

    def committed(self: Journal, targets: Sequence[Path], answer: object) -> None:
        sleep("before the commit")
        commit(self, targets, answer)

    def swapped(staged: Path, target: Path) -> None:
        swap(staged, target)
        sleep("among the moves")

    staging._write, Journal.note, Journal.commit = halved, noted, committed  # type: ignore[method-assign]
    journal.swap = swapped


def asleep(process: int) -> None:
    """Wait until the child ``process`` has fallen asleep."""
    _, status = os.waitpid(process, os.WUNTRACED)
    assert os.WIFSTOPPED(status), f"it ended ({status}) before it could fall asleep"


def woken(process: int) -> int:
    """The exit status of the child ``process``, which goes on where it fell asleep."""
    os.kill(process, signal.SIGCONT)
    return ended(process)


def forked(work: Callable[[], object]) -> int:
    """Do ``work`` in a child process; its number. The exit status is that of the error that it raises."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        work()
        status = 0
    except TltpipeError as error:
        status = error.exit_code
    finally:
        os._exit(status)


def ended(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def all_parts(start: Sequence[Callable[[], int]], *, kills: int, usual: float) -> None:
    """Run all of ``start`` at the same time, each a process; ``kills`` times one is killed (-9) and begun again."""
    chance = random.Random(3)
    running = [begin() for begin in start]
    for _ in range(kills):
        time.sleep(usual * chance.uniform(0.3, 1.0))
        place = chance.randrange(len(start))
        os.kill(running[place], signal.SIGKILL)
        ended(running[place])
        running[place] = start[place]()
    assert list(map(ended, running)) == [0] * len(start)
