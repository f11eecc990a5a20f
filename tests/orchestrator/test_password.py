"""A data set's password: where it may come from, and that it goes nowhere else."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
import pyzipper
from refusals import error_of

from orchestrator.settings import password
from tltpipe.errors import UsageError

SECRET = "swordfish-8317"


def piped(data: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return reading


@pytest.mark.parametrize("data", [b"two words", b"two words\n", b"two words\r\n", b"two words\nmore\n"])
def test_from_a_descriptor(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(password.VARIABLE, "not this one")
    assert password.asker(piped(data))() == "two words"


def test_from_the_environment_which_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(password.VARIABLE, SECRET)
    ask = password.asker(None)
    assert password.VARIABLE not in os.environ
    assert (
        SECRET
        not in subprocess.run(
            [sys.executable, "-c", "import os; print(os.environ)"], capture_output=True, text=True
        ).stdout
    )
    assert ask() == SECRET


def test_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert "--password-fd" in str(error_of(UsageError, lambda: password.asker(None)(), match="nobody is here").hint)


@pytest.mark.parametrize(("data", "words"), [(b"", "empty"), (b"\n", "empty"), (b"\xff\xfe\n", "UTF-8")])
def test_descriptors_that_give_none(data: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        password.asker(piped(data))()


def test_descriptor_that_is_not_open() -> None:
    with pytest.raises(UsageError, match="--password-fd 987: Bad file descriptor"):
        password.asker(987)()


SCRIPT = """
import sys
from pathlib import Path

from converters.fetch import fetch
from orchestrator.settings import password
from tltpipe.errors import TltpipeError

ask = password.asker(int(sys.argv[2]) if sys.argv[2:] else None)
try:
    print(fetch("deepfashion2", Path(sys.argv[1]), source=Path(sys.argv[1]), password=ask, say=print, workers=2))
except TltpipeError as known:
    print(repr(known), known, known.hint)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with pyzipper.AESZipFile(tmp_path / "train.zip", "w", encryption=pyzipper.WZ_AES) as zipped:
        zipped.setpassword(SECRET.encode())
        for number in range(100):
            zipped.writestr(f"image/{number:06d}.jpg", b"x" * 1000)
            zipped.writestr(f"annos/{number:06d}.json", b"{}")
    return tmp_path


ENVIRONMENT = {key: value for key, value in os.environ.items() if key != password.VARIABLE} | {
    "PYTHONPATH": str(Path(__file__).parents[2])
}


def test_nothing_that_is_said_holds_it_and_no_child_has_it(folder: Path) -> None:
    """The process and its workers are watched through /proc while they unpack."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, folder],
        env=ENVIRONMENT | {password.VARIABLE: SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen: dict[int, bytes] = {}
    while process.poll() is None:
        for child in descendants(process.pid):
            line = told(Path(f"/proc/{child}/cmdline"))
            if SCRIPT.encode() not in line:  # for an instant, until it has its own program, it is a copy of its parent
                seen[child] = line + told(Path(f"/proc/{child}/environ"))
        assert SECRET.encode() not in told(Path(f"/proc/{process.pid}/cmdline"))
        time.sleep(0.01)
    assert process.stdout
    output = process.stdout.read()
    assert "'images': 100" in output
    assert SECRET not in output
    assert seen, "no worker was seen"
    assert not [child for child, text in seen.items() if SECRET.encode() in text]


def test_wrong_one_is_not_repeated(folder: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder, "0"], env=ENVIRONMENT, input="sardine-55", capture_output=True, text=True
    )
    assert "does not open with this password" in process.stdout
    assert "sardine" not in process.stdout + process.stderr


def test_asked_on_a_terminal_and_not_echoed(folder: Path) -> None:
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, folder],
        env=ENVIRONMENT,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as process:
        os.close(slave)
        shown = b""
        while b"not shown" not in shown:
            shown += os.read(master, 4096)
        os.write(master, SECRET.encode() + b"\n")
        try:
            while more := os.read(master, 4096):
                shown += more
        except OSError:  # the terminal's other side is closed
            pass
        process.wait(10)
    os.close(master)
    assert b"'images': 100" in shown
    assert SECRET.encode() not in shown


def test_it_is_in_no_file(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, folder, "0"], env=ENVIRONMENT, input=SECRET, text=True, check=True)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 200
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def descendants(pid: int) -> list[int]:
    children = [int(text) for text in told(Path(f"/proc/{pid}/task/{pid}/children")).split()]
    return children + [below for child in children for below in descendants(child)]


def told(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
