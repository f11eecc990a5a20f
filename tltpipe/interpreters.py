"""The Python of our programs: what it imports, and how seldom it looks for garbage.

Processes that we start import what is installed, never what lies in the folder that we are started in: ``python -c``
and ``python -m``, which multiprocessing uses, too, look for modules in the current folder first, and a ``json.py`` in
somebody's data set would run.
"""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

_SAFE = "PYTHONSAFEPATH"


def import_installed_only() -> None:
    """For a program of ours: let every Python process that it starts leave the current folder out."""
    os.environ[_SAFE] = "1"


def collect_seldom() -> None:
    """For a process of ours that makes many small objects and few cycles: search for these once in 200,000 objects, and
    not at its end, where the search takes as long as a short command. What is registered for the end happens all the
    same."""
    gc.set_threshold(200_000, 10, 10)
    atexit.register(gc.freeze)


@contextmanager
def installed_only() -> Iterator[None]:
    """The same for processes that are started inside the block; others are the caller's business."""
    before = os.environ.get(_SAFE)
    import_installed_only()
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE]
        else:
            os.environ[_SAFE] = before
