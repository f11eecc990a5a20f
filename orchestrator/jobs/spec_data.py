"""What rules about specs know of paths and data (``specs.rules.facts``), for a workspace and where its jobs run."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import specs
from orchestrator.jobs import Mount, data_readers
from orchestrator.jobs.mounts import link_mounts, spell
from specs.data_sources import DataSource, Role
from specs.rules.facts import SourceFacts
from specs.spec import Spec
from tltpipe.errors import DataError


@dataclass(frozen=True)
class WorkspacePaths:
    """``contained``: jobs see the folders of ``mounts`` and nothing else; else all of this machine, and the workspace
    ``root`` as /workspace, too."""

    root: Path
    mounts: tuple[Mount, ...]
    contained: bool

    def host(self, text: str) -> Path | None:
        if not text.startswith("/"):
            return self.root / text
        for mount in sorted(self.mounts, key=lambda each: len(each.target), reverse=True):
            if text == mount.target or text.startswith(mount.target.rstrip("/") + "/"):
                inside, source = text[len(mount.target.rstrip("/")) :], str(mount.source)
                return Path((glob.escape(source) if glob.has_magic(inside) else source) + inside)
        return None if self.contained else Path(text)

    def job(self, path: Path) -> str | None:
        return (spell(path, self._real) or spell(path, self._links)) if self.contained else str(path)

    @cached_property
    def _real(self) -> tuple[Mount, ...]:
        """The mounts by the names that they were given, and by those that links of this machine lead to."""
        return (*self.mounts, *(replace(mount, source=mount.source.resolve()) for mount in self.mounts))

    @cached_property
    def _links(self) -> tuple[Mount, ...]:
        """What links in the workspace lead to is mounted, too."""
        return link_mounts(self.root, lambda link: spell(link, self.mounts) or "")


@dataclass(frozen=True)
class WorkspaceData:
    """The data of ``spec`` that serve one of ``roles``; paths below the command line's folder lie in each of
    ``folders``."""

    spec: Spec
    paths: WorkspacePaths
    folders: tuple[Path, ...] = ()
    roles: tuple[Role, ...] = ("training", "validation")

    def sources(self) -> Sequence[SourceFacts]:
        return self._sources

    @cached_property
    def _sources(self) -> tuple[SourceFacts, ...]:
        return tuple(self._read())

    def _read(self) -> Iterator[SourceFacts]:
        for source in specs.data_sources(self.spec):
            if source.role in self.roles or (source.held_out is not None and "validation" in self.roles):
                places = list(self._places(source))
                if source.below_data and self.folders and not places:
                    yield SourceFacts(source, counted=False, unread=self._not_there(source))
                for annotations, images in places:
                    try:
                        yield data_readers.load(source.format).read(source, annotations, images)
                    except DataError as problem:
                        yield SourceFacts(source, problem=problem)
                    except OSError as problem:
                        message = DataError(
                            f"cannot be read: {problem.strerror}", where=problem.filename or annotations
                        )
                        yield SourceFacts(source, problem=message)

    def _not_there(self, source: DataSource) -> str:
        folders = " or ".join(str(folder.relative_to(self.paths.root)) for folder in self.folders)
        named = f"{source.images} and {source.annotations}"
        return f"no data were read: {named}, below -d of tlt-augment, are not in {folders}"

    def _places(self, source: DataSource) -> Iterator[tuple[Path, Path | None]]:
        """Annotations and images of ``source`` on this host, as far as they are there: what is missing, the rules about
        paths report."""
        if source.below_data:
            result = [(folder / source.annotations, folder / source.images) for folder in self.folders]
            yield from (pair for pair in result if pair[0].is_dir() and pair[1].is_dir())
            return
        annotations = self.paths.host(source.annotations)
        images = self.paths.host(source.images) if source.images else None
        if annotations is not None and (annotations.exists() or next(glob.iglob(str(annotations)), None) is not None):
            yield annotations, images if images is not None and images.is_dir() else None
