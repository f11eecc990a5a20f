"""Files that are whole or absent: atomic writes, staged folders, fingerprints."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tltpipe import inputs
from tltpipe.errors import HostError, Interrupted


@contextmanager
def atomic(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a neighbour of ``path`` for writing ("w" text, "wb" bytes) and move it into place when the block ends well.

    Readers see the old file or the new one, never a part. On an exception nothing of it remains.
    Raises HostError when the folder cannot be written.
    """
    with writable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    temporary = Path(name)
    try:
        encoding = None if "b" in mode else "utf-8"
        with os.fdopen(handle, mode, encoding=encoding, newline=None if "b" in mode else "\n") as stream:
            yield stream
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write ``text`` (UTF-8) so that ``path`` is the old file or the whole new one."""
    with atomic(path) as stream:
        stream.write(text)


@contextmanager
def staged(target: Path, *, resumed: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside ``target`` that takes its place when the block ends well.

    The folder that was there before stays until then and is removed after the swap. On an exception the staging
    folder is removed and ``target`` is untouched. With ``resumed`` it is the folder that a killed run has left, if
    there is one, and stays after an interruption. Raises HostError when the parent cannot be written.
    """
    target = Path(os.path.abspath(target))
    staging = beside(target)
    with writable(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_dir():
            raise FileExistsError(errno.EEXIST, "not a folder", str(target))
        if not resumed or staging.is_symlink():
            remove(staging)
        staging.mkdir(exist_ok=resumed)
    try:
        yield staging
        swap(staging, target)
    except BaseException as error:
        if not (resumed and isinstance(error, KeyboardInterrupt | Interrupted)):
            remove(staging)
        raise


def beside(target: Path) -> Path:
    """The hidden neighbour in which ``target`` is made before it appears."""
    return target.parent / f".{target.name}.partial"


@contextmanager
def replaced(target: Path, *, folder: bool) -> Iterator[Path]:
    """Yield a path beside ``target`` that takes its place when the block ends well: an empty folder, or no file yet.

    On an exception nothing of it remains and ``target`` is untouched. Raises HostError as ``staged`` does.
    """
    if folder:
        with staged(target) as staging:
            yield staging
        return
    staging = beside(target)
    with writable(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield staging
        os.replace(staging, target)
    finally:
        staging.unlink(missing_ok=True)


def swap(staging: Path, target: Path) -> None:
    """Move the folder ``staging`` to ``target``; what was there is removed once the new one is in place.

    A symbolic link that was there is removed, and what it leads to is left alone. Raises FileExistsError for a file.
    """
    old = target.parent / f".{target.name}.old"
    remove(old)
    if os.path.lexists(target):
        if not target.is_dir() and not target.is_symlink():
            raise FileExistsError(errno.EEXIST, "not a folder", str(target))
        target.rename(old)
    staging.rename(target)
    remove(old)


def remove(path: Path) -> None:
    """Remove the file, the folder or the symbolic link ``path``, if there is one; never what a link leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def new_file(path: Path, *, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Open ``path`` for writing as a file of its own: what had this name, a link to another file too, loses it."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, mode), "wb") as stream:
        yield stream


def own_name() -> str:
    """A part of a file's name that no other process uses, on this machine or on another one."""
    return f"{os.uname().nodename}-{os.getpid()}-{os.urandom(4).hex()}"


def refuse_links(root: Path, targets: Iterable[Path]) -> None:
    """Raise HostError where a folder between ``root`` and one of ``targets`` is a symbolic link.

    What is written or replaced there would lie outside of ``root``, wherever the maker of the link wanted.
    """
    for folder in links_above(root, targets):
        what = f"this is a symbolic link (to {folder.readlink()}), and outputs are not written through links"
        raise HostError(what, where=folder, hint="remove the link, or name the folder that it leads to")


def links_above(root: Path, targets: Iterable[Path]) -> list[Path]:
    """The folders between ``root`` and any of ``targets`` that are symbolic links."""
    between = {folder for target in targets for folder in target.parents if root in folder.parents}
    return sorted(folder for folder in between if folder.is_symlink())


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write below ``folder`` into a HostError that says what to do."""
    try:
        yield
    except PermissionError as refusal:
        raise HostError(
            "this folder cannot be written", where=folder, hint="check its owner and permissions, or choose another"
        ) from refusal
    except (FileExistsError, NotADirectoryError) as refusal:
        raise HostError("a file is where a folder is needed", where=refusal.filename or folder) from refusal
    except OSError as refusal:
        raise HostError(f"cannot write here: {refusal.strerror}", where=folder) from refusal


def fingerprint(paths: Iterable[Path]) -> str:
    """A hash over name, size and modification time of every file below ``paths``: one stat a file, no content read.

    A path that does not exist takes part as missing. Hidden files and folders do not count. Names are those below
    the path, so that a folder keeps its fingerprint when it moves as a whole.
    """
    digest = hashlib.sha256()
    for root in paths:
        lines: list[str] = []
        for name, state in _states(root):
            if state is not None and stat.S_ISDIR(state.st_mode):
                continue
            lines.append(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\n" if state else f"{name}\0missing\n")
            if len(lines) == 512:
                digest.update(os.fsencode("".join(lines)))
                lines.clear()
        digest.update(os.fsencode("".join(lines)))
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in the file ``path``; an empty one where there is no such file, or something else is in it."""
    try:
        found = json.loads(inputs.content(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def sha256(path: Path) -> str:
    """The checksum of what is in the file ``path``, as ``sha256sum`` prints it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def newest(paths: Iterable[Path]) -> int:
    """The latest modification time, in nanoseconds, of all files and folders below ``paths``; 0 where nothing is."""
    return max((state.st_mtime_ns for root in paths for _, state in _states(root) if state is not None), default=0)


def _states(root: Path) -> Iterator[tuple[str, os.stat_result | None]]:
    """``root`` and what is below it, folders too, each with its name below the root; None for what is not there."""
    try:
        state = root.stat()
    except OSError:
        yield str(root), None
        return
    yield "", state
    if stat.S_ISDIR(state.st_mode):
        yield from _below(str(root), "")


def _below(folder: str, prefix: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """What is in ``folder``, sorted: of 200,000 files only the names are in memory."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        for name in sorted(os.listdir(handle)):  # noqa: PTH208
            if name.startswith("."):
                continue
            try:
                state = os.stat(name, dir_fd=handle)  # a short name is found faster than a long path
            except OSError:  # a link that leads nowhere
                yield f"{prefix}/{name}", None
                continue
            yield f"{prefix}/{name}", state
            if stat.S_ISDIR(state.st_mode):
                yield from _below(f"{folder}/{name}", f"{prefix}/{name}")
    finally:
        os.close(handle)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
