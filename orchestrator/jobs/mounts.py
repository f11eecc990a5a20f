"""How host paths are spelled inside a container."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path, PurePosixPath

from orchestrator.jobs import At, Mount

WORKSPACE = "/workspace"
SECRETS = "/run/tltpipe"
"""Folder of the container with one file a secret: nothing may be mounted there, or they would stay on this machine."""


@dataclass
class MountTable:
    """The mounts of the launcher's file (``launcher``), the workspace unless it lies in one of them, and every outside
    path it was asked for in a read-only mount of its own."""

    workspace: Path
    launcher: tuple[Mount, ...] = ()
    outside: dict[Path, str] = field(default_factory=dict)

    def at(self, path: Path) -> str:
        """The path inside the container. A trailing glob or file name that does not exist yet is fine."""
        path = Path(os.path.abspath(path))
        seen = self._seen(path, self._writable)
        if seen is not None:
            return seen
        folder = path if path.is_dir() else path.parent
        if folder not in self.outside:
            self.outside[folder] = self._free("/mnt/", first=len(self.outside))
        target = self.outside[folder]
        return target if path == folder else f"{target}/{path.name}"

    def mounts(self) -> tuple[Mount, ...]:
        outside = (Mount(source, target, read_only=True) for source, target in self.outside.items())
        return (*self._writable, *outside)

    @cached_property
    def _writable(self) -> tuple[Mount, ...]:
        """Those of the launcher's file, and the workspace where they do not show all of it."""
        seen = self._seen(self.workspace, self.launcher)
        whole = seen is not None and not any(self._hides(mount, seen) for mount in self.launcher)
        return self.launcher if whole else (Mount(self.workspace, self._target()), *self.launcher)

    def _hides(self, mount: Mount, workspace: str) -> bool:
        """Whether ``mount`` lies over a part of the ``workspace`` in the container, and is another folder than that."""
        if not _inside(mount.target, workspace):
            return False
        part = Path(self.workspace, PurePosixPath(mount.target).relative_to(workspace))
        return mount.source != Path(os.path.realpath(part))

    def _seen(self, path: Path, mounts: tuple[Mount, ...]) -> str | None:
        """``path`` by the nearest of the mounts; the launcher's sources are real paths: one that leads there through
        links counts."""
        spelled = spell(path, mounts)
        return spell(Path(os.path.realpath(path)), mounts) if spelled is None and self.launcher else spelled

    def _target(self) -> str:
        """Where the workspace is mounted: not above or below one of the launcher's destinations, whose folders the
        engine would make in it."""
        return WORKSPACE if self._is_free(WORKSPACE) else self._free(f"{WORKSPACE}-")

    def _free(self, prefix: str, first: int = 0) -> str:
        names = (f"{start}{number}" for number in count(first) for start in (prefix, prefix.replace("/mnt/", "/mnt-")))
        return next(name for name in names if self._is_free(name))

    def _is_free(self, target: str) -> bool:
        taken = [*self.outside.values(), *(mount.target for mount in self.launcher)]
        return not any(target == other or _inside(target, other) or _inside(other, target) for other in taken)


def spell(path: Path, mounts: Sequence[Mount]) -> str | None:
    """``path`` by the nearest of the mounts in which nothing is mounted over it; None where there is none."""
    for mount in sorted(mounts, key=lambda mount: -len(mount.source.parts)):
        seen = _below(path, mount)
        if seen is not None and not any(_covers(other, mount, seen) for other in mounts):
            return seen
    return None


def _below(path: Path, mount: Mount) -> str | None:
    """``path`` as it is spelled below ``mount``, None if it lies elsewhere."""
    if not path.is_relative_to(mount.source):
        return None
    inside = path.relative_to(mount.source).as_posix()
    return mount.target if inside == "." else f"{mount.target}/{inside}"


def _covers(other: Mount, mount: Mount, seen: str) -> bool:
    """Whether ``other`` is mounted within ``mount``, over the path ``seen`` in it."""
    return _inside(other.target, mount.target) and (seen == other.target or _inside(seen, other.target))


def _inside(path: str, folder: str) -> bool:
    """Whether ``path`` lies below ``folder``, both in the container."""
    return path != folder and PurePosixPath(path).is_relative_to(folder)


FEW = 16
"""Linked files of one folder that get a mount each; of more, their folder is mounted."""


def link_mounts(workspace: Path, at: At) -> tuple[Mount, ...]:
    """Mounts for the links in ``workspace`` that would lead to nothing inside the container, where ``at`` spells paths.

    What a link leads to is mounted at the link itself: the engine follows the link within the container and mounts
    where that leads, so paths in specs stay as they are. A relative link that stays inside needs nothing. Like the
    workspace that they are part of, these mounts can be written.
    """
    root = Path(os.path.realpath(workspace))
    found: list[Mount] = []
    files: dict[Path, list[Path]] = {}
    for link in _links(workspace):
        real = Path(os.path.realpath(link))
        if not real.exists() or (real.is_relative_to(root) and not link.readlink().is_absolute()):
            continue
        if real.is_dir():
            found.append(Mount(real, at(link)))
        else:
            files.setdefault(real.parent, []).append(link)
    for folder, links in files.items():
        seen = [PurePosixPath(at(link)) for link in links]
        if len(links) <= FEW:
            found += [Mount(Path(os.path.realpath(link)), str(at)) for link, at in zip(links, seen, strict=True)]
        else:
            leads = seen[0].parent / links[0].readlink().parent
            found.append(Mount(folder, os.path.normpath(leads)))
    return tuple(found)


def _links(folder: Path) -> Iterator[Path]:
    """Every symbolic link below ``folder`` that this user can see; links are not followed."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((e.name, e.is_symlink(), e.is_dir(follow_symlinks=False)) for e in entries)
    except PermissionError:
        return
    for name, link, directory in found:
        if link:
            yield folder / name
        elif directory:
            yield from _links(folder / name)
