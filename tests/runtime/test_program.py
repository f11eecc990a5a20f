"""What the programs share, seen from outside: exit codes, lines, paths, status.json."""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.shell import program
from tltpipe.errors import DataError, Location, SpecError


def raising(error: BaseException) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


def test_success_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(lambda: None) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("kind", "code"), [(SpecError, 2), (DataError, 3)])
def test_our_errors_are_two_lines(
    capsys: pytest.CaptureFixture[str], kind: type[SpecError | DataError], code: int
) -> None:
    error = kind("no such thing", where=Location("a.conf", 3, 7), hint="try another")
    assert program.run(raising(error)) == code
    assert capsys.readouterr().err == "error: a.conf:3:7: no such thing\n  hint: try another\n"


def test_the_last_line_says_how_it_ended_where_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(program.EXECUTION_STATUS, "1")
    bodies = (lambda: None, raising(DataError("no images")))
    assert [program.run(body) for body in bodies] == [0, 3]
    assert program.run(lambda: None, argparse.Namespace(json=True)) == 0
    assert capsys.readouterr().out == "Execution status: PASS\nExecution status: FAIL\n"


def test_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_full_disk_is_the_machines_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(raising(OSError(errno.ENOSPC, "No space left on device", "/x/y"))) == 6
    error = capsys.readouterr().err
    assert error.startswith("error: /x/y: No space left on device\n  hint: make room")


def test_a_fault_of_ours_leaves_a_traceback_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert program.run(raising(ZeroDivisionError("a surprise"))) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: internal error, ZeroDivisionError: a surprise\n")
    assert "Traceback" not in error
    (file,) = tmp_path.iterdir()
    assert str(file) in error
    assert "ZeroDivisionError: a surprise" in file.read_text()


def script(text: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, time\nfrom runtime.shell import program\n{text}"]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


def test_terminate_ends_like_an_interrupt() -> None:
    body = "def body():\n    program.say('ready')\n    time.sleep(60)\nsys.exit(program.run(body))"
    process = subprocess.Popen(script(body), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=20)
    assert (process.returncode, error) == (130, b"error: interrupted\n")


def test_closed_pipe_is_quiet() -> None:
    body = "def body():\n    while True: program.say('x' * 1000)\nsys.exit(program.run(body))"
    process = subprocess.Popen(script(body), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=20) == 141
    process.stderr.close()


def test_parser_leaves_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    parser = program.Parser("tlt-x")
    parser.add_argument("-a", required=True)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args([])
    assert "error: the following arguments are required: -a\n  hint: tlt-x --help" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["train", "evaluate", "infer", "export"])
def test_networks_of_tao_that_are_called_otherwise_here(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = importlib.import_module(f"runtime.programs.{name}").parser()
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(["yolo_v4"])
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert "yolox" in told
    assert "tltpipe spec migrate" in told


def test_paths_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLTPIPE_WORKSPACE", "/data/run/")
    assert program.host("/workspace/a/") == Path("/data/run/a")


def test_status_log(tmp_path: Path) -> None:
    log = program.StatusLog(tmp_path / "results")
    log.write("STARTED", "Go")
    log.write("RUNNING", "Counted", kpi={"num_images": 3}, epoch=1)
    log.write("SUCCESS", "Done", graphical={"loss": 1.5})
    lines = [json.loads(line) for line in (tmp_path / "results" / "status.json").read_text().splitlines()]
    assert [line["message"] for line in lines] == ["Go", "Counted", "Done"]
    assert lines[0].keys() == {"date", "time", "status", "verbosity", "message"}
    assert lines[1]["epoch"] == 1
    assert "epoch" not in lines[2]
    assert lines[2]["kpi"] == {"num_images": 3}
    assert lines[2]["graphical"] == {"loss": 1.5}


def test_a_line_cut_by_a_full_disk_spoils_no_other(tmp_path: Path) -> None:
    program.StatusLog(tmp_path).write("STARTED", "one")
    with (tmp_path / "status.json").open("a") as stream:
        stream.write('{"date": "1/2/20')
    program.StatusLog(tmp_path, append=True).write("STARTED", "two")
    lines = (tmp_path / "status.json").read_text().splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["one", "two"]


def test_status_log_starts_anew_or_goes_on(tmp_path: Path) -> None:
    program.StatusLog(tmp_path).write("STARTED", "one")
    program.StatusLog(tmp_path, append=True).write("STARTED", "two")
    assert len((tmp_path / "status.json").read_text().splitlines()) == 2
    program.StatusLog(tmp_path)
    assert (tmp_path / "status.json").read_text() == ""


@pytest.mark.parametrize(
    ("error", "message"),
    [(DataError("broken", where="x.txt"), "x.txt: broken"), (KeyboardInterrupt(), "Work was interrupted")],
)
def test_status_log_tells_failures(tmp_path: Path, error: BaseException, message: str) -> None:
    log = program.StatusLog(tmp_path)
    with pytest.raises(type(error)), log.failures("Work"):
        raise error
    line = json.loads((tmp_path / "status.json").read_text())
    assert (line["status"], line["message"]) == ("FAILURE", message)


def test_no_folder_no_status() -> None:
    program.StatusLog(None).write("STARTED", "unheard")


@pytest.mark.parametrize("module", ["augment", "dataset_convert"])
def test_help_imports_nothing_heavy(module: str) -> None:
    text = (
        f"from runtime.programs.{module} import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as leave: assert leave.code == 0\n"
        "print([name for name in ('numpy', 'PIL', 'google.protobuf', 'rich') if name in sys.modules])"
    )
    done = subprocess.run(script(text), env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--help" in done.stdout
