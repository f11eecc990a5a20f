"""A real Ray cluster on this machine, each node on a loopback address of its own: for tests, benchmarks, scripts.

Nothing of it is shared with another cluster: ports that are free, a folder of its own; and it is ended by the ids of
its own processes.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

MARK = "TLTPIPE_TEST_RAY_NODE"
RAY = Path(sys.executable).with_name("ray")
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "RAY_worker_niceness": "0", "PYTHONUNBUFFERED": "1"}
WORKER_PORTS = range(10002, 20000)
"""Where Ray's workers listen; a port of the head in here is refused."""


def free_port(host: str) -> int:
    """A port of ``host`` where nobody listens, none of those that Ray's workers use."""
    while True:
        with socket.socket() as probe:
            probe.bind((host, 0))
            port: int = probe.getsockname()[1]
        if port not in WORKER_PORTS:
            return port


@dataclass
class Node:
    """One node: the process that started it, its address, and the mark of all of its processes."""

    host: str
    mark: str
    process: subprocess.Popen[bytes]
    log: Path

    def pids(self) -> list[int]:
        """All processes of this node, those that its tasks have started, too."""
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if self._owns(path)]

    def _owns(self, process: Path) -> bool:
        """By its session, where a title has taken the place of its environment; by that, in a session of its own."""
        with suppress(OSError):
            state, _, _, session = (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:4]
            if state == "Z":
                return False
            environment = (process / "environ").read_bytes().split(b"\0")
            return int(session) == self.process.pid or f"{MARK}={self.mark}".encode() in environment
        return False

    def started(self) -> bool:
        return "Ray runtime started" in self.log.read_text("utf-8", "replace")

    def kill(self) -> None:
        """What a power cut is to a node: every one of its processes, at once."""
        while pids := self.pids():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class Cluster:
    """A running cluster; ``nodes`` has the head first. ``address``: HOST:PORT for ``ray.init(address=...)``."""

    folder: Path
    address: str
    cpus: int
    environment: Mapping[str, str]
    nodes: list[Node] = field(default_factory=list)
    _hosts: int = 1

    def add(
        self,
        *,
        wait: bool = True,
        cpus: int | None = None,
        resources: Mapping[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        unseen: Path | None = None,
    ) -> Node:
        """One more node, which its owner may kill. ``resources``: what only it has, by Ray's names for them;
        ``environment``: further variables of its own; ``unseen``: a folder that is empty there (as root only)."""
        self._hosts += 1
        host = f"127.0.0.{self._hosts}"
        if self.nodes:
            where = [f"--address={self.address}"]
        else:
            head, port = self.address.split(":")
            client = f"--ray-client-server-port={free_port(head)}"
            where = ["--head", f"--port={port}", client, "--include-dashboard=false"]
        mark, log = secrets.token_hex(8), self.folder / f"{host}.log"
        common = ["--block", f"--node-ip-address={host}", f"--num-cpus={cpus or self.cpus}", "--disable-usage-stats"]
        # A folder of its own: in one, nodes that start at the same time may choose the same name for a socket.
        memory = ["--object-store-memory=100000000", "--include-log-monitor=false", f"--temp-dir={self.folder}/{host}"]
        own = [f"--resources={json.dumps(dict(resources))}"] if resources else []
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*(_without(unseen) if unseen else ()), sys.executable, RAY, "start", *where, *common, *memory, *own],
                cwd=self.folder,
                env={**os.environ, **QUIET, **self.environment, **(environment or {}), MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        node = Node(host, mark, process, log)
        self.nodes.append(node)
        if wait:
            self.wait()
        return node

    def wait(self, seconds: float = 60.0) -> None:
        """Until all nodes have started; AssertionError with the log of one that does not."""
        deadline = time.monotonic() + seconds
        for node in self.nodes:
            while not node.started():
                late = time.monotonic() > deadline or node.process.poll() is not None
                assert not late, f"Ray node {node.host} did not start:\n{node.log.read_text('utf-8', 'replace')}"
                time.sleep(0.05)

    def remove(self, node: Node) -> None:
        """End a node that was added, if it still runs."""
        node.kill()
        self.nodes.remove(node)

    def down(self) -> None:
        for node in reversed(self.nodes):
            node.kill()
        self.nodes.clear()


def _without(folder: Path) -> list[str]:
    """What begins the command line of a process that sees nothing in ``folder``."""
    return ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(folder)]


@contextmanager
def up(folder: Path, nodes: int = 2, cpus: int = 1, environment: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster of ``nodes`` on 127.0.0.2, 127.0.0.3, ... for the block; ``folder`` has a short path (Ray's sockets
    lie below it)."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder, f"127.0.0.2:{free_port('127.0.0.2')}", cpus, environment or {})
    try:
        for _ in range(nodes):
            cluster.add(wait=False)
            _answers(cluster)
        cluster.wait()
        yield cluster
    finally:
        cluster.down()


def _answers(cluster: Cluster, seconds: float = 60.0) -> None:
    """Until the head takes connections: other nodes may start before it has all of its own."""
    host, port = cluster.address.split(":")
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        assert time.monotonic() < deadline, cluster.nodes[0].log.read_text("utf-8", "replace")
        time.sleep(0.05)
