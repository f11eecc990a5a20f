"""One node's part of a job: our programs as processes there.

Ray gets this module by value, so that a node with another tltpipe, or none, can still say so: nothing of ours is
imported here. No secret is among the arguments, which Ray keeps in its session folder: those are read from files.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# A process that ends with the one that started it: Ray kills its workers without a word to their children.
_TIED = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"


class Member:
    """Runs one program at a time; an actor, whose calls come from several threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self,
        words: Sequence[str],
        *,
        folder: str,
        environment: Mapping[str, str],
        output: str | None = None,
        secrets: Mapping[int, str] | None = None,
    ) -> int:
        """Start ``words`` in ``folder``: a console script, or the options of this interpreter where the first word is
        one. Its output is appended to the file ``output``; words of the numbers in ``secrets`` are the contents of
        those files. Returns its process id.
        """
        words = [Path(secrets[at]).read_text("utf-8") if secrets and at in secrets else w for at, w in enumerate(words)]
        program = [sys.executable] if words[0].startswith("-") else [_program(words.pop(0))]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TIED, *program, *words],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=os.open(output or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self._process.pid

    def wait(self, started: int) -> int:  # noqa: ARG002 - Ray makes this call once that of the other has returned
        """The exit code of what ``start`` returned, 128 + n for death by signal n, as a shell has it."""
        assert self._process is not None
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def send(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.Signals(number))


def _program(name: str) -> str:
    """The console script of this interpreter, else the one on PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"there is no {name} beside {sys.executable}")
    return found
