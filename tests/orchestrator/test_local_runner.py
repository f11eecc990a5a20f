"""The local runner with real subprocesses: exit status, logs, secrets, Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.jobs import Job, Outcome, Secret
from orchestrator.jobs.outcomes import failure
from orchestrator.runners import Place
from orchestrator.runners.local import LocalRunner
from tltpipe.errors import DataError, HostError, Interrupted, RunFailed

Write = Callable[[Path, str], Path]


@pytest.fixture
def perform(tmp_path: Path, write_program: Write) -> Callable[..., tuple[Outcome, list[str]]]:
    """Run a program with this body; its outcome and the lines it said."""

    def run(body: str, *argv: str | Secret, **secrets: str) -> tuple[Outcome, list[str]]:
        write_program(tmp_path / "bin" / "program", body)
        runner = LocalRunner(Place(tmp_path, tmp_path / "logs"), programs=tmp_path / "bin")
        said: list[str] = []
        return runner.run(Job("test", ("program", *argv), secrets=secrets), said.append), said

    return run


Perform = Callable[..., tuple[Outcome, list[str]]]


def test_lines_log_and_exit_status(perform: Perform) -> None:
    outcome, said = perform("print('one'); print('two', file=sys.stderr, flush=True); sys.exit(4)")
    assert outcome.exit_code == 4
    assert sorted(said) == ["one", "two"]
    assert outcome.log.read_text().splitlines()[0] == "$ program"
    assert sorted(outcome.log.read_text().splitlines()[1:]) == sorted(outcome.tail) == ["one", "two"]


def test_more_words_than_a_command_line_takes(perform: Perform) -> None:
    with pytest.raises(HostError, match="cannot be started: Argument list too long") as caught:
        perform("pass", *["x" * 100_000] * 40)
    assert caught.value.hint == "name folders in place of their files"


def test_death_by_a_signal_reads_as_in_a_shell(perform: Perform) -> None:
    outcome, _ = perform("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert outcome.exit_code == 137
    assert "out of memory?" in str(failure(Job("test", ("program",)), outcome))


def test_of_progress_the_log_keeps_the_last_line(perform: Perform) -> None:
    lines = [f"work: {n}/9 images, {n * 11}%, 1.0/s" for n in range(1, 10)]
    outcome, said = perform(f"for line in {lines!r}: print(line)\nprint('end')")
    assert said == [*lines, "end"]
    assert outcome.log.read_text().splitlines()[1:] == [lines[-1], "end"]
    assert outcome.tail == ("end",)


def test_secrets_reach_the_program_and_nothing_else(perform: Perform) -> None:
    outcome, said = perform("print(sys.argv[1] == 'hush', 'key is', sys.argv[1])", Secret("key"), key="hush")
    assert said == ["True key is ****"]
    assert "hush" not in outcome.log.read_text() + repr(outcome)


def test_specs_by_hand_learn_what_workspace_is(perform: Perform, tmp_path: Path) -> None:
    _, said = perform("import os; print(os.environ['TLTPIPE_WORKSPACE']); print(os.getcwd())")
    assert said == [str(tmp_path)] * 2


def test_carriage_returns_are_lines(perform: Perform) -> None:
    _, said = perform(r"sys.stdout.write('a 1/2\ra 2/2\n\x1b[31mred\x1b[0m\n')")
    assert said == ["a 1/2", "a 2/2", "red"]


def test_an_error_of_several_lines_is_quoted_whole() -> None:
    tail = ("starting", "error: a.conf:1:1: wrong", "a.conf:9:2: wrong too", "  hint: mend both")
    error = failure(Job("test", ("tlt-augment",)), Outcome(3, Path("log"), 1.0, tail))
    assert isinstance(error, DataError)
    assert error.what == "a.conf:1:1: wrong\na.conf:9:2: wrong too"
    assert str(error.hint).startswith("mend both")


def test_a_program_that_is_not_ours_shows_its_last_words() -> None:
    error = failure(Job("test", ("tlt-train",)), Outcome(255, Path("log"), 1.0, ("boom", "Execution status: FAIL")))
    assert type(error) is RunFailed
    assert "exit status 255" in error.what
    assert "Execution status: FAIL" in error.what


def test_a_missing_program_is_this_machines_fault(tmp_path: Path) -> None:
    runner = LocalRunner(Place(tmp_path, tmp_path / "logs"), programs=tmp_path / "bin")
    with pytest.raises(HostError, match="tlt-nothing is not installed"):
        runner.run(Job("test", ("tlt-nothing",)), str)


def test_every_program_of_the_installation_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ill = LocalRunner(Place(tmp_path, tmp_path / "logs"), programs=tmp_path / "bin").health(())
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    programs = [name for name in project["scripts"] if name.startswith("tlt-")]
    assert len(programs) > 1
    assert ill is not None
    assert [name for name in programs if name not in ill] == []


def test_a_log_folder_that_cannot_be(tmp_path: Path, write_program: Write) -> None:
    write_program(tmp_path / "bin" / "program", "pass")
    (tmp_path / "logs").write_text("a file in its place")
    runner = LocalRunner(Place(tmp_path, tmp_path / "logs"), programs=tmp_path / "bin")
    with pytest.raises(HostError):
        runner.run(Job("test", ("program",)), str)


WAITING = """
import signal, time
def stop(number, frame):
    print("stopping", flush=True)
    time.sleep(0.2)
    Path("kept").write_text("whole")
    sys.exit(130)
signal.signal(signal.SIGINT, stop)
Path("pid").write_text(str(__import__("os").getpid()))
print("waiting", flush=True)
time.sleep(60)
"""

DRIVER = """
import sys
from pathlib import Path
from orchestrator.jobs import Job
from orchestrator.runners import Place
from orchestrator.runners.local import LocalRunner
root = Path(sys.argv[1])
runner = LocalRunner(Place(root, root / "logs"), programs=root / "bin")
from tltpipe.errors import Interrupted
try:
    runner.run(Job("test", ("program",)), lambda text: print(text, flush=True))
except Interrupted as stop:
    print(f"interrupted: {stop.what}", flush=True)
"""


def test_ctrl_c_lets_the_program_end_by_itself(tmp_path: Path, write_program: Write) -> None:
    write_program(tmp_path / "bin" / "program", WAITING)
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout.readline() == "waiting\n"
    driver.send_signal(signal.SIGINT)
    told = driver.stdout.read()
    assert driver.wait(20) == 0
    assert told == "stopping\ninterrupted: program was interrupted\n"
    assert (tmp_path / "kept").read_text() == "whole"
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_reader_that_fails_leaves_no_program_behind(tmp_path: Path, write_program: Write) -> None:
    write_program(tmp_path / "bin" / "program", WAITING)
    runner = LocalRunner(Place(tmp_path, tmp_path / "logs"), programs=tmp_path / "bin")

    def say(text: str) -> None:
        raise Interrupted(text)

    with pytest.raises(Interrupted):
        runner.run(Job("test", ("program",)), say)
    assert gone(int((tmp_path / "pid").read_text()))


def gone(process: int) -> bool:
    for _ in range(50):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
