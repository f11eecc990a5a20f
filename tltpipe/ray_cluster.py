"""Connections to a Ray cluster that runs already, at an address that was given: never to one that Ray finds itself.

Whatever is wrong there is said within seconds; Ray itself would try for minutes.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tltpipe.errors import ConfigError, HostError, UsageError

TRUSTED = "TLTPIPE_TRUST_RAY"
"""Environment variable: "1" connects to a cluster without authentication that others may reach."""
MARK = "?trusted"
"""What stands behind the address of a cluster that is trusted."""
SECONDS = 5.0
"""How long the head may take to answer."""
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a client of HTTP/2 begins; a server answers with its settings, too, a frame of the type 4."""


@dataclass(frozen=True)
class Address:
    """Where the head of a cluster answers. ``trusted``: whoever reaches it may run programs there, and that is well."""

    host: str
    port: int
    trusted: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def address(text: str) -> Address:
    """HOST:PORT, as ``ray start --head`` shows it, and ``MARK`` where it is trusted. Raises UsageError for anything
    else."""
    place = text.removesuffix(MARK)
    host, _, port = place.rpartition(":")
    if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 1 << 16:
        hint = "HOST:PORT, as `ray start --head` shows"
        raise UsageError(f'"{text}" is no address of a Ray cluster', hint=hint)
    return Address(host.strip("[]"), int(port), trusted=place != text)


def require_trust(cluster: Address) -> None:
    """Raise ConfigError for a cluster that asks nobody who they are, where others may reach it."""
    trusted = cluster.trusted or os.environ.get(TRUSTED) == "1"
    if not (cluster.local or trusted or os.environ.get("RAY_AUTH_MODE") == "token"):
        what = f"whoever reaches the Ray cluster at {cluster} can run programs on it"
        hint = "start it, and this command, with RAY_AUTH_MODE=token; in a closed network set"
        raise ConfigError(what, hint=f"{hint} ray.trusted in tltpipe.yaml, or {TRUSTED}=1")


def require_answer(cluster: Address) -> None:
    """Raise HostError where no head of a Ray cluster answers."""
    hint = "`ray start --head` shows the address of the cluster that it starts"
    try:
        with socket.create_connection((cluster.host, cluster.port), timeout=SECONDS) as connection:
            connection.sendall(_PREFACE)
            answer = connection.recv(9)
    except OSError as refusal:
        what = f"no Ray cluster answers at {cluster}: {refusal.strerror or refusal}"
        raise HostError(what, hint=hint) from None
    if answer[3:4] != b"\x04":
        raise HostError(f"what answers at {cluster} is no Ray cluster", hint=hint)


def connect(cluster: Address) -> Any:
    """The module ``ray``, connected to ``cluster``. Raises ConfigError and HostError as above."""
    require_trust(cluster)
    try:
        import ray
    except ModuleNotFoundError:
        raise HostError("Ray is not installed here", hint='pip install "tltpipe[ray]"') from None
    if ray.is_initialized():
        if ray.get_runtime_context().gcs_address == str(cluster):
            return ray
        ray.shutdown()
    require_answer(cluster)
    logging.getLogger("ray").setLevel(logging.ERROR)
    hint = "run this command on one of its nodes, with the Ray that they have"
    _hide_command_line()
    try:
        with _same_signals():
            ray.init(
                str(cluster),
                log_to_driver=False,
                configure_logging=False,
                job_config=_installed_only(),
                _node_ip_address=_own_node(cluster),
            )
    except ray.exceptions.AuthenticationError:
        what = f"the Ray cluster at {cluster} refuses this command: it has no token, or another"
        raise HostError(what, hint="set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH, as on the nodes") from None
    except (RuntimeError, ConnectionError, ValueError, ray.exceptions.RayError) as problem:
        raise HostError(f"cannot join the Ray cluster at {cluster}: {first_line(problem)}", hint=hint) from None
    _silence()
    return ray


def first_line(problem: BaseException) -> str:
    """What Ray says of a problem, without the pages that follow."""
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__)


def _own_node(cluster: Address) -> str:
    """The address of a node on this machine, through which a program takes part. Raises HostError where there is
    none."""
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    states = GcsClient(address=str(cluster)).get_all_node_info(timeout=SECONDS).values()
    nodes = [state.node_manager_address for state in states if state.state == 0]
    here = [host for host in nodes if _is_here(host)]
    if not here:
        what = f"this machine is no node of the Ray cluster at {cluster}, which has {', '.join(sorted(nodes))}"
        hint = f"run this command on one of them, or make it one: ray start --address={cluster} --num-cpus=0"
        raise HostError(what, hint=hint)
    return cluster.host if cluster.host in here else here[0]


def _is_here(host: str) -> bool:
    """Whether ``host`` is an address of this machine."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(place)
    except OSError:
        return False
    return True


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


def _hide_command_line() -> None:
    """Ray keeps the command line of whoever connects and shows it to everybody on the cluster; ours may have a key."""
    from ray._private import utils

    utils.get_entrypoint_name = lambda: "tltpipe"


def _silence() -> None:
    """Ray prints what daemons of lost nodes last wrote into their logs, to standard output, whatever it was told."""
    from ray._private import worker

    worker.print_to_stdstream = lambda *_, **__: None
