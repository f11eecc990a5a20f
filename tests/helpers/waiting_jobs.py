"""A workspace whose training on Slurm says all that it can see, and then waits for what its end shall be."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import warm

PROGRAM = """#!/bin/sh
# Says all that it can see but its command line, which it leaves in a file, and ends with the status in "go".
env; export -p; echo listed
while [ ! -s go ]; do sleep 0.05; done
printf '%s\\n' "$@" >arguments
if [ "$(cat go)" = 0 ]; then mkdir -p output/weights; touch output/weights/yolox_nano_epoch_001.tlt; fi
exit "$(cat go)"
"""
SETTINGS = """
runner: slurm
network: yolox
yolox: {{num_epochs: 1}}
slurm: {{cpus: 1, memory: 100M, python: {python}}}
"""


def workspace(folder: Path) -> Path:
    """``folder`` with prepared data, whose ``tlt-train`` on the nodes is PROGRAM."""
    environment = folder.with_name(f"{folder.name}-environment")
    environment.mkdir()
    (environment / "python").symlink_to(sys.executable)
    (environment / "tlt-train").write_text(PROGRAM)
    (environment / "tlt-train").chmod(0o755)
    (folder / "tltpipe.yaml").write_text(SETTINGS.format(python=environment / "python"))
    for words in (["sample", "--train", "6", "--validation", "3", "--size", "64"], ["prepare"]):
        subprocess.run([*warm.command("tltpipe"), *words], cwd=folder, check=True, capture_output=True)
    return folder


def waiting_job(workspace: Path, terminal: subprocess.Popen[str]) -> Path:
    """The folder of the job that has listed what it sees, once it has."""
    end = time.monotonic() + 30
    while time.monotonic() < end and terminal.poll() is None:
        for log in (workspace / ".tltpipe" / "jobs").glob("*/log"):
            if "listed" in log.read_text() and not (log.parent / "status.json").exists():
                return log.parent
        time.sleep(0.05)
    raise AssertionError(terminal.communicate()[0])
