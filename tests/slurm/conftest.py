"""One real Slurm of two nodes for all tests here. Nothing here skips: see the root conftest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import slurm_cluster
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
