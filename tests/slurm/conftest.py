"""One real Slurm of two nodes for all tests here. Nothing here skips: see the root conftest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import slurm_cluster
import waiting_jobs
from slurm_cluster import Cluster


@pytest.fixture(scope="session")
def started() -> Iterator[Cluster]:
    with slurm_cluster.running() as cluster:
        yield cluster


@pytest.fixture
def cluster(started: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The cluster with both nodes idle, which Slurm's commands find; a job that a test leaves is cancelled."""
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    started.wait_idle()
    yield started
    started.clear()


@pytest.fixture(scope="session")
def trainable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return waiting_jobs.workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def waiting(trainable: Path) -> Path:
    """A workspace in which nothing was trained yet, and a training waits for the file "go" (waiting_jobs)."""
    (trainable / "go").unlink(missing_ok=True)
    shutil.rmtree(trainable / "output", ignore_errors=True)
    for note in (trainable / ".tltpipe" / "receipts").glob("train.*"):
        note.unlink()
    return trainable
