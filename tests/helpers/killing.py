"""Trainings that are killed: what a power cut is to them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tltpipe.progress import read

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from runtime.programs.train import main; sys.exit(main(sys.argv[1:]))"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TLTPIPE_PROGRESS_SECONDS": "0"}


def kill_after(lines: int, network: str, spec: Path, results: Path, *words: str) -> str:
    """Start a training, kill -9 it once it has told of its progress so many times; returns what it had said."""
    command = [sys.executable, "-c", PROGRAM, network, "-e", str(spec), "-r", str(results), *words]
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
