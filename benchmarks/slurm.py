"""What ``runner: slurm`` adds to a job, on a real Slurm of two nodes on this machine: seconds until the program's first
line, of those until Slurm has started the script, and until the end is known.

Needs root and Slurm's daemons (.ci/slurm.sh).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from measure import options, told

sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))
import slurm_cluster

from orchestrator.engine.slurm.settings import Slurm
from orchestrator.jobs import Job
from orchestrator.runners import Place
from orchestrator.runners.slurm import SlurmRunner

STARTING = 3.0
"""Seconds until the program's first line, at most."""
JOB = Job("test", ("python", "-c", "print('first', flush=True)"))


def once(root: Path) -> tuple[float, float, float]:
    """Seconds until the script's first line, the program's, and until the runner has returned."""
    began, seen = time.monotonic(), list[float]()
    SlurmRunner(Place(root, root / "logs", settings=Slurm(cpus=1))).run(JOB, lambda _: seen.append(time.monotonic()))
    return seen[0] - began, seen[1] - began, time.monotonic() - began


if __name__ == "__main__":
    bench = options(__doc__)
    with slurm_cluster.running() as cluster, tempfile.TemporaryDirectory() as folder:
        os.environ.update(cluster.environment)
        took = sorted(once(Path(folder)) for _ in range(bench.rounds))
    script, program, end = took[len(took) // 2]
    print(f"script started after {script:.2f} s, end known after {end:.2f} s (median of {len(took)})")
    told(f"program's first line after {program:.2f} s", f"{STARTING:.0f} s", met=program <= STARTING)
