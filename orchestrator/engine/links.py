"""Symbolic links in a workspace, which a container sees without what they lead to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from orchestrator.jobs import Mount

FEW = 16
"""Linked files of one folder that get a mount each; of more, their folder is mounted."""


def mounts(workspace: Path, target: str) -> tuple[Mount, ...]:
    """Mounts for the links in ``workspace`` (seen at ``target``) that would lead to nothing inside the container.

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
            found.append(Mount(real, f"{target}/{link.relative_to(workspace).as_posix()}"))
        else:
            files.setdefault(real.parent, []).append(link)
    for folder, links in files.items():
        seen = [PurePosixPath(target, link.relative_to(workspace)) for link in links]
        if len(links) <= FEW:
            found += [Mount(Path(os.path.realpath(link)), str(at)) for link, at in zip(links, seen, strict=True)]
        else:
            leads = seen[0].parent / links[0].readlink().parent
            found.append(Mount(folder, os.path.normpath(leads)))
    return tuple(found)


def _links(folder: Path) -> Iterator[Path]:
    """Every symbolic link below ``folder``; links are not followed."""
    with os.scandir(folder) as entries:
        found = sorted((e.name, e.is_symlink(), e.is_dir(follow_symlinks=False)) for e in entries)
    for name, link, directory in found:
        if link:
            yield folder / name
        elif directory:
            yield from _links(folder / name)
