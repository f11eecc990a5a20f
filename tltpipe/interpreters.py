"""Python processes that we start import what is installed, never what lies in the folder that we are started in.

``python -c`` and ``python -m``, which multiprocessing uses, too, look for modules in the current folder first: a
``json.py`` in somebody's data set would run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_SAFE = "PYTHONSAFEPATH"


def import_installed_only() -> None:
    """For a program of ours: let every Python process that it starts leave the current folder out."""
    os.environ[_SAFE] = "1"


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
