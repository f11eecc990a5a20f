"""The cluster of these tests is a real one: two nodes, none of whose processes outlives it."""

from __future__ import annotations

import pytest
import ray_cluster

pytestmark = pytest.mark.ray


def test_a_killed_node_leaves_no_process_and_spoils_nothing_for_the_others(
    cluster: ray_cluster.Cluster, spare: ray_cluster.Node
) -> None:
    assert len({node.host for node in cluster.nodes}) == 3
    assert spare.pids()
    spare.kill()
    assert spare.pids() == []
    assert all(node.pids() for node in cluster.nodes[:2])
