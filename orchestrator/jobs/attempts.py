"""A stage that was begun: noted until it has succeeded, so that one that was interrupted shows as such."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.jobs import receipts
from tltpipe import files, inputs, plain
from tltpipe.errors import Interrupted, TltpipeError

RUNNING, INTERRUPTED, FAILED = "running", "interrupted", "failed"


@dataclass(frozen=True)
class Attempt:
    """``state`` is "running", "interrupted" or "failed", as far as its process could still say; ``why`` it failed.

    ``began`` is local time with its offset, ISO 8601.
    """

    began: str
    state: str = RUNNING
    why: str = ""

    @property
    def when(self) -> str:
        return self.began[:16].replace("T", " ")


def load(folder: Path, stage: str) -> Attempt | None:
    """The attempt at ``stage`` that has not succeeded; None where there is none, or a note that cannot be read."""
    try:
        return plain.from_json(inputs.content(_path(folder, stage)), Attempt)
    except (OSError, plain.NotPlain):
        return None


@contextmanager
def noted(folder: Path, stage: str) -> Iterator[None]:
    """Note in ``folder`` that ``stage`` is under way, and how it ended unless it ended well."""
    began = receipts.now()
    _save(folder, stage, Attempt(began))
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        _save(folder, stage, Attempt(began, INTERRUPTED))
        raise
    except BaseException as error:
        why = error.what.splitlines()[0] if isinstance(error, TltpipeError) else type(error).__name__
        _save(folder, stage, Attempt(began, FAILED, why))
        raise
    _path(folder, stage).unlink(missing_ok=True)


def _path(folder: Path, stage: str) -> Path:
    return folder / f"{stage}.attempt.json"


def _save(folder: Path, stage: str, attempt: Attempt) -> None:
    files.write_text(_path(folder, stage), json.dumps(asdict(attempt), indent=2) + "\n")
