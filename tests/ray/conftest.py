"""One Ray cluster of two nodes for all of the session's tests. Who needs a node to kill adds one, and removes it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray_cluster


@pytest.fixture(scope="session")
def cluster(_state: Path) -> Iterator[ray_cluster.Cluster]:
    """Two nodes of one CPU each."""
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        ray_cluster.up(Path(folder)) as running,
    ):
        yield running


@pytest.fixture
def spare(cluster: ray_cluster.Cluster) -> Iterator[ray_cluster.Node]:
    """A third node of one CPU, which a test may kill."""
    node = cluster.add()
    yield node
    cluster.remove(node)
