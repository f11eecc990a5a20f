"""Stages on a real Slurm: the same bytes as on one machine, whatever becomes of the nodes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from faults import Record
from slurm_cluster import Cluster
from typer.testing import CliRunner

from orchestrator.cli import app
from orchestrator.jobs import submitted
from tltpipe import executors

pytestmark = pytest.mark.slurm

THREADS = "slurm.setup=export OMP_NUM_THREADS=1"
"""Sums of floating-point numbers change with the number of threads."""


def tltpipe(root: Path, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "-w", str(root)])
    assert done.exit_code == 0, done.output
    return done.output


def digest(folder: Path) -> str:
    """Of all files below ``folder``, with their names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    texts = [f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in paths]
    assert texts
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def when(seen: Callable[[], bool], act: Callable[[], object]) -> Thread:
    """Do ``act`` in a thread as soon as ``seen``."""

    def watch() -> None:
        while not seen():
            time.sleep(0.02)
        act()

    thread = Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose augment has run on this machine."""
    root = tmp_path_factory.mktemp("work")
    settings = "augment: {rotation_angle: 5, blur_size: 5, blur_std: 1.0}\nimage_size: 480\ngpus: 0\n"
    (root / "tltpipe.yaml").write_text(settings)
    tltpipe(root, "sample", "--train", "96", "--validation", "8", "--size", "96")
    tltpipe(root, "run", "augment")
    return root


def test_splits_as_an_array_with_a_node_that_dies(work: Path, cluster: Cluster, record_fault: Record) -> None:
    fault = record_fault(
        "Slurm", "a node dies within augment", "the job is requeued, goes on, and makes the same bytes"
    )
    expected, staging = digest(work / "KITTI-dataset-augmented"), work / "KITTI-dataset-augmented/.train.partial"
    lost: list[str] = []

    def lose() -> None:
        rows = cluster.run("squeue", "-h", "-t", "R", "-r", "-o", "%K %N").splitlines()
        (node,) = [row.split()[1] for row in rows if row.startswith("0 ")]
        fault.occurs()
        cluster.lose(node)
        lost.append(node)

    thread = when(lambda: len(list(staging.glob(".images.partial/*"))) > 16, lose)
    said = tltpipe(work, "augment", "--runner", "slurm", "--force", "--set", "slurm.cpus=1")
    fault.over()
    thread.join()
    cluster.recover(lost[0])
    train, validation = sorted(submitted.every(work / ".tltpipe/jobs"), key=lambda job: job.id)[-2:]
    assert (train.id.partition("_")[2], validation.id.partition("_")[2]) == ("0", "1")
    assert "attempt 1" in train.log.read_text()
    assert "96 images" in said
    assert digest(work / "KITTI-dataset-augmented") == expected


def test_parts_of_a_split_side_by_side(work: Path, cluster: Cluster) -> None:
    expected = digest(work / "KITTI-dataset-augmented")
    tltpipe(work, "augment", "--runner", "slurm", "--force", "--set", "slurm.parts=2")
    jobs = submitted.every(work / ".tltpipe/jobs")
    parts = [job for job in jobs if job.name == "augment-part"]
    scripts = [(job.folder / submitted.SCRIPT).read_text() for job in parts]
    for part in range(2):
        assert sum(f"export {executors.VARIABLE}=array:{part}/2\n" in script for script in scripts) == 2
    assert all(job.collected for job in jobs)
    assert digest(work / "KITTI-dataset-augmented") == expected


@pytest.mark.torch
def test_a_training_is_requeued_and_resumes_to_the_same_weights(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, record_fault: Record
) -> None:
    fault = record_fault(
        "Slurm", "the time limit is near", "a training saves, is requeued, and comes to the same weights"
    )
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    size = "multitask: {num_epochs: 2, batch_size: 2, width: 32, height: 32, resize: 36}"
    data = "network: multitask\ngpus: 0\ndata: {splits: [train]}\ntrain: {save_minutes: 0.0001}"
    (tmp_path / "tltpipe.yaml").write_text(f"{data}\n{size}\n")
    tltpipe(tmp_path, "sample", "--train", "8", "--validation", "1", "--size", "64")
    tltpipe(tmp_path, "run", "train")
    expected = digest(tmp_path / "output/weights")

    def newest() -> submitted.Submitted | None:
        return next(iter(submitted.every(tmp_path / ".tltpipe/jobs")), None)

    def stepped() -> bool:
        job = newest()
        return job is not None and job.log.exists() and "steps, " in job.log.read_text()

    def signal() -> None:
        fault.occurs()
        cluster.run("scancel", "--batch", "--signal=USR1", newest().id)  # type: ignore[union-attr]

    thread = when(stepped, signal)
    tltpipe(tmp_path, "train", "--runner", "slurm", "--force", "--set", THREADS)
    fault.over()
    thread.join()
    (job,) = submitted.every(tmp_path / ".tltpipe/jobs")
    log = job.log.read_text()
    assert "is requeued and resumes" in log
    assert "attempt 1" in log
    assert digest(tmp_path / "output/weights") == expected
