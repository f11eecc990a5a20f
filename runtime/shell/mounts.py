"""Which folders of this machine play those of NVIDIA's containers, in specs and on command lines.

In this order, the longest container folder first:

1. ``TLTPIPE_MOUNTS``, pairs of CONTAINER=HOST joined by ":", as PATH is: ``/data=/mnt/kitti:/runs=/home/me/runs``.
2. ``TLTPIPE_WORKSPACE``, the folder that plays /workspace.
3. The file that NVIDIA's launcher reads, ``~/.tao_mounts.json`` (``LAUNCHER_MOUNTS`` names another): ``{"Mounts":
   [{"source": HOST, "destination": CONTAINER}, ...]}``. It may be of another job: it counts only for a path that leads
   to nothing on this machine as it is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from tltpipe import launcher_mounts
from tltpipe.errors import UsageError

CONTAINER_ROOT = "/workspace"
WORKSPACE = "TLTPIPE_WORKSPACE"
MOUNTS = "TLTPIPE_MOUNTS"
"""Environment variables."""
USUAL_FILE = ".tao_mounts.json"
"""Of the launcher, in the home folder."""


def host_text(text: str) -> str:
    """The path, glob or prefix ``text`` as this machine knows it; a trailing slash stays.

    Raises UsageError for a variable or a launcher's file that cannot be understood.
    """
    if not text.startswith("/"):
        return text
    chosen = _by_environment()
    if (found := _placed(text, chosen)) is not None:
        return found
    return text if _leads_somewhere(text) else _placed(text, _by_launcher()) or text


def hint(path: Path | str) -> str | None:
    """What to do where ``path`` is not there and may be that of a container; None where it is none of such.

    Those of users begin with a folder that this machine has, too: /home/user/data.
    """
    if not str(path).startswith("/"):
        return None
    for by, container, host in _all():
        if _placed(str(path), {host: host}) is not None and not Path(host).exists():
            return f"{by} says that {container} is {host} here, and there is no such folder"
    lacking = [each for each in (*reversed(Path(path).parents), Path(path)) if not each.exists()]
    depth = len(lacking[0].parts) - 1 if lacking else 0
    if depth != 1 and (depth != 2 or len(lacking) < 2):
        return None
    folder = str(lacking[0])
    if folder == CONTAINER_ROOT:
        return f"is it a container's path? Set {WORKSPACE} to the folder that plays {CONTAINER_ROOT}"
    return f"is it a container's path? Map it: {MOUNTS}={folder}=HOST_FOLDER, or in ~/{USUAL_FILE}"


def _placed(text: str, mounts: Mapping[str, str]) -> str | None:
    """``text`` by the innermost of ``mounts`` that it lies in."""
    for folder in sorted(mounts, key=len, reverse=True):
        if text == folder or text.startswith(folder.rstrip("/") + "/"):
            return mounts[folder].rstrip("/") + text[len(folder.rstrip("/")) :]
    return None


def _by_environment() -> dict[str, str]:
    found: dict[str, str] = {}
    if workspace := os.environ.get(WORKSPACE):
        found[CONTAINER_ROOT] = os.path.abspath(workspace)
    for pair in filter(None, os.environ.get(MOUNTS, "").split(os.pathsep)):
        container, equals, host = pair.partition("=")
        if not equals or not container.startswith("/") or not host:
            hint = "pairs of CONTAINER=HOST joined by colons: /data=/mnt/kitti:/experiment_dir=/home/me/runs"
            raise UsageError(f'"{pair}" is not CONTAINER=HOST', where=MOUNTS, hint=hint)
        found[_tidy(container)] = _absolute(host)
    return found


def _by_launcher() -> Mapping[str, str]:
    path = launcher_mounts.find([USUAL_FILE])
    return {} if path is None else _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read(path: Path, _changed: int) -> Mapping[str, str]:
    return {target: str(source) for source, target, _ in launcher_mounts.mounts(launcher_mounts.read(path))}


def _leads_somewhere(text: str) -> bool:
    """Whether ``text``, or the folder that it would lie in, is there: an output need not be."""
    there = os.path.exists  # Path.exists raises where it may not look
    folder = str(Path(text).parent)
    return there(text) or (folder != "/" and there(f"{folder}/"))


def _all() -> Iterator[tuple[str, str, str]]:
    """Every mount, by whom it is said, the container's folder, and that of this machine."""
    for container, folder in _by_environment().items():
        given = container == CONTAINER_ROOT and f"{CONTAINER_ROOT}=" not in os.environ.get(MOUNTS, "")
        yield (WORKSPACE if given else MOUNTS), container, folder
    for container, folder in _by_launcher().items():
        yield str(launcher_mounts.find([USUAL_FILE])), container, folder


def _tidy(folder: str) -> str:
    return os.path.normpath(folder)


def _absolute(folder: str) -> str:
    return os.path.abspath(Path(folder).expanduser())
