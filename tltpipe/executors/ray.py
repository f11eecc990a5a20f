"""A Ray cluster: ``ray:HOST:PORT``, the address that ``ray start --head`` shows.

Ray carries the function, once, and integers. Everything else goes through files on folders that all nodes see: what a
journaled pass makes lies there anyway, other results take the way of a spool.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tltpipe import progress, ray_cluster, storage
from tltpipe.errors import HostError, TltpipeError
from tltpipe.executors import Executor, _spool
from tltpipe.executors._sights import Sight, sights, unseen
from tltpipe.executors._spool import Spool
from tltpipe.preflight.node import versions
from tltpipe.ray_cluster import Address, first_line

Item = TypeVar("Item")
Result = TypeVar("Result")

_ATTEMPTS = 20
"""How often an item is begun anew when its worker or node is lost: a picture that ends every worker ends the run."""
_ANSWER = 60.0
"""Seconds within which a node must say what it has."""
_SILENCE = 5.0
"""Seconds before the first word about what is waited for; twice as many before each further one, at most a minute."""
_BEGUN = "begun"
"""File in the spool that the first item leaves there."""
_HINT = (
    "all nodes need the same environment, the data under the same path, and a shared folder to start the command in "
    f"({_spool.VARIABLE} names another)"
)
_GROWTH = 2.0
"""Seconds after which nodes that joined, or were lost, are counted."""


def open(rest: str) -> Executor:
    """The cluster at ``rest``, HOST:PORT. Raises UsageError where that is no address."""
    return Ray(ray_cluster.address(rest))


@dataclass(frozen=True)
class _Work:
    """What all items of a map share; sent to each node once."""

    function: Callable[[Any], Any]
    folder: str
    versions: Mapping[str, str]
    mirrors: Mapping[str, str]
    spool: Spool
    sights: tuple[Sight, ...]


class _Pending(NamedTuple):
    """An item under way; ``large`` ones wait in the spool."""

    number: int
    reference: Any
    large: bool


class Ray:
    """One cluster; connected to when the first item is there, after a look at every node."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def workers(self) -> int:
        """Cores of the cluster; at least 2, so that no work is done in this process for want of nodes."""
        return max(2, int(self._ray.cluster_resources().get("CPU", 0)))

    def preload(self, *modules: str) -> None:
        """Nothing: the workers run already."""

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None, ahead: int,
        gpu: bool = False, reads: Iterable[Path] = (),
    ) -> Iterator[Result]:  # fmt: skip
        if workers == 1:
            yield from map(function, items)
            return
        ray, room = self._ray, _Room(self.workers, workers, ahead)
        gpus = min(1, ray.cluster_resources().get("GPU", 0)) if gpu else 0
        task = ray.remote(_do).options(num_cpus=1, num_gpus=gpus, max_retries=_ATTEMPTS, retry_exceptions=False)
        with _spool.opened() as spool:
            seen, mirrors = sights(reads, but=storage.cached()), storage.environment()
            _check_nodes(ray, seen)
            work = ray.put(_Work(function, os.getcwd(), versions(), mirrors, spool, seen))  # noqa: PTH109
            pending: deque[_Pending] = deque()
            try:
                for number, item in enumerate(items):
                    packed = spool.pack(f"item-{number}", item)
                    pending.append(_Pending(number, task.remote(work, number, packed), not packed))
                    while len(pending) >= room.size():
                        yield self._result(spool, pending.popleft())
                while pending:
                    yield self._result(spool, pending.popleft())
            finally:
                _cancel(ray, [each.reference for each in pending])

    @cached_property
    def _ray(self) -> Any:
        """The module, connected to the cluster, whose nodes all have what is here."""
        ray = ray_cluster.connect(self.address)
        _check_nodes(ray, ())
        return ray

    def _result(self, spool: Spool, item: _Pending) -> Any:
        """The result of ``item``, when it is there; while nothing has begun it is said why."""
        ray, silence = self._ray, _SILENCE
        while not ray.wait([item.reference], timeout=silence)[0]:
            if not (spool.folder / _BEGUN).exists():
                cores, silence = int(ray.cluster_resources().get("CPU", 0)), min(60.0, 2 * silence)
                progress.waiting(f"waiting for the Ray cluster at {self.address}: none of its {cores} CPUs is free")
        return _result(ray, spool, item)


class _Room:
    """How many items may be under way: ``ahead`` for each core; as many as ``workers`` where that is a limit."""

    def __init__(self, cores: Callable[[], int], workers: int | None, ahead: int) -> None:
        self._cores, self._ahead, self._counted = cores, ahead, time.monotonic()
        self._now = cores()
        self._limit = workers if workers is not None and workers < self._now else None

    def size(self) -> int:
        if self._limit is not None:
            return self._limit
        if time.monotonic() - self._counted > _GROWTH:
            self._now, self._counted = self._cores(), time.monotonic()
        return self._now * self._ahead


def _do(work: _Work, number: int, packed: bytes) -> tuple[int | None, ...]:
    """On a node: work on one item. The result itself is in the spool where it is more than an integer."""
    _settle(work.folder, work.spool.folder, tuple(work.versions.items()), tuple(work.mirrors.items()), work.sights)
    result = work.function(work.spool.unpack(f"item-{number}", packed))
    if result is None or isinstance(result, int):
        return (result,)
    work.spool.put(f"result-{number}", result)
    return ()


@cache
def _settle(
    folder: str, spool: Path, there: tuple[tuple[str, str], ...], mirrors: tuple[tuple[str, str], ...],
    needed: tuple[Sight, ...],
) -> None:  # fmt: skip
    """Once a map: nodes may have joined after the first look. Raises HostError for one that differs.

    Data sets that come from URLs are copied to this node, unless they are seen here already.
    """
    if fault := _fault(folder, spool, dict(there), needed):
        raise HostError(f"node {_node()} {fault}", hint=_HINT)
    os.chdir(folder)
    (spool / _BEGUN).touch()
    storage.fill_mirrors(dict(mirrors))


def _fault(folder: str, spool: Path, there: Mapping[str, str], needed: tuple[Sight, ...]) -> str:
    """On a node: what differs from the machine that has these folders and these versions; "" if nothing does."""
    own = versions()
    others = [
        f"{name} {own.get(name, 'none')} (here: {version})"
        for name, version in there.items()
        if own.get(name) != version
    ]
    if others:
        return f"has {', '.join(others)}"
    if not spool.is_dir():
        return f"does not see what is in the folder {spool.parent}"
    if not Path(folder).is_dir():
        return f"does not see the folder {folder}, in which this command runs"
    missing = unseen(needed)
    return f"does not see what is in {missing}, or not as it is here" if missing else ""


def _node() -> str:
    from ray.util import get_node_ip_address

    return f"{get_node_ip_address()} ({socket.gethostname()})"  # type: ignore[no-untyped-call]


def _check_nodes(ray: Any, needed: tuple[Sight, ...]) -> None:
    """Raise HostError with a sentence for each node that lacks something, before anything is done."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    answers = {}
    with _spool.opened() as spool:
        own = (os.getcwd(), spool.folder, versions(), needed)  # noqa: PTH109
        for node in _alive(ray):
            only = NodeAffinitySchedulingStrategy(node, soft=False)
            answers[node] = ray.remote(_fault).options(num_cpus=0, scheduling_strategy=only).remote(*own)
        ray.wait(list(answers.values()), num_returns=len(answers), timeout=_ANSWER)
    words = {node: _answer(ray, answer) for node, answer in answers.items()}
    names = _alive(ray)  # one that was lost meanwhile is no fault
    faults = [f"node {names[node]} {fault}" for node, fault in words.items() if fault and node in names]
    if faults:
        raise HostError("; ".join(faults), hint=_HINT)


def _alive(ray: Any) -> dict[str, str]:
    """The nodes of the cluster: what Ray calls them, and what people do."""
    return {
        node["NodeID"]: f"{node['NodeManagerAddress']} ({node['NodeManagerHostname']})"
        for node in ray.nodes()
        if node["Alive"]
    }


def _answer(ray: Any, reference: Any) -> str:
    try:
        return str(ray.get(reference, timeout=0.1))
    except ray.exceptions.GetTimeoutError:
        return f"has not answered within {_ANSWER:.0f} s"
    except ray.exceptions.RayError as problem:
        cause = getattr(problem, "cause", None) or problem
        lines = [line for line in str(cause).splitlines() if line.strip()]
        unknown = lines and "failed to import" in lines[0]  # the end of a traceback says what
        return f"cannot run tltpipe: {lines[-1].strip() if unknown else first_line(cause)}"


def _result(ray: Any, spool: Spool, item: _Pending) -> Any:
    """The result of an item; what was raised there is raised here, as it was."""
    try:
        answer = ray.get(item.reference)
    except ray.exceptions.RayTaskError as problem:
        if isinstance(problem.cause, TltpipeError):
            raise problem.cause from None
        raise problem.cause from problem
    except ray.exceptions.RayError as problem:
        raise HostError(f"the Ray cluster has failed: {first_line(problem)}") from problem
    if item.large:
        spool.remove(f"item-{item.number}")
    return answer[0] if answer else spool.take(f"result-{item.number}")


def _cancel(ray: Any, references: list[Any]) -> None:
    """End what is under way, and wait for it: nothing may write once the caller cleans up."""
    for reference in references:
        ray.cancel(reference)
    if references:
        ray.wait(references, num_returns=len(references), timeout=_ANSWER)
