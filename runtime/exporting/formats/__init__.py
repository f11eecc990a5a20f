"""One file per export format; its name is the value of ``--format``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runtime.exporting.subject import Made, Subject

FOLDER = "runtime.exporting.formats"


class Format(Protocol):
    """What a module in this folder provides."""

    ABOUT: str
    """What it is, for people: ``"ONNX with ..."``."""

    SUFFIXES: tuple[str, ...]
    """Ends of its files' names; the first is given to a name without one."""

    DATA_TYPES: tuple[str, ...]
    """Of ``subject.DATA_TYPES``, those it can be written with."""

    NEEDS: tuple[str, ...]
    """Packages beside torch that it takes."""

    def write(self, subject: Subject, path: Path) -> Made:
        """Write the program to ``path``. Raises ExportError."""
        ...
