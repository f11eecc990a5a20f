"""One process at a time, on one machine or on many: a file that says who is at work, and the kernel's lock on it.

On one machine the lock decides: the kernel lets go of it however its holder ends. Another machine may not see it, and a
machine that was cut off goes on without it. There the file decides, and a holder that has lost it stops.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from tltpipe import inputs
from tltpipe.errors import HostError
from tltpipe.files import writable

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MACHINE = Path("/etc/machine-id")
_PROCESSES = Path("/proc/self/ns/pid")
_POLL = 0.05
"""Seconds between two looks at a lock that is waited for."""
_WRITING = 0.5
"""Seconds that a lock may be empty: so long, at most, takes its maker from making it to writing into it."""
_EMPTY = HostError("a lock that somebody is just making")


@dataclass(frozen=True)
class Owner:
    """A process that holds a lock.

    ``boot`` is of the kernel: containers of one machine have it in common, a machine that was restarted has another;
    ``machine`` stays, and tells apart machines that have one name for ``host``. ``space`` is what process ids count in;
    ``job`` is that of a scheduler, "" without, and ``attempt`` counts its runs.
    """

    host: str
    machine: str
    boot: str
    space: int
    pid: int
    job: str
    attempt: int
    started: str

    @classmethod
    def here(cls) -> Owner:
        """This process, from now on."""
        job = next((f"{name[:-3].lower()} {os.environ[name]}" for name in _JOBS if os.environ.get(name)), "")
        attempt = next((text for name in _ATTEMPTS if (text := os.environ.get(name, "")).isdigit()), "0")
        now = datetime.now().astimezone().isoformat()
        return cls(_host(), _line(_MACHINE), _boot(), _space(), os.getpid(), job.replace("_", " "), int(attempt), now)

    def follows(self, other: Owner) -> bool:
        """Whether this is a later attempt at the job of ``other``, which its scheduler has given up."""
        return bool(self.job) and self.job == other.job and self.attempt > other.attempt

    def sees(self, other: Owner) -> bool:
        """Whether both run under one kernel, whose locks are the same for both."""
        return self.boot == other.boot and (bool(self.boot) or self.host == other.host)

    def __str__(self) -> str:
        job = f", {self.job}" if self.job else ""
        return f"process {self.pid} on {self.host}{job}, since {self.started[:19].replace('T', ' ')}"


_JOBS = ("SLURM_JOB_ID", "TLTPIPE_JOB_ID")
_ATTEMPTS = ("TLTPIPE_ATTEMPT", "SLURM_RESTART_COUNT")


@dataclass(frozen=True)
class Hold:
    """What a holder has of the lock ``path``, in which it wrote ``text``; picklable."""

    path: Path
    text: bytes

    def lost(self) -> bool:
        """Whether another process holds the lock now, or nobody."""
        return _content(self.path) != self.text

    def require(self) -> None:
        """Raise HostError where the lock is lost: whoever has it now is not to be disturbed."""
        if self.lost():
            other = _owner(_content(self.path) or b"")
            what = f"another run has taken over here{f' ({other})' if other else ''}; this one stops"
            raise HostError(what, where=self.path.parent)


@contextmanager
def held(path: Path, taken: HostError, *, patience: float = 0) -> Iterator[Hold]:
    """Hold the file ``path``, which is there for the block only; its folder is created, and not left behind empty.

    Raises ``taken``, with who holds it, while another process does, after ``patience`` seconds; HostError when the
    folder cannot be written. What a process has left that is gone is taken over: one of this machine, or of an earlier
    attempt at this job. Of another machine nobody knows: the error says which file to remove.
    """
    made = not path.parent.exists()
    hold, stream = _locked(path, taken, time.monotonic() + patience)
    with stream:
        try:
            yield hold
        finally:
            if not hold.lost():
                path.unlink(missing_ok=True)
            if made:
                with suppress(OSError):
                    path.parent.rmdir()


def taken(path: Path) -> bool:
    """Whether another process holds the file ``path``."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it is not there, or the file system has no locks
        return False
    return False


def _locked(path: Path, taken: HostError, deadline: float) -> tuple[Hold, IO[bytes]]:
    torn = time.monotonic() + _WRITING
    while True:
        hold = Hold(path, f"{json.dumps(asdict(Owner.here()))}\n".encode())
        with writable(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                stream = _created(path, hold.text)
                refusal = None
            except FileExistsError:
                stream, refusal = None, _refusal(path, taken, torn=time.monotonic() > torn)
            except FileNotFoundError:  # the folder went with the lock of its maker, who left it empty
                stream, refusal = None, None
        if stream is not None and not hold.lost():
            # Processes forked from this one, which may outlive it, must not hold the lock after it.
            os.register_at_fork(after_in_child=stream.close)
            return hold, stream
        if stream is not None:
            stream.close()
        if refusal is not _EMPTY:
            torn = time.monotonic() + _WRITING  # the next empty one is another file, just made
        if refusal is not None:
            if refusal is not _EMPTY and time.monotonic() >= deadline:
                raise refusal
            time.sleep(_POLL)


def _created(path: Path, text: bytes) -> IO[bytes]:
    """The new file ``path``, locked before ``text`` is in it. Raises FileExistsError where there is one."""
    stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "wb", buffering=0)
    while _lock(stream) is False and _is_still(path, stream):
        time.sleep(0.001)  # somebody looks whether it is a torn one, and perhaps removes it
    stream.write(text)
    with suppress(OSError):
        os.fsync(stream.fileno())  # for machines that do not see the lock: to them an empty file may be a torn one
    return stream


def _refusal(path: Path, taken: HostError, *, torn: bool) -> HostError | None:
    """Why the lock ``path`` cannot be had; None where its holder is gone, and now the file is, too.

    ``torn``: it was empty long enough for its maker to have been killed.
    """
    if path.is_symlink():
        path.unlink(missing_ok=True)  # nothing is made where it leads
        return None
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb+", buffering=0) as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return taken
        free, text, here = _lock(stream), stream.read(), Owner.here()
        owner = _owner(text)
        if not text and free and not torn:
            return _EMPTY
        if free if owner is None else here.follows(owner) or _is_gone(owner, here, free=free):
            if _is_still(path, stream):
                path.unlink(missing_ok=True)
            return None
    what = f"{taken.what} ({owner})" if owner is not None else taken.what
    known = free is False if owner is None else here.sees(owner)
    doubt = f"wait until it is done; if that process no longer runs, remove {path}"
    return HostError(what, where=taken.where, hint=taken.hint if known else doubt)


def _is_still(path: Path, stream: IO[bytes]) -> bool:
    """Whether the file of ``stream`` is the one at ``path``: others may have removed it, and made another."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _is_gone(owner: Owner, here: Owner, *, free: bool | None) -> bool:
    """Whether ``owner`` is known to have ended; ``free`` says whether its lock could be had, None: there are none."""
    if not here.sees(owner):
        return free is not False and (owner.host, owner.machine) == (here.host, here.machine)  # before it was restarted
    if free is not None:
        return free
    return owner.space == here.space and not _runs(owner.pid)


def _lock(stream: IO[bytes]) -> bool | None:
    """Whether the kernel's lock is this process's now; None where the file system has none: then the text decides."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _owner(text: bytes) -> Owner | None:
    from tltpipe import plain

    try:
        return plain.from_json(text, Owner)
    except plain.NotPlain:
        return None


def _content(path: Path) -> bytes | None:
    try:
        return inputs.content(path)
    except OSError:
        return None


def _host() -> str:
    return os.uname().nodename


def _boot() -> str:
    return _line(_BOOT)


def _line(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:  # another system
        return ""


def _space() -> int:
    try:
        return _PROCESSES.stat().st_ino
    except OSError:
        return 0


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
