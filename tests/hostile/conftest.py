"""The command line as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Tltpipe = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tltpipe() -> Tltpipe:
    """Runs ``tltpipe`` with these words in the current folder."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        argv = [Path(sys.executable).parent / "tltpipe", *words]
        return subprocess.run(argv, capture_output=True, text=True)

    return run
