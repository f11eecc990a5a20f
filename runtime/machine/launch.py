"""The processes of one training: started, watched, ended together, and speaking with one voice.

The first process of a node starts the others there with the command line that it was given itself. What goes wrong in
one of them is told by the first process of all, as if it had happened there.
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import IO, NoReturn

from runtime.machine import cluster
from runtime.machine.device import Place
from runtime.machine.rendezvous import AGAIN, BROKEN, EXCUSED, Rendezvous
from runtime.shell import program
from tltpipe.errors import HostError, Interrupted, RunFailed, TltpipeError

PATIENCE = 20.0
"""Seconds that a process may take to end once another has failed."""
STOP = signal.SIGUSR1
"""By this the main thread of the lead learns that another node was asked to end: never taken for a second request."""


@contextmanager
def together(
    place: Place, module: str, argv: Sequence[str], *, facts: Mapping[str, str], timeout: float = 300.0
) -> Iterator[Place]:
    """Run the block in the processes of ``place``: in this one and, by ``python -m module argv``, in the others of this
    node, unless somebody else has started those.

    Gives the place where all meet, at which several nodes arrive within ``timeout`` seconds and agree on ``facts``.
    Raises here what was raised in any of them; on nodes but the first it ends this process instead.
    """
    where = place.cluster
    if where.sibling or place.world == 1:
        with _follows():
            yield place
        return
    if not where.meets:
        where = replace(where, port=_free_port())
    starts = range(1, place.processes) if where.processes is None else ()
    nodes = Rendezvous(where, facts, timeout, program.say) if where.meets else None
    group = _Group([_start(where, local, module, argv) for local in starts], nodes)
    try:
        if nodes is not None:
            nodes.gather()
        with group.watched():
            yield replace(place, cluster=where)
    except BaseException as error:
        told = group.cause(error)
        if nodes is not None:
            _conclude(nodes, told or error)
        if told is not None:
            raise told from None
        raise
    else:
        if nodes is not None:
            _conclude(nodes, None)
    finally:
        group.end()
        if "torch" in sys.modules:
            _leave()


@contextmanager
def before_the_others(where: cluster.Cluster) -> Iterator[None]:
    """What goes wrong in the block, on this node alone perhaps, is said to the first one, which would wait in vain."""
    try:
        yield
    except TltpipeError as error:
        if where.meets and not where.is_lead:
            with suppress(ImportError, TltpipeError):
                Rendezvous(where, {}, EXCUSED, program.say).excuse(error)
        raise


def _conclude(nodes: Rendezvous, error: BaseException | None) -> None:
    """Agree with the other nodes on how this training ended. Where another one reports it, end with its exit code."""
    verdict = nodes.outcome() if error is None and not nodes.is_lead else nodes.publish(_named(error))
    reported = nodes.leave()
    if nodes.is_lead:
        return
    if verdict.error is None:
        return
    if not reported:
        raise verdict.error
    program.say(f"{nodes.name(nodes.number)} ends with exit code {verdict.exit_code}: {nodes.name(0)} says why")
    raise SystemExit(verdict.exit_code)


def _named(error: BaseException | None) -> TltpipeError | None:
    if error is None or isinstance(error, TltpipeError):
        return error
    return Interrupted("interrupted") if isinstance(error, KeyboardInterrupt) else program.fault(error)


@contextmanager
def _follows() -> Iterator[None]:
    """In all processes that the first of a node has started: end with it, leave Ctrl-C and SIGTERM to it, and tell it
    what goes wrong.

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
    report: IO[bytes]

    def verdict(self) -> TltpipeError:
        """What this process died of."""
        content = b""
        os.set_blocking(self.report.fileno(), False)  # its own workers may hold the other end for a while
        with suppress(BlockingIOError):
            content = os.read(self.report.fileno(), 1 << 16)
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
class _Group:
    """What this process has started and, with several ``nodes``, its part among those."""

    members: list[_Member]
    nodes: Rendezvous | None
    ended: threading.Event = field(default_factory=threading.Event)
    failure: TltpipeError | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Wake the main thread of this process when another has failed."""
        watch = threading.Thread(target=self._watch, name="watch other processes", daemon=True)
        watch.start()
        try:
            with _signals(self.nodes):
                yield
        finally:
            self.ended.set()
            watch.join()

    def _watch(self) -> None:
        stopped = False
        while not self.ended.wait(0.2):
            self.failure = self._found()
            if self.failure is not None:
                break
            if self.nodes is not None and self.nodes.stopping and not stopped:
                stopped = True
                os.kill(os.getpid(), STOP)
        else:
            return
        if self.nodes is not None:
            if not self.nodes.is_lead:
                self._end_node(self.nodes)
            self.nodes.publish(self.failure)
        # A wait for the dead ends by itself with an error on the CPU; on GPUs, and between steps, it must be ended.
        if not self.ended.wait(2.0):
            os.kill(os.getpid(), signal.SIGINT)
        if not self.ended.wait(PATIENCE):
            code = program.report(self.failure)
            self.end()
            os._exit(code)

    def _found(self, limit: float | None = None) -> TltpipeError | None:
        """What went wrong in a process of this node, or on another node."""
        for member in self.members:
            if member.process.poll():
                error = member.verdict()
                if self.nodes is not None and member.process.returncode < 0:
                    error = HostError(error.what, hint=f"did memory run out? {AGAIN}")
                return error
        if self.nodes is None:
            return None
        return self.nodes.trouble() if limit is None else self.nodes.trouble(limit)

    def _end_node(self, nodes: Rendezvous) -> NoReturn:
        """On a node that has nothing to save: end at once, whatever the main thread waits for."""
        assert self.failure is not None
        try:
            _conclude(nodes, self.failure)
        except TltpipeError as error:
            program.report(error)
        except SystemExit:
            pass
        self.end()
        sys.stdout.flush()
        os._exit(nodes.verdict.exit_code if nodes.verdict else self.failure.exit_code)

    def cause(self, error: BaseException) -> TltpipeError | None:
        """What is behind ``error`` of this process, if it is another one that failed.

        That shows here as a broken connection, or as the interruption by which the watch woke us.
        """
        if isinstance(error, KeyboardInterrupt | Interrupted):
            return None if isinstance(self.failure, Interrupted) else self.failure
        if isinstance(error, TltpipeError):
            return None
        deadline = time.monotonic() + (2.0 if self.nodes is None else BROKEN + 2.0)
        while time.monotonic() < deadline:
            if self.failure or (found := self._found(BROKEN)):
                return self.failure or found
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
            member.report.close()


@contextmanager
def _signals(nodes: Rendezvous | None) -> Iterator[None]:
    """Among several nodes a request to end goes to the lead, which alone has something to save and needs the others to
    finish the step under way."""
    if nodes is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: object) -> None:
        if nodes.is_lead:
            raise KeyboardInterrupt
        nodes.ask_to_stop()

    numbers = [signal.SIGINT, signal.SIGTERM, *([STOP] if nodes.is_lead else [])]
    before = {each: signal.signal(each, end) for each in numbers if signal.getsignal(each) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
    return _Member(process, os.fdopen(read, "rb", buffering=0))


def _leave() -> None:
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
