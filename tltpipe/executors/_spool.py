"""Results on their way from workers on other machines: files in a folder that all of them see, sealed, read once."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tltpipe import seal
from tltpipe.errors import HostError
from tltpipe.files import new_file, writable

VARIABLE = "TLTPIPE_SPOOL"
"""Environment variable with a folder that all nodes see; absent: the one that the command is started in."""
LATE = 5.0
"""Seconds that a file of another machine may be late on a shared folder."""


@dataclass(frozen=True)
class Spool:
    """One ``folder``, for the results of one parallel map. Picklable: the key goes to workers with it and is kept
    nowhere, so that nobody else's file is ever unpickled."""

    folder: Path
    key: bytes = field(default_factory=lambda: os.urandom(seal.SIZE), repr=False)

    def put(self, number: int, result: Any) -> None:
        """Leave the result of item ``number``; a second attempt at it replaces that of the first."""
        content = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
        path = self._path(number)
        aside = path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}")
        try:
            with new_file(aside, mode=0o600) as stream:
                stream.write(seal.made(self.key, path.name, content))
                stream.write(content)
            os.replace(aside, path)
        except FileNotFoundError:
            what = f"{socket.gethostname()} does not see this folder"
            hint = f"start the command in a folder that all nodes share, or set {VARIABLE} to one"
            raise HostError(what, where=self.folder, hint=hint) from None

    def take(self, number: int) -> Any:
        """The result of item ``number``, which is gone then. Raises HostError where it is not there."""
        path = self._path(number)
        content = seal.opened(self.key, path.name, _content(path))
        if content is None:
            raise HostError("a result of a worker was changed on its way", where=path)
        path.unlink()
        return pickle.loads(content)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}"


@contextmanager
def opened() -> Iterator[Spool]:
    """A new spool, removed with what is left in it when the block ends."""
    parent = Path(os.environ.get(VARIABLE, "")).absolute()
    with writable(parent):
        folder = Path(tempfile.mkdtemp(prefix=".tltpipe-", dir=parent))
    try:
        yield Spool(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _content(path: Path) -> bytes:
    """What is in ``path``, which another machine has just closed."""
    until = time.monotonic() + LATE
    while True:
        try:
            return path.read_bytes()
        except OSError as refusal:
            if time.monotonic() > until:
                what = f"a result of a worker does not arrive here: {refusal.strerror}"
                hint = f"start the command in a folder that all nodes share, or set {VARIABLE} to one"
                raise HostError(what, where=path, hint=hint) from None
        time.sleep(0.05)
