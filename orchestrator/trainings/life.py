"""Whether the process of a training is still there, as far as this machine can know."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from orchestrator.trainings import reading
from orchestrator.trainings.description import Description
from tltpipe import locks

LOCK = ".training.lock"


def holds(folder: Path) -> bool:
    """Whether a training holds the lock of ``folder``; of one on another machine that may not be seen."""
    lock = reading.inside(folder, LOCK)
    return lock is not None and locks.taken(lock)


def gone(described: Description) -> bool:
    """Whether the process that wrote ``described`` ran on this machine and does so no more."""
    if described.process is None or described.host != socket.gethostname():
        return False
    try:
        os.kill(described.process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False
