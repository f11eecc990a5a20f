"""How long ``tltpipe status`` takes in a workspace with a thousand submitted jobs, beside one with ten."""

import json
import tempfile
from pathlib import Path

from measure import BIN, best_of, command, show

from orchestrator.jobs import Job, submitted

FEW, MANY = 10, 1000
JOB = Job("train", ("tlt-train", "ssd", "-e", "specs/train.conf", "-r", "output"))


def workspace(folder: Path, count: int) -> Path:
    """``folder`` with so many jobs that have ended."""
    folder.mkdir()
    for number in range(count):
        job = submitted.create(folder / ".tltpipe" / "jobs", "slurm", JOB, {"partition": "main"})
        submitted.accepted(job, f"{number + 1}")
        submitted.write_file(job, submitted.STATUS, json.dumps({"exit_code": 0, "host": "n1", "ended": job.submitted}))
    return folder


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        few, many = (
            best_of(10, command([BIN / "tltpipe", "status", "-w", workspace(Path(folder) / f"{count}", count)]))
            for count in (FEW, MANY)
        )
    show(f"tltpipe status, {MANY:,} jobs", many, floor=f"{FEW} jobs", floor_seconds=few)
