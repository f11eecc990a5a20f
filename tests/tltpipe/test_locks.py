"""A lock is one process's, and gone with it; other machines, which may not see the lock, go by its owner's file."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tltpipe import locks
from tltpipe.errors import HostError

TAKEN = HostError("at work already", hint="wait")
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


def test_a_folder_that_goes_with_the_lock_of_its_maker_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, created, made = tmp_path / "made" / ".lock", locks._created, []

    def slowly(path: Path, text: bytes) -> object:
        made.append(path)
        if len(made) == 1:
            path.parent.rmdir()
        return created(path, text)

    monkeypatch.setattr(locks, "_created", slowly)
    with locks.held(path, TAKEN) as hold:
        assert not hold.lost()


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


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes this process one of another machine, or of a scheduler's job, or of a file system without locks."""

    def become(host: str = "", *, boot: str = "", job: str = "", attempt: int = 0, locking: bool = True) -> None:
        if host:
            monkeypatch.setattr(locks, "_host", lambda: host)
            monkeypatch.setattr(locks, "_boot", lambda: boot or f"kernel of {host}")
        for name, text in (("SLURM_JOB_ID", job), ("SLURM_RESTART_COUNT", str(attempt or ""))):
            monkeypatch.setenv(name, text)
        if not locking:
            monkeypatch.setattr(fcntl, "flock", refuse)

    return become


def refuse(*_: object) -> None:
    raise OSError("no locks here")


def left(path: Path, text: str | None = None) -> None:
    """What a process of the machine that this one is now leaves at ``path`` when it is killed."""
    with locks.held(path, TAKEN):
        text = text if text is not None else path.read_text()
    path.write_text(text)


def test_the_refusal_says_who_holds_it(tmp_path: Path, machine: Callable[..., None]) -> None:
    machine("n1", job="17")
    with locks.held(tmp_path / "x.lock", TAKEN):
        for host, hint in (("n1", "wait"), ("n2", str(tmp_path / "x.lock"))):
            machine(host)
            with pytest.raises(HostError, match=f"at work already .*{os.getpid()} on n1, slurm job 17") as refused:
                locks._locked(tmp_path / "x.lock", TAKEN, 0)
            assert hint in str(refused.value.hint)
        assert [each.name for each in tmp_path.iterdir()] == ["x.lock"]


def test_of_another_machine_nobody_knows_whether_it_ended(tmp_path: Path, machine: Callable[..., None]) -> None:
    path = tmp_path / "x.lock"
    machine("n1")
    left(path)
    machine("n2")
    with pytest.raises(HostError, match="on n1") as refused, locks.held(path, TAKEN):
        raise AssertionError("two may hold it")
    assert f"remove {path}" in str(refused.value.hint)
    path.unlink()
    with locks.held(path, TAKEN):
        assert "n2" in path.read_text()


def test_a_machine_that_was_started_anew_has_none_of_its_old_processes(
    tmp_path: Path, machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("n1", boot="first")
    left(tmp_path / "x.lock")
    machine("n1", boot="second")
    with locks.held(tmp_path / "x.lock", TAKEN):
        assert "second" in (tmp_path / "x.lock").read_text()
    left(tmp_path / "x.lock")
    machine("n1", boot="third")
    monkeypatch.setattr(locks, "_MACHINE", tmp_path / "another one of that name")
    (tmp_path / "another one of that name").write_text("4711\n")
    with pytest.raises(HostError), locks.held(tmp_path / "x.lock", TAKEN):
        raise AssertionError("two may hold it")


def test_what_the_kernel_holds_is_nobodys_however_alike_two_machines_are(
    tmp_path: Path, machine: Callable[..., None]
) -> None:
    """As those that were made of one image and have one name."""
    machine("n1", boot="one")
    with locks.held(tmp_path / "x.lock", TAKEN) as hold:
        machine("n1", boot="other")
        with pytest.raises(HostError), locks.held(tmp_path / "x.lock", TAKEN):
            raise AssertionError("two hold it")
        assert not hold.lost()


@pytest.mark.parametrize("text", ["", "no owner", '{"host": 1}'])
def test_a_file_without_owner_goes_by_the_lock_alone(tmp_path: Path, text: str) -> None:
    left(tmp_path / "x.lock", text)
    with locks.held(tmp_path / "x.lock", TAKEN):
        pass
    assert not list(tmp_path.iterdir())


def test_a_file_that_its_maker_has_yet_to_fill_is_left_to_it_however_long_another_was_waited_for(
    tmp_path: Path, machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines that do not see each other's locks: one waits for another, and a third is faster."""
    path, looks = tmp_path / "x.lock", []
    monkeypatch.setattr(locks, "_WRITING", 0.2)
    machine("n1")
    left(path)
    text = path.read_text()
    machine("n2")

    def sleep(_seconds: float) -> None:
        looks.append(path.read_text())
        if len(looks) == 4:
            path.write_text("")
        elif len(looks) == 6:
            path.write_text(text)

    times = iter(x / 20 for x in range(1000))
    monkeypatch.setattr(locks.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(locks.time, "sleep", sleep)
    with pytest.raises(HostError, match="on n1"), locks.held(path, TAKEN, patience=1):
        raise AssertionError("two hold it")
    assert looks[3:6] == [text, "", ""]


def test_other_machines_see_at_once_who_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file server gets what is written when a file is closed, else."""
    seen: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(Path(f"/proc/self/fd/{handle}").read_bytes()))
    with locks.held(tmp_path / "x.lock", TAKEN) as hold:
        assert seen == [hold.text]


def test_a_later_attempt_at_the_same_job_takes_over_and_the_old_one_stops(
    tmp_path: Path, machine: Callable[..., None]
) -> None:
    path = tmp_path / "x.lock"
    machine("n1", job="17")
    with locks.held(path, TAKEN) as old:
        for job, attempt in (("17", 0), ("18", 1)):
            machine("n2", job=job, attempt=attempt)
            with pytest.raises(HostError), locks.held(path, TAKEN):
                raise AssertionError("two hold it")
        machine("n2", job="17", attempt=1)
        with locks.held(path, TAKEN) as new:
            assert (old.lost(), new.lost()) == (True, False)
            with pytest.raises(HostError, match="on n2, slurm job 17"):
                old.require()
            machine("n1", job="17")
            with pytest.raises(HostError), locks.held(path, TAKEN):
                raise AssertionError("the first attempt has it again")
            assert not new.lost()
    assert not list(tmp_path.iterdir())


def test_the_end_of_a_holder_that_lost_it_leaves_the_new_one_alone(
    tmp_path: Path, machine: Callable[..., None]
) -> None:
    path = tmp_path / "x.lock"
    machine("n1", job="17")
    old = locks.held(path, TAKEN)
    old.__enter__()
    machine("n2", job="17", attempt=1)
    with locks.held(path, TAKEN) as new:
        old.__exit__(None, None, None)
        assert not new.lost()
    assert not path.exists()


def test_without_locks_the_process_id_tells(
    tmp_path: Path, machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.lock"
    machine(locking=False)
    with locks.held(path, TAKEN), pytest.raises(HostError, match=str(os.getpid())), locks.held(path, TAKEN):
        raise AssertionError("two hold it")
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    with locks.held(path, TAKEN):
        text = path.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {process.pid}')
    process.wait()
    path.write_text(text)
    with monkeypatch.context() as elsewhere, pytest.raises(HostError):  # whose numbers of processes say nothing here
        elsewhere.setattr(locks, "_space", lambda: 1)
        locks._locked(path, TAKEN, 0)
    with locks.held(path, TAKEN):
        assert path.read_text() != text


def test_who_waits_gets_it_as_soon_as_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD.replace("60", "0.3"), str(path)], stdout=subprocess.PIPE
    ) as first:
        assert first.stdout.readline() == b"held\n"
        with locks.held(path, TAKEN, patience=30):
            assert first.wait() == 0


def test_one_of_many_takes_over(tmp_path: Path) -> None:
    """Four processes at a stale file, again and again: never two at once."""
    path, log = tmp_path / "x.lock", tmp_path / "log"
    left(path)
    crowd = [subprocess.Popen([sys.executable, "-c", CROWD, str(path), str(log)]) for _ in range(4)]
    assert [each.wait() for each in crowd] == [0] * 4
    assert log.read_text() == "in out " * 100
    assert [each.name for each in tmp_path.iterdir()] == ["log"]


CROWD = """
import os, pathlib, sys
from tltpipe import locks
from tltpipe.errors import HostError
path, log = map(pathlib.Path, sys.argv[1:])
for _ in range(25):
    with locks.held(path, HostError("taken"), patience=60):
        with log.open("a") as stream:
            stream.write("in ")
            stream.flush()
            stream.write("out ")
"""
