"""A lock is one process's, and gone with it."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tltpipe import locks
from tltpipe.errors import HostError

TAKEN = HostError("at work already")
HOLD = """
import os, pathlib, sys, time
from tltpipe import locks
from tltpipe.errors import HostError
with locks.held(pathlib.Path(sys.argv[1]), HostError("taken")):
    if len(sys.argv) == 2 or os.fork() == 0:  # the worker, if there is one, has let go by now
        print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "made" / ".lock"
    with locks.held(path, TAKEN):
        with pytest.raises(HostError, match="at work already"), locks.held(path, TAKEN):
            raise AssertionError("two hold it")
        with pytest.raises(HostError), locks.held(path, TAKEN):  # the first refusal has not let go of it
            raise AssertionError("two hold it")
    assert not path.parent.exists()
    with locks.held(path, TAKEN):
        (path.parent / "work").touch()
    assert [each.name for each in path.parent.iterdir()] == ["work"]


@pytest.mark.parametrize("forked", [[], ["forked"]], ids=["alone", "outlived by a worker"])
def test_whoever_is_killed_lets_go(tmp_path: Path, forked: list[str]) -> None:
    path = tmp_path / ".lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), *forked], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(HostError), locks.held(path, TAKEN):
            raise AssertionError("two hold it")
        process.kill()
        process.wait()
        assert path.exists()
        with locks.held(path, TAKEN):
            assert path.exists()
        assert not path.exists()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)


def test_folders_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError), locks.held(tmp_path / "file/.lock", TAKEN):
        raise AssertionError("there is no such folder")
