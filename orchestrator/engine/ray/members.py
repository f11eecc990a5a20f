"""The nodes' parts of a job, as seen from here: actors, each of which is a ``member.Member``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.engine.ray import member

START_SECONDS = 60.0
"""Within which a node must start a process, and a short one end."""
NODE = "TLTPIPE_NODE"
"""Environment variable with the name of its node, for a program that runs there."""


def placed(ray: Any, places: Sequence[Any], **options: Any) -> list[Any]:
    """One member at each of ``places``, which are scheduling strategies of Ray."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(member)  # type: ignore[no-untyped-call]
    actor = ray.remote(member.Member)
    return [actor.options(max_concurrency=4, scheduling_strategy=place, **options).remote() for place in places]


def run_module(ray: Any, members: Sequence[Any], words: Sequence[str], variables: Sequence[Mapping[str, str]]) -> None:
    """Run ``python -P -m`` with ``words`` and its own ``variables`` on each node, and wait for all. How it ends is not
    judged here."""
    options = ["-P", "-m", *words]
    started = [
        each.start.remote(options, folder="/", environment=own) for each, own in zip(members, variables, strict=True)
    ]
    ended = [each.wait.remote(process) for each, process in zip(members, started, strict=True)]
    ray.wait(ended, num_returns=len(ended), timeout=START_SECONDS)


def on_each_node(ray: Any, words: Sequence[str]) -> tuple[str, ...]:
    """``run_module`` on all nodes that have CPUs, busy or not; returns their names."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    hosts = tuple(sorted(node["NodeManagerAddress"] for node in nodes))
    nodes.sort(key=lambda node: hosts.index(node["NodeManagerAddress"]))
    members = placed(ray, [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in nodes], num_cpus=0)
    try:
        run_module(ray, members, words, [{NODE: host} for host in hosts])
    finally:
        for each in members:
            ray.kill(each)
    return hosts
