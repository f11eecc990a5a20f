"""Nodes of a cluster, kept for one training: a placement group with one bundle on each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.ray.settings import Ray
from tltpipe.errors import HostError

TELL_SECONDS = 5.0
"""How often it is said what is waited for."""


@dataclass(frozen=True)
class Share:
    """What a job takes of each of ``nodes`` nodes."""

    nodes: int
    cpus: float
    gpus: int = 0
    resources: Mapping[str, float] = field(default_factory=dict)

    @property
    def bundle(self) -> dict[str, float]:
        """As Ray calls it."""
        own = {"CPU": self.cpus, "GPU": float(self.gpus)}
        return {name: amount for name, amount in {**own, **self.resources}.items() if amount}

    @property
    def options(self) -> dict[str, Any]:
        """Of an actor that takes all of it."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "resources": dict(self.resources)}

    def fits(self, there: Mapping[str, float]) -> bool:
        return all(there.get(name, 0.0) >= amount for name, amount in self.bundle.items())

    def __str__(self) -> str:
        parts = [f"{amount:g} {name}" for name, amount in self.bundle.items()]
        return f"{_nodes(self.nodes)} with {', '.join(parts)}{' each' if self.nodes > 1 else ''}"


@dataclass(frozen=True)
class Node:
    """One reserved node: the number of its bundle in the placement ``group``, its id and its address."""

    group: Any
    bundle: int
    id: str
    host: str


def share(ray: Any, chosen: Ray, *, nodes: int, gpus: int) -> Share:
    """What a training on so many nodes takes of each. One GPU, the default, means none where the cluster has none."""
    there = _alive(ray)
    if gpus == 1 and not any(resources.get("GPU") for resources in there.values()):
        gpus = 0
    if chosen.cpus is not None:
        return Share(nodes, chosen.cpus, gpus, chosen.resources)
    least = Share(nodes, 1, gpus, chosen.resources)
    fitting = [resources for resources in there.values() if least.fits(resources)]
    parts = sorted((each["CPU"] * (gpus / each["GPU"] if gpus else 1) for each in fitting), reverse=True)
    cpus = max(1, int(parts[:nodes][-1])) if parts else 1
    return Share(nodes, cpus, gpus, chosen.resources)


@contextmanager
def reserved(ray: Any, wanted: Share, seconds: float, say: Callable[[str], None]) -> Iterator[list[Node]]:
    """The nodes, for the block. Waits for them up to ``seconds``, and says so; raises HostError then."""
    from ray.util import placement_group, placement_group_table, remove_placement_group

    group = placement_group([wanted.bundle] * wanted.nodes, strategy="STRICT_SPREAD")
    try:
        _wait(ray, group, wanted, seconds, say)
        placed = placement_group_table(group)["bundles_to_node_id"]
        hosts = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes()}
        yield [Node(group, number, placed[number], hosts[placed[number]]) for number in range(wanted.nodes)]
    finally:
        remove_placement_group(group)


def _wait(ray: Any, group: Any, wanted: Share, seconds: float, say: Callable[[str], None]) -> None:
    began, told = time.monotonic(), 0.0
    while not group.wait(timeout_seconds=0.5):
        waited = time.monotonic() - began
        if waited >= seconds:
            hint = "choose fewer by --nodes or less by ray.cpus and --gpus, add nodes (`ray start --address=...`)"
            raise HostError(lacking(ray, wanted), hint=f"{hint}, or wait for longer: ray.wait")
        if waited - told >= TELL_SECONDS:
            told = waited
            say(f"waiting for nodes, {waited:.0f} of {seconds:.0f} s: {lacking(ray, wanted)}")


def lacking(ray: Any, wanted: Share) -> str:
    """What the cluster has, and what is needed, in one sentence."""
    there = _alive(ray)
    fitting = sum(wanted.fits(resources) for resources in there.values())
    if fitting >= wanted.nodes:
        return f"the Ray cluster's nodes are busy: {wanted} {_are(wanted.nodes)} needed at the same time"
    has = f"{_nodes(len(there))} ({'; '.join(sorted({_listed(resources) for resources in there.values()}))})"
    return f"the Ray cluster has {has}, of which {fitting} will do: {wanted} {_are(wanted.nodes)} needed"


def _alive(ray: Any) -> dict[str, dict[str, float]]:
    """What each node that is there has, busy or not."""
    return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}


def _listed(resources: Mapping[str, float]) -> str:
    hidden = ("memory", "object_store_memory")
    return ", ".join(f"{n:g} {name}" for name, n in sorted(resources.items()) if name not in hidden and ":" not in name)


def _nodes(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
