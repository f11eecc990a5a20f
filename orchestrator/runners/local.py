"""local: our programs as subprocesses of this machine, found beside this interpreter."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from orchestrator.jobs import Job, Outcome, Secret, logs
from orchestrator.jobs.checks import Check, ill
from orchestrator.runners import Place, Placed
from tltpipe.errors import HostError, Interrupted

GRACE_SECONDS = 30.0
"""How long an interrupted program may take to end by itself (it finishes its step and its files)."""


def open(place: Place) -> LocalRunner:
    return LocalRunner(place)


def program_path(name: str, folder: Path = Path(sys.executable).parent) -> str | None:
    """The console script ``name`` in ``folder``, else the one on PATH; None where there is none."""
    beside = folder / name
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)


def become(name: str, words: Sequence[str]) -> NoReturn:
    """Run the console script ``name`` in place of this process. Raises HostError where there is none."""
    program = program_path(name)
    if program is None:
        raise HostError(f"{name} is not installed", hint="pip install tltpipe, in this very environment")
    os.execv(program, [name, *words])


class LocalRunner(Placed):
    """Runs subprocesses, each in a process group of its own so that Ctrl-C reaches it exactly once: one at a time, or
    one in each of several threads."""

    pretends = False
    allots_gpus = False
    executor: str | None = None

    def __init__(self, place: Place, *, programs: Path | None = None) -> None:
        super().__init__(place, contained=False)
        self.programs = programs or Path(sys.executable).parent
        self._running: set[subprocess.Popen[str]] = set()

    def checks(self) -> list[Check]:
        missing = [name for name in _programs() if self.find(name) is None]
        found = f"{', '.join(missing)} not beside {sys.executable}" if missing else f"in {self.programs}"
        hint = "install tltpipe into this environment: pip install tltpipe"
        return [Check("tlt-* programs", not missing, found, hint)]

    def health(self, images: tuple[str, ...]) -> str | None:  # noqa: ARG002 (the protocol's signature)
        return ill(self.checks())

    def image_id(self, image: str | None) -> str | None:  # noqa: ARG002 (the protocol's signature)
        return None

    def find(self, program: str) -> str | None:
        """The console script beside this interpreter, so that it is the same installation; else the one on PATH."""
        return program_path(program, self.programs)

    def run(self, job: Job, say: Callable[[str], None]) -> Outcome:
        words = [job.secrets[word.name] if isinstance(word, Secret) else word for word in job.argv]
        program = self.find(words[0])
        if program is None:
            raise HostError(f"{words[0]} is not installed", hint="pip install tltpipe, in this very environment")
        # Specs written by hand may say /workspace; this tells our programs what it is.
        environment = {**os.environ, "TLTPIPE_WORKSPACE": str(self.place.workspace), **job.environment}
        start = time.monotonic()
        with logs.kept(self.place.logs, job, say) as log:
            try:
                process = subprocess.Popen(
                    [program, *words[1:]],
                    cwd=self.place.workspace,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    bufsize=1,
                    start_new_session=True,
                )
            except OSError as refusal:
                many = "name folders in place of their files" if refusal.errno == errno.E2BIG else None
                what = f"{words[0]} cannot be started: {refusal.strerror}"
                raise HostError(what, where=program, hint=many) from refusal
            self._running.add(process)
            try:
                status = _follow(process, log)
            finally:
                self._running.discard(process)
        return Outcome(status, log.path, time.monotonic() - start, log.tail())

    def stop_all(self) -> None:
        """Ask all programs that run in other threads to end; who started them waits for it."""
        for process in list(self._running):
            _ask(process)


def _programs() -> list[str]:
    """The ``tlt-*`` programs that this installation brought, by its own record; of sources alone, none."""
    from importlib import metadata

    try:
        scripts = metadata.distribution("tltpipe").entry_points.select(group="console_scripts")
    except metadata.PackageNotFoundError:
        return []
    return [script.name for script in scripts if script.name.startswith("tlt-")]


def _follow(process: subprocess.Popen[str], log: logs.JobLog) -> int:
    """Pass lines on until the program ends; return its status, 128 + n for death by signal n, as a shell does."""
    try:
        _drain(process, log)
    except KeyboardInterrupt:
        _stop(process, log)
        raise Interrupted(f"{Path(str(process.args[0])).name} was interrupted", where=log.path) from None  # type: ignore[index]
    finally:
        if process.poll() is None:  # only when an exception of ours got here first
            _signal(process, signal.SIGKILL)
            process.wait()
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _drain(process: subprocess.Popen[str], log: logs.JobLog) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        log.line(line)
    process.wait()


def _stop(process: subprocess.Popen[str], log: logs.JobLog) -> None:
    """Ask for an end and wait for it; a second Ctrl-C, or patience at its end, kills.

    Python can lose a first SIGINT inside a destructor, so it is asked once more.
    """
    later = _ask(process)
    try:
        _drain(process, log)
    except KeyboardInterrupt:
        _signal(process, signal.SIGKILL)
    finally:
        for timer in later:
            timer.cancel()


def _ask(process: subprocess.Popen[str]) -> list[threading.Timer]:
    """Ask for an end now and later, then kill it; returns what does so later."""
    _signal(process, signal.SIGINT)
    later = [
        threading.Timer(GRACE_SECONDS / 3, _signal, (process, signal.SIGINT)),
        threading.Timer(GRACE_SECONDS, _signal, (process, signal.SIGKILL)),
    ]
    for timer in later:
        timer.daemon = True
        timer.start()
    return later


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    if process.returncode is not None:  # its number may be another's by now
        return
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return
