"""A Ray cluster: ``ray:HOST:PORT``, the address that ``ray start --head`` shows.

Ray carries the function, once, and integers. Everything else goes through files on folders that all nodes see: what a
journaled pass makes lies there anyway, other results take the way of a spool.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

from tltpipe import storage
from tltpipe.errors import ConfigError, HostError, TltpipeError, UsageError
from tltpipe.executors import Executor, _spool
from tltpipe.executors._spool import Spool
from tltpipe.versions import difference, versions

Item = TypeVar("Item")
Result = TypeVar("Result")

TRUSTED = "TLTPIPE_RAY_TRUSTED"
"""Environment variable: "1" connects to a cluster without authentication that others may reach."""

_ATTEMPTS = 20
"""How often an item is begun anew when its worker or node is lost: a picture that ends every worker ends the run."""
_ANSWER = 60.0
"""Seconds within which a node must say what it has."""
_GROWTH = 2.0
"""Seconds after which nodes that joined, or were lost, are counted."""
_LOST_CONNECTION = {
    "RAY_grpc_client_keepalive_time_ms": "10000",
    "RAY_grpc_client_keepalive_timeout_ms": "5000",
}
"""With Ray's own defaults, work of a node that was cut off is repeated after seven minutes."""


def open(rest: str) -> Executor:
    """The cluster at ``rest``, HOST:PORT. Raises UsageError where that is no address."""
    host, _, port = rest.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f'"ray:{rest}" is no address of a cluster', hint="ray:HOST:PORT, as `ray start --head` shows")
    return Ray(host.strip("[]"), int(port))


@dataclass(frozen=True)
class _Work:
    """What all items of a map share; sent to each node once."""

    function: Callable[[Any], Any]
    folder: str
    versions: Mapping[str, str]
    mirrors: Mapping[str, str]
    spool: Spool


class Ray:
    """One cluster; connected to when the first item is there, after a look at every node."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    def workers(self) -> int:
        """Cores of the cluster; at least 2, so that no work is done in this process for want of nodes."""
        return max(2, int(self._ray.cluster_resources().get("CPU", 0)))

    def preload(self, *modules: str) -> None:
        """Nothing: the workers run already."""

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None, ahead: int
    ) -> Iterator[Result]:
        if workers == 1:
            yield from map(function, items)
            return
        ray, room = self._ray, _Room(self.workers, workers, ahead)
        task = ray.remote(_do).options(num_cpus=1, max_retries=_ATTEMPTS, retry_exceptions=False)
        with _spool.opened() as spool:
            work = ray.put(_Work(function, os.getcwd(), versions(), storage.environment(), spool))  # noqa: PTH109
            pending: deque[tuple[int, Any]] = deque()
            try:
                for number, item in enumerate(items):
                    pending.append((number, task.remote(work, number, item)))
                    while len(pending) >= room.size():
                        yield _result(ray, spool, *pending.popleft())
                while pending:
                    yield _result(ray, spool, *pending.popleft())
            finally:
                _cancel(ray, [reference for _, reference in pending])

    @cached_property
    def _ray(self) -> Any:
        """The module, connected to the cluster, whose nodes all have what is here."""
        os.environ.update({name: value for name, value in _LOST_CONNECTION.items() if name not in os.environ})
        local = _is_local(self.host)
        if not (local or os.environ.get("RAY_AUTH_MODE") == "token" or os.environ.get(TRUSTED) == "1"):
            what = f"whoever reaches the Ray cluster at {self.host}:{self.port} can run programs on it"
            hint = f"start it, and this command, with RAY_AUTH_MODE=token; in a closed network set {TRUSTED}=1"
            raise ConfigError(what, hint=hint)
        self._reach()
        import ray

        logging.getLogger("ray").setLevel(logging.ERROR)
        own: dict[str, Any] = {"_node_ip_address": self.host} if local else {}
        try:
            with _same_signals():
                ray.init(
                    f"{self.host}:{self.port}",
                    log_to_driver=False,
                    configure_logging=False,
                    job_config=_installed_only(),
                    **own,
                )
        except (RuntimeError, ConnectionError, ValueError) as problem:
            what = f"cannot join the Ray cluster at {self.host}:{self.port}: {_first_line(problem)}"
            raise HostError(what, hint="run this command on one of its nodes, with the Ray that they have") from None
        _check_nodes(ray)
        return ray

    def _reach(self) -> None:
        """Raise HostError where nothing listens: Ray itself would try for minutes."""
        try:
            socket.create_connection((self.host, self.port), timeout=10).close()
        except OSError as refusal:
            what = f"no Ray cluster answers at {self.host}:{self.port}: {refusal.strerror or refusal}"
            raise HostError(what, hint="`ray start --head` shows the address of the cluster that it starts") from None


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


def _do(work: _Work, number: int, item: Any) -> tuple[int | None, ...]:
    """On a node: work on one item. The result itself is in the spool where it is more than an integer."""
    _settle(work.folder, tuple(work.versions.items()), tuple(work.mirrors.items()))
    result = work.function(item)
    if result is None or isinstance(result, int):
        return (result,)
    work.spool.put(number, result)
    return ()


@cache
def _settle(folder: str, there: tuple[tuple[str, str], ...], mirrors: tuple[tuple[str, str], ...]) -> None:
    """Once a process: nodes may have joined after the first look. Raises HostError for one that differs.

    Data sets that come from URLs are copied to this node, unless they are seen here already.
    """
    if fault := _fault(folder, dict(there)):
        raise HostError(f"node {_node()} {fault}")
    os.chdir(folder)
    storage.fill_mirrors(dict(mirrors))


def _fault(folder: str, there: Mapping[str, str]) -> str:
    """On a node: what differs from the machine that has this ``folder`` and these versions; "" if nothing does."""
    if others := difference(there):
        return f"has other versions: {others}"
    return "" if Path(folder).is_dir() else f"does not see the folder {folder}, in which this command runs"


def _node() -> str:
    from ray.util import get_node_ip_address

    return f"{get_node_ip_address()} ({socket.gethostname()})"  # type: ignore[no-untyped-call]


def _check_nodes(ray: Any) -> None:
    """Raise HostError with a sentence for each node that lacks something, before anything is done."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    own = (os.getcwd(), versions())  # noqa: PTH109
    asked = {}
    for node in filter(lambda node: node["Alive"], ray.nodes()):
        only = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        name = f"{node['NodeManagerAddress']} ({node['NodeManagerHostname']})"
        asked[name] = ray.remote(_fault).options(num_cpus=0, scheduling_strategy=only).remote(*own)
    ray.wait(list(asked.values()), num_returns=len(asked), timeout=_ANSWER)
    answers = {name: _answer(ray, reference) for name, reference in asked.items()}
    faults = [f"node {name} {fault}" for name, fault in answers.items() if fault]
    if faults:
        hint = "give all nodes the same environment and the same shared folder, or take these out of the cluster"
        raise HostError("; ".join(faults), hint=hint)


def _answer(ray: Any, reference: Any) -> str:
    try:
        return str(ray.get(reference, timeout=0.1))
    except ray.exceptions.GetTimeoutError:
        return f"has not answered within {_ANSWER:.0f} s"
    except ray.exceptions.RayError as problem:
        cause = getattr(problem, "cause", None) or problem
        return f"cannot run tltpipe: {_first_line(cause)}"


def _result(ray: Any, spool: Spool, number: int, reference: Any) -> Any:
    """The result of an item; what was raised there is raised here, as it was."""
    try:
        answer = ray.get(reference)
    except ray.exceptions.RayTaskError as problem:
        if isinstance(problem.cause, TltpipeError):
            raise problem.cause from None
        raise problem.cause from problem
    except ray.exceptions.RayError as problem:
        raise HostError(f"the Ray cluster has failed: {_first_line(problem)}") from problem
    return answer[0] if answer else spool.take(number)


def _cancel(ray: Any, references: list[Any]) -> None:
    """End what is under way, and wait for it: nothing may write once the caller cleans up."""
    for reference in references:
        ray.cancel(reference)
    if references:
        ray.wait(references, num_returns=len(references), timeout=_ANSWER)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _installed_only() -> Any:
    """Settings by which workers import what is installed, and no module of the folder that the command runs in."""
    from ray.job_config import JobConfig

    class InstalledOnly(JobConfig):
        def _runtime_env_has_working_dir(self) -> bool:
            return True  # or Ray puts this process's folder before all others

    return InstalledOnly()


@contextmanager
def _same_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself; it stays the program's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _first_line(problem: BaseException) -> str:
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__)
