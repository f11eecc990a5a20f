"""One pipeline at a time in a workspace."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tltpipe import files
from tltpipe.errors import HostError


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of ``folder`` (created) for the block; the kernel lets go of it however the process ends.

    Raises HostError while another process holds it, or when the folder cannot be written.
    """
    with files.writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / "lock").open("a")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "wait for its end, or stop it; `tltpipe status` may be asked meanwhile"
            raise HostError("another tltpipe is at work in this folder", where=folder.parent, hint=hint) from None
        yield
