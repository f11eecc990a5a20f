"""How host paths are spelled inside a container."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.jobs import Mount


@dataclass
class MountTable:
    """The workspace at ``target``, and every outside path it was asked for in a read-only mount of its own."""

    workspace: Path
    target: str = "/workspace"
    outside: dict[Path, str] = field(default_factory=dict)

    def at(self, path: Path) -> str:
        """The path inside the container. A trailing glob or file name that does not exist yet is fine."""
        path = Path(os.path.abspath(path))
        if path.is_relative_to(self.workspace):
            inside = path.relative_to(self.workspace).as_posix()
            return self.target if inside == "." else f"{self.target}/{inside}"
        folder = path if path.is_dir() else path.parent
        target = self.outside.setdefault(folder, f"/mnt/{len(self.outside)}")
        return target if path == folder else f"{target}/{path.name}"

    def mounts(self) -> tuple[Mount, ...]:
        outside = (Mount(source, target, read_only=True) for source, target in self.outside.items())
        return (Mount(self.workspace, self.target), *outside)
