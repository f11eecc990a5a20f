"""Data sets at URLs on a cluster: a node that does not see the copy makes one of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import ray_cluster

from tltpipe import executors, storage
from tltpipe.workers import parallel_map

pytestmark = pytest.mark.ray


def test_nodes_fill_copies_of_their_own(
    cluster: ray_cluster.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(storage.CACHE, str(tmp_path / "cache"))
    monkeypatch.delenv(storage.VARIABLE, raising=False)
    for number in range(8):
        path = tmp_path / "raw" / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("x" * number)
    copy = storage.local(f"file://{tmp_path}/raw")
    shutil.rmtree(tmp_path / "cache")  # as on a node with a disk of its own
    with executors.using(f"ray:{cluster.address}"):
        assert list(parallel_map(len, [(copy / f"{n}.txt").name for n in range(8)])) == [5] * 8
    assert sorted(path.name for path in copy.iterdir()) == [f"{number}.txt" for number in range(8)]
