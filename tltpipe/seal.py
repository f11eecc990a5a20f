"""What this user wrote earlier, told from what anyone else put in its place: sealed files.

A seal is a keyed hash over the content and over what the content is for. The key is random, one for each user, and lies
outside every data folder: whoever supplies a folder cannot make a seal that fits.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path

from tltpipe import inputs
from tltpipe.files import new_file, write_text

NAME = "seal.key"
"""The file that holds a key, in hexadecimal digits."""
TRUST = "TLTPIPE_TRUST_PT2"
"""Environment variable: "1" reads programs that others exported."""
PLACE = "TLTPIPE_SEAL_KEY"
"""Environment variable with the path of such a file: how a container gets the key of the user it works for."""
SIZE = 32
"""Bytes of a key and of a seal."""


@cache
def user_key() -> bytes:
    """The key of this user: of the file ``$TLTPIPE_SEAL_KEY`` where there is one, else of a file of its own.

    That is made when it is first needed: ``$XDG_STATE_HOME/tltpipe/seal.key``, mode 0600. Where it cannot be written
    it lies in ``$XDG_RUNTIME_DIR``; where there is no such folder either, the key lasts as long as this process, and no
    later run can continue what this one began.
    """
    with suppress(OSError):
        return _trusted(Path(os.environ.get(PLACE, "")))
    for folder in _folders():
        with suppress(OSError):
            return _kept_key(folder / "tltpipe")
    return os.urandom(SIZE)


def made(key: bytes, purpose: str, content: bytes | memoryview) -> bytes:
    """The seal of ``content``, good for ``purpose`` alone: ``SIZE`` bytes."""
    own = hashlib.blake2b(purpose.encode("utf-8", "surrogateescape"), key=key, digest_size=SIZE).digest()
    return hashlib.blake2b(content, key=own, digest_size=SIZE).digest()


def opened(key: bytes, purpose: str, text: bytes) -> memoryview | None:
    """What stands in ``text`` behind its seal; None where that was not made with this key, for this purpose."""
    content = memoryview(text)[SIZE:]
    return content if hmac.compare_digest(text[:SIZE], made(key, purpose, content)) else None


def write_beside(path: Path) -> Path:
    """Put the seal of the file ``path`` into ``<path>.seal``."""
    beside = path.with_name(f"{path.name}.seal")
    write_text(beside, f"{made(user_key(), path.suffix, inputs.content(path)).hex()}\n")
    return beside


def fits_beside(path: Path) -> bool:
    """Whether the file ``path`` is, bit by bit, one that this user sealed."""
    try:
        text = path.with_name(f"{path.name}.seal").read_bytes()[: 2 * SIZE]
        return hmac.compare_digest(text, made(user_key(), path.suffix, inputs.content(path)).hex().encode())
    except OSError:
        return False


def _folders() -> list[Path]:
    """Where a key may lie, the best place first; relative paths do not count, as the XDG specification has it."""
    named = [os.environ.get("XDG_STATE_HOME", ""), os.environ.get("XDG_RUNTIME_DIR", "")]
    if not Path(named[0]).is_absolute():
        named[0] = os.path.expanduser("~/.local/state")  # noqa: PTH111 - Path.expanduser raises where there is no home
    return [Path(name) for name in named if Path(name).is_absolute()]


def _kept_key(folder: Path) -> bytes:
    """The key in ``folder``, made where there is none. Raises OSError where it cannot be kept to this user."""
    path = folder / NAME
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        mine = folder / f".{NAME}.{os.getpid()}"
        with new_file(mine, mode=0o600) as stream:
            stream.write(os.urandom(SIZE).hex().encode())
        try:
            with suppress(FileExistsError):  # another process was faster
                os.link(mine, path)
        finally:
            mine.unlink()
    return _trusted(path)


def _trusted(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        state, digits = os.fstat(handle), stream.read(2 * SIZE + 1)
    sound = stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and not state.st_mode & 0o077
    try:
        key = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        key = b""
    if not sound or len(key) != SIZE:
        raise PermissionError(f"{path} is not a key of this user alone")
    return key


def environment() -> dict[str, str]:
    """The variable ``TRUST`` as it is set here, for programs that run elsewhere."""
    return {TRUST: os.environ[TRUST]} if os.environ.get(TRUST) else {}
