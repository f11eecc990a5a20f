"""The images below a folder by their names without extension, however deep, whatever their extensions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from converters.files import listing
from tltpipe.errors import DataError


@dataclass(frozen=True)
class ImageFiles:
    """The images below ``folder``; ``extension``, with its dot, narrows them to one as it is written, None to none.

    ``any_case``: upper and lower case of the extension count as one. Each folder is listed once.
    """

    folder: Path
    extension: str | None = None
    any_case: bool = False

    @property
    def by_stem(self) -> dict[str, str]:
        """Path below the folder by the same without extension, sorted by path. Raises DataError where two share it."""
        return self._sorted[0]

    @property
    def others(self) -> list[str]:
        """Paths of images with another extension than the one that is asked for, sorted."""
        return self._sorted[1]

    @property
    def unsupported(self) -> list[str]:
        """Paths of files in formats that cannot be read, sorted."""
        return self._sorted[2]

    @property
    def skipped(self) -> set[str]:
        """The images that are left out, without their extensions."""
        return {path.rpartition(".")[0] for path in (*self.others, *self.unsupported)}

    def notes(self) -> Iterator[str]:
        """What is left out, counted by extension."""
        if self.others:
            yield f"{self.folder}: image_extension is {self.extension}, left out: {listing.counted(self.others)}"
        if self.unsupported:
            what = f"{listing.counted(self.unsupported)} cannot be read and are left out"
            yield f"{self.folder}: {what}: convert them to JPEG or PNG"

    @cached_property
    def _sorted(self) -> tuple[dict[str, str], list[str], list[str]]:
        found: dict[str, str] = {}
        others: list[str] = []
        unsupported: list[str] = []
        own = listing.extension_of(self.extension or "")
        for path in sorted(listing.files(self.folder, listing.PICTURES | listing.UNSUPPORTED | {own})):
            if not self._fits(path):
                (unsupported if listing.extension_of(path) in listing.UNSUPPORTED else others).append(path)
                continue
            stem = self._stem(path)
            if (first := found.setdefault(stem, path)) != path:
                raise _shared(self.folder, first, path)
        return found, others, unsupported

    def _fits(self, path: str) -> bool:
        if self.extension is None:
            return listing.extension_of(path) in listing.PICTURES
        return path.lower().endswith(self.extension.lower()) if self.any_case else path.endswith(self.extension)

    def _stem(self, path: str) -> str:
        """As NVIDIA has it: without ``extension``, or without what stands behind the last dot where that has more."""
        if self.extension is not None and self.extension.count(".") == 1:
            return path[: -len(self.extension)]
        return path.rpartition(".")[0]

    def __getstate__(self) -> dict[str, object]:
        return {key: self.__dict__[key] for key in ("folder", "extension", "any_case")}


def _shared(folder: Path, first: str, second: str) -> DataError:
    what = f'"{first}" and "{second}" would share one label file'
    return DataError(what, where=folder, hint="rename one of the two")


class FrameImages:
    """What the images of frame ids are called: a path below ``folder`` without extension is given one.

    ``extension``, with its dot, is that of all, None for whatever there is. ``lenient``: an image that has another is
    taken, too, and counted in ``renamed``. Each folder is listed once.
    """

    def __init__(self, folder: Path, extension: str | None, *, lenient: bool = True) -> None:
        self.folder, self.extension, self.lenient = folder, extension, lenient
        self.renamed: list[str] = []
        self._names: dict[str, frozenset[str]] = {}
        self._stems: dict[str, dict[str, tuple[str, ...]]] = {}

    def __call__(self, id: str) -> str:
        """The path below the folder; one that is not there where there is none. Raises DataError for several."""
        expected = f"{id}{self.extension or '.jpg'}"
        if self.extension is not None and not self.lenient:
            return expected
        folder, _, stem = id.rpartition("/")
        if folder not in self._names:
            self._names[folder] = names_in(self.folder / folder)
        if self.extension is not None and f"{stem}{self.extension}" in self._names[folder]:
            return expected
        found = self._by_stem(folder).get(stem, ())
        if len(found) > 1:
            raise listing.ambiguous(self.folder, (f"{id}.{extension}" for extension in found))
        if not found:
            return expected
        name = f"{id}.{found[0]}"
        if self.extension is not None:
            self.renamed.append(name)
        return name

    def _by_stem(self, folder: str) -> dict[str, tuple[str, ...]]:
        if folder not in self._stems:
            stems = self._stems[folder] = {}
            for name in sorted(self._names[folder]):
                stem, _, extension = name.rpartition(".")
                if extension.lower() in listing.PICTURES and stem:
                    stems[stem] = (*stems.get(stem, ()), extension)
        return self._stems[folder]


def names_in(folder: Path) -> frozenset[str]:
    """Names in ``folder``; none where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries)
    except OSError:
        return frozenset()
