"""Data sets that can be fetched: one file each, found by name.

A module here says what there is to fetch and what belongs where; it fulfils this protocol:

    ARCHIVES: tuple[Archive, ...]
    ACCESS: str                                        how to come by archives and password, in a sentence
    def place(name: str, split: str) -> str | None     where an entry belongs below the split's folder
    def survey(folder: Path, archive: Archive, findings: Findings) -> dict[str, int]
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from converters.model.findings import Findings


@dataclass(frozen=True)
class Archive:
    """One archive: ``images`` is how many pictures the release has; ``drive_id`` None: not to be had by download."""

    split: str
    file_name: str
    images: int
    drive_id: str | None = None
    annotated: bool = True


class Fetchable(Protocol):
    """What a module of this folder offers."""

    ARCHIVES: tuple[Archive, ...]
    ACCESS: str

    def place(self, name: str, split: str) -> str | None:
        """The path below the split's folder for the entry ``name``; None for one that is no part of the split."""
        ...

    def survey(self, folder: Path, archive: Archive, findings: Findings) -> dict[str, int]:
        """What ``folder`` holds, counted by kind; what is missing or odd goes to ``findings``."""
        ...
