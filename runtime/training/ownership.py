"""Whether a results folder is still this training's: another attempt at the same job may have taken it over.

A node that was cut off, or a process that was stopped, is started anew elsewhere, and may wake up again. It must then
not write another word: checkpoints, logs and curves are those of the later attempt.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from runtime.shell import program
from runtime.training import guards
from tltpipe.errors import HostError, RunFailed
from tltpipe.locks import Hold

EVERY = 1.0
"""Seconds between two looks at the lock; whoever slept longer looks first of all."""


class Ownership:
    """That of ``results`` by the lock ``hold``; None holds it for ever."""

    def __init__(self, results: Path, hold: Hold | None) -> None:
        self.results, self.hold, self.checked = results, hold, 0.0

    def require(self) -> None:
        """End this process at once where the folder is another attempt's; to be called right before what matters."""
        self.checked = time.monotonic()
        if self.hold is None:
            return
        guards.require_folder(self.results)
        try:
            self.hold.require()
        except HostError as error:
            hint = "nothing of it was changed; the log of that run says how it goes on"
            code = program.report(RunFailed(error.what, where=error.where, hint=hint))
            sys.stdout.flush()
            # Whatever else would run at the end, writes: the log, the curves, the lock that is another's now.
            os._exit(code)

    def require_now_and_then(self) -> None:
        """The same, for what happens often."""
        if time.monotonic() - self.checked >= EVERY:
            self.require()
