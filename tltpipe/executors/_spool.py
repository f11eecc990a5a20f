"""Values on their way between machines: files in a folder that all of them see, sealed, read once."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tltpipe import seal
from tltpipe.errors import HostError
from tltpipe.files import new_file, own_name, writable
from tltpipe.staging import arrived

VARIABLE = "TLTPIPE_SPOOL"
"""Environment variable with a folder that all nodes see; absent: the one that the command is started in."""
SMALL = 64 << 10
"""Bytes that travel with a task; Ray would put more into its object store."""
PREFIX = ".tltpipe-spool-"


@dataclass(frozen=True)
class Spool:
    """One ``folder``, for the values of one parallel map. Picklable: the key goes to workers with it and is kept
    nowhere, so that nobody else's file is ever unpickled."""

    folder: Path
    key: bytes = field(default_factory=lambda: os.urandom(seal.SIZE), repr=False)

    def put(self, name: str, value: Any) -> None:
        """Leave ``value`` under ``name``; what a second attempt leaves there replaces that of the first."""
        self._write(name, pickle.dumps(value, pickle.HIGHEST_PROTOCOL))

    def take(self, name: str) -> Any:
        """The value that was left under ``name``, which is gone then. Raises HostError where it is not there."""
        value = self._value(name)
        self.remove(name)
        return value

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def pack(self, name: str, value: Any) -> bytes:
        """``value`` as bytes, which are none where it is large: then it lies under ``name``."""
        content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        if len(content) <= SMALL:
            return content
        self._write(name, content)
        return b""

    def unpack(self, name: str, content: bytes) -> Any:
        """What was packed; where it lies it stays, for another attempt."""
        return pickle.loads(content) if content else self._value(name)

    def _write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        aside = path.with_name(f"{path.name}.{own_name()}")
        try:
            with new_file(aside, mode=0o600) as stream:
                stream.write(seal.made(self.key, name, content))
                stream.write(content)
            os.replace(aside, path)
        except FileNotFoundError:
            what = f"{socket.gethostname()} does not see this folder"
            hint = f"start the command in a folder that all nodes share, or set {VARIABLE} to one"
            raise HostError(what, where=self.folder, hint=hint) from None

    def _value(self, name: str) -> Any:
        path = self.folder / name
        content = seal.opened(self.key, name, arrived(path))
        if content is None:
            raise HostError("this file was changed on its way between two machines", where=path)
        return pickle.loads(content)


@contextmanager
def opened() -> Iterator[Spool]:
    """A new spool, removed with what is left in it when the block ends."""
    parent = Path(os.environ.get(VARIABLE, "")).absolute()
    with writable(parent):
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        yield Spool(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
