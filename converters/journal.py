"""What a long piece of work has done so far, so that it can be killed at any instant and go on.

A folder beside the outputs: ``identity`` says which work it is, ``000123`` is what came of one chunk, and
``finished`` lists the moves that make the outputs appear. Every file is whole or absent; the folder goes last.
"""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tltpipe import locks
from tltpipe.errors import HostError
from tltpipe.files import newest, swap, writable


@dataclass(frozen=True)
class Journal:
    """One folder; picklable, so that workers note down what they did."""

    folder: Path

    def note(self, number: int, what: Any) -> None:
        """Write down what came of chunk ``number``."""
        path = self._path(number)
        partial = path.with_suffix(".partial")
        with writable(self.folder):
            partial.write_bytes(pickle.dumps(what, pickle.HIGHEST_PROTOCOL))
            partial.replace(path)

    def noted(self, number: int) -> bool:
        return self._path(number).exists()

    def told(self, number: int) -> Any:
        """What was noted of chunk ``number``, by us, at a time when the identity was the same."""
        return pickle.loads(self._path(number).read_bytes())

    def resumes(self, staging: Sequence[Path], identity: str, inputs: Sequence[Path]) -> bool:
        """Whether an earlier run was at this very work, what it read has not changed, and what it made is there."""
        return self._same(identity, inputs) and all(made.is_dir() for made in staging)

    def _same(self, identity: str, inputs: Sequence[Path]) -> bool:
        """A look at every input is due only now, after a run that was killed: changed is what is newer than its start.

        A file put in another's place with an old date makes its folder newer; that a whole folder is another one
        shows in the identity.
        """
        path = self.folder / "identity"
        return path.is_file() and path.read_text() == identity and newest(inputs) < path.stat().st_mtime_ns

    def begin(self, identity: str) -> None:
        """Forget what was noted and start this work."""
        self.forget()
        with writable(self.folder.parent):
            self.folder.mkdir(parents=True)
            (self.folder / "identity").write_text(identity)

    def commit(self, moves: Sequence[tuple[Path, Path]], answer: Any) -> None:
        """Make the outputs appear, each a move from its staging path; then the journal is gone.

        From the first line on, a killed run is ended by ``committed`` of the next one.
        """
        self.note(-1, answer)
        listed = [[os.fsdecode(path) for path in move] for move in moves]
        partial = self.folder / "finished.partial"
        with writable(self.folder):
            partial.write_bytes(orjson.dumps(listed))
            partial.replace(self.folder / "finished")
        self._move(moves)

    def committed(self, identity: str, inputs: Sequence[Path]) -> Any | None:
        """End a commit that was under way when its run was killed and return its answer; None when there is none."""
        finished = self.folder / "finished"
        if not finished.is_file():
            return None
        same, answer = self._same(identity, inputs), self.told(-1)
        self._move([(Path(staging), Path(target)) for staging, target in orjson.loads(finished.read_bytes())])
        return answer if same else None

    def forget(self) -> None:
        """Take the journal away: its last page goes last, and at once, so that no run finds half a journal."""
        gone = self.folder.with_name(f"{self.folder.name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        if not self.folder.is_dir():
            return
        for path in self.folder.glob("0*"):
            path.unlink(missing_ok=True)
        self.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _move(self, moves: Sequence[tuple[Path, Path]]) -> None:
        for staging, target in moves:
            with writable(target.parent):
                if staging.is_dir():
                    swap(staging, target)
                elif staging.exists():
                    os.replace(staging, target)
                shutil.rmtree(target.parent / f".{target.name}.old", ignore_errors=True)
        self.forget()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}"


def alone(folder: Path) -> AbstractContextManager[None]:
    """Hold off a second run at the same work. Raises HostError when there is one."""
    target = folder.with_name(folder.name.removeprefix(".").removesuffix(".journal"))
    where = target if target.exists() else folder.parent
    taken = HostError("another run is writing here", where=where, hint="wait until it is done")
    return locks.held(folder.parent / f"{folder.name}.lock", taken)
