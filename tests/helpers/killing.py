"""Trainings that are killed: what a power cut is to them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import warm

from tltpipe.progress import read

ENVIRONMENT = {**os.environ, "TLTPIPE_PROGRESS_SECONDS": "0"}


def kill_after(lines: int, network: str, spec: Path, results: Path, *words: str) -> str:
    """Start a training, kill -9 it once it has told of its progress so many times; returns what it had said."""
    command = [*warm.command("tlt-train"), network, "-e", str(spec), "-r", str(results), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stderr is not None
    for line in process.stderr:
        tick = read(line)
        lines -= tick is not None and not tick.what.startswith("read")
        if lines < 0:
            break
    process.kill()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == -9
    return said
