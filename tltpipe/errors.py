"""Every error we raise on purpose.

    TltpipeError                1   something went wrong that we can name
    ├── RunFailed               1   a job ended badly, or ended well without its outputs
    ├── UsageError              2   the command line
    │   ├── ConfigError         2   tltpipe.yaml, an environment variable, --set
    │   └── SpecError           2   a spec file
    ├── DataError               3   images, annotations, labels, records
    ├── ModelError              4   a checkpoint or a network that cannot be built
    ├── ExportError             5   a model that cannot be exported
    ├── HostError               6   this machine: no Docker, no image, no room, no permission
    ├── FindingsError           7   tltpipe check --strict: the data have errors or warnings
    └── Interrupted           130   Ctrl-C or SIGTERM

Each says where, what, and what to do next. The class decides the exit code, so a new error needs no second edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Location:
    """A place in a file; line and column count from 1, None where they have no meaning."""

    path: Path | str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [str(self.path), *(str(n) for n in (self.line, self.column) if n is not None)]
        return ":".join(parts)


class TltpipeError(Exception):
    """Base of all errors that a user may meet: ``str()`` is ``where: what``; ``hint`` says what to do next."""

    exit_code = 1

    def __init__(self, what: str, *, where: Location | Path | str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where is not None else self.what


class RunFailed(TltpipeError):
    exit_code = 1


class UsageError(TltpipeError):
    exit_code = 2


class ConfigError(UsageError):
    pass


class SpecError(UsageError):
    """``code`` is the rule that the spec breaks (specs.rules), "" where it is none; ``instead`` a word that is written
    at ``where`` and the one that is surely meant; ``parts`` are all errors of a spec where this stands for several."""

    def __init__(
        self,
        what: str,
        *,
        where: Location | Path | str | None = None,
        hint: str | None = None,
        code: str = "",
        instead: tuple[str, str] | None = None,
        parts: Sequence[SpecError] = (),
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.code, self.instead, self.parts = code, instead, tuple(parts)


class DataError(TltpipeError):
    """``code`` is the rule that the data break, where there is one (converters.model.rules)."""

    exit_code = 3

    def __init__(
        self,
        what: str,
        *,
        where: Location | Path | str | None = None,
        hint: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.code = code


class ModelError(TltpipeError):
    exit_code = 4


class ExportError(TltpipeError):
    exit_code = 5


class HostError(TltpipeError):
    exit_code = 6


class FindingsError(TltpipeError):
    exit_code = 7


class Interrupted(TltpipeError):
    exit_code = 130


def from_exit_code(code: int) -> type[TltpipeError]:
    """The error class that one of our programs meant by this exit code (RunFailed for a code that is not ours)."""
    classes = (UsageError, DataError, ModelError, ExportError, HostError, Interrupted)
    return next((cls for cls in classes if cls.exit_code == code), RunFailed)
