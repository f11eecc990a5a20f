"""The processes of one training: started, watched, ended together, and speaking with one voice.

The first process starts the others with the command line it was given itself. What goes wrong in one of them is told
by the first, as if it had happened there.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import NoReturn

from runtime.machine import cluster
from runtime.machine.device import Place
from runtime.shell import program
from tltpipe.errors import Interrupted, RunFailed, TltpipeError

PATIENCE = 20.0
"""Seconds that a process may take to end once another has failed."""


@contextmanager
def together(place: Place, module: str, argv: Sequence[str]) -> Iterator[Place]:
    """Run the block in the processes of ``place``: in this one and, by ``python -m module argv``, in the others of this
    node, unless somebody else has started those.

    Gives the place where all meet. Raises here what was raised in any of them.
    """
    where = place.cluster
    if place.processes == 1 or where.sibling or where.processes is not None:
        with _follows():
            yield place
        return
    if where.nodes == 1:
        where = replace(where, port=_free_port())
    crew = _Crew([_start(where, local, module, argv) for local in range(1, place.processes)])
    try:
        with crew.watched():
            yield replace(place, cluster=where)
    except BaseException as error:
        if told := crew.cause(error):
            raise told from None
        raise
    finally:
        crew.end()
        if "torch" in sys.modules:
            _leave()


@contextmanager
def _follows() -> Iterator[None]:
    """In all processes but the first: end with it, leave Ctrl-C and SIGTERM to it, and tell it what goes wrong.

    Both may be sent to all processes of a job, and the first needs the others to finish the step under way.
    """
    if cluster.SIBLING not in os.environ:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_first, name="end with the first process", daemon=True).start()
    try:
        yield
    except Exception as error:
        told = error if isinstance(error, TltpipeError) else program.fault(error)
        with os.fdopen(int(os.environ[cluster.SIBLING]), "wb") as pipe:
            pickle.dump((type(told), told.what, told.where, told.hint), pipe)
        os._exit(told.exit_code)


def _end_with_first() -> NoReturn:
    """Standard input is a pipe that only the first process holds: it ends when that one does, however it does."""
    os.read(0, 1)  # not by sys.stdin, whose lock its own workers would inherit
    os._exit(1)


@dataclass
class _Member:
    process: subprocess.Popen[bytes]
    report: int

    def verdict(self) -> TltpipeError:
        """What this process died of."""
        content = b""
        os.set_blocking(self.report, False)  # its own workers may hold the other end for a while
        with suppress(BlockingIOError):
            content = os.read(self.report, 1 << 16)
        if content:
            kind, what, where, hint = pickle.loads(content)
            error: TltpipeError = kind(what, where=where, hint=hint)
            return error
        code = self.process.returncode
        if code in (-signal.SIGTERM, Interrupted.exit_code):  # before it came to ignore that
            return Interrupted("training was interrupted; nothing was done yet")
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return RunFailed(f"a process of this training {how}", hint="most likely memory ran out: fewer processes")


@dataclass
class _Crew:
    members: list[_Member]
    ended: threading.Event = field(default_factory=threading.Event)
    first: _Member | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Wake the main thread of this process when one of the others has failed."""
        watch = threading.Thread(target=self._watch, name="watch other processes", daemon=True)
        watch.start()
        try:
            yield
        finally:
            self.ended.set()
            watch.join()

    def _watch(self) -> None:
        while not self.ended.wait(0.2):
            self.first = next((member for member in self.members if member.process.poll()), None)
            if self.first is not None:
                break
        else:
            return
        # A wait for the dead ends by itself with an error on the CPU; on GPUs, and between steps, it must be ended.
        if not self.ended.wait(2.0):
            os.kill(os.getpid(), signal.SIGINT)
        if not self.ended.wait(PATIENCE):
            code = program.report(self.first.verdict())
            self.end()
            os._exit(code)

    def cause(self, error: BaseException) -> TltpipeError | None:
        """What is behind ``error`` of this process, if it is another one that failed.

        That shows here as a broken connection, or as the interruption by which the watch woke us.
        """
        if isinstance(error, KeyboardInterrupt | Interrupted):
            told = self.first.verdict() if self.first else None
            return None if isinstance(told, Interrupted) else told
        if isinstance(error, TltpipeError):
            return None
        deadline = time.monotonic() + 2.0
        while time.monotonic() < deadline:
            for member in [self.first] if self.first else self.members:
                if member.process.poll():
                    return member.verdict()
            time.sleep(0.05)
        return None

    def end(self) -> None:
        """End those that still run; all of them must be gone."""
        for member in self.members:
            if member.process.poll() is None:
                member.process.kill()  # it ignores SIGTERM, and keeps nothing
        for member in self.members:
            member.process.wait()
            if member.process.stdin is not None:
                member.process.stdin.close()


def _start(where: cluster.Cluster, local: int, module: str, argv: Sequence[str]) -> _Member:
    read, write = os.pipe()
    environment = {
        **os.environ,
        **cluster.variables(where, local),
        cluster.SIBLING: str(write),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", module, *argv], env=environment, stdin=subprocess.PIPE, pass_fds=[write]
    )
    os.close(write)
    return _Member(process, read)


def _leave() -> None:
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
