"""Where this process stands among those of a training: on which node, as which process there, and where all meet.

Several programs start processes on several nodes, each with variables of its own. They are read here and nowhere
else, and only where several nodes are asked for or torchrun's own variables are there: a training on one machine
looks at none, so that it works in a batch script as it does anywhere.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tltpipe.errors import HostError, UsageError
from tltpipe.preflight.node import name as node_name

if TYPE_CHECKING:
    from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment

SIBLING = "TLTPIPE_REPORT_TO"
"""Variable of a process that the first one of its node has started: the pipe to tell it what went wrong."""
INTERFACE = "TLTPIPE_INTERFACE"
"""Variable for the network interface between nodes."""
LOOPBACK = "127.0.0.1"
PORT = 29500
"""Where nodes meet unless MASTER_PORT says otherwise, as NVIDIA's and PyTorch's programs do."""
SLURM_PORTS = 20_000, 10_000
"""In a Slurm job they meet at the first of these, plus the job's number modulo the second."""


@dataclass(frozen=True)
class Cluster:
    """This is process ``local`` of node ``node`` of ``nodes`` (both from 0); all meet at ``address``:``port``.

    ``processes`` are those that ``launcher`` has started on each node; None where it starts one a node, and that one
    its siblings. ``sibling``: this is one of those. ``hosted``: the launcher itself keeps the store in which they meet,
    and has started them ``restart`` times before.
    """

    nodes: int = 1
    node: int = 0
    local: int = 0
    processes: int | None = None
    address: str = LOOPBACK
    port: int = 0
    launcher: str = ""
    sibling: bool = False
    hosted: bool = False
    restart: int = 0

    @property
    def is_lead(self) -> bool:
        """Whether this is the process that speaks, validates and saves: the first of all."""
        return self.node == 0 and self.local == 0

    @property
    def meets(self) -> bool:
        """Whether this process meets others that neither it nor its parent has started."""
        return not self.sibling and (self.nodes > 1 or self.processes is not None)

    def rank(self, processes: int) -> int:
        """The number of this process among all, where each node has so many."""
        return self.node * processes + self.local


def read(nodes: int | None = None, *, gpus: int | None = None, environment: Mapping[str, str] = os.environ) -> Cluster:
    """Where this process stands; ``nodes``, and ``gpus`` on each, are those that the command line asks for.

    Raises UsageError where variables contradict it or each other, or do not say enough.
    """
    if SIBLING in environment:
        return _own(environment)
    if "TORCHELASTIC_RUN_ID" in environment:
        return _torchrun(nodes, environment)
    if nodes is None or nodes == 1:
        return Cluster()
    _check_counts(nodes, gpus, environment)
    return _scheduled(nodes, environment)


def is_lead(nodes: int | None, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process speaks; each does about variables that contradict each other."""
    try:
        return read(nodes, environment=environment).is_lead
    except UsageError:
        return True


def variables(cluster: Cluster, local: int) -> dict[str, str]:
    """How a sibling, process ``local`` of this node, learns where it stands."""
    return {
        "NNODES": str(cluster.nodes),
        "NODE_RANK": str(cluster.node),
        "LOCAL_RANK": str(local),
        "MASTER_ADDR": cluster.address,
        "MASTER_PORT": str(cluster.port),
    }


def use_interface(name: str | None) -> None:
    """Speak to other nodes through the network interface ``name``. Raises HostError where there is none of that name.

    PyTorch chooses one by the host's name, which on some machines is that of the loopback, or of a slow one.
    """
    if name is None:
        return
    there = [each for _, each in socket.if_nameindex()]
    if name not in there:
        what = f"--interface {name}, but {node_name()} has only {', '.join(there)}"
        raise HostError(what, hint="name one that every node has")
    os.environ["GLOO_SOCKET_IFNAME"] = os.environ["NCCL_SOCKET_IFNAME"] = name


def fabric_environment(cluster: Cluster, processes: int) -> ClusterEnvironment:
    """``cluster`` with so many ``processes`` on each node as Fabric is told, which else guesses by the variables of any
    scheduler that it meets."""
    from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment

    class Environment(ClusterEnvironment):
        creates_processes_externally = True
        main_address = cluster.address
        main_port = cluster.port

        @staticmethod
        def detect() -> bool:
            return False

        def world_size(self) -> int:
            return cluster.nodes * processes

        def set_world_size(self, size: int) -> None: ...

        def global_rank(self) -> int:
            return cluster.rank(processes)

        def set_global_rank(self, rank: int) -> None: ...

        def local_rank(self) -> int:
            return cluster.local

        def node_rank(self) -> int:
            return cluster.node

    return Environment()


def _own(environment: Mapping[str, str]) -> Cluster:
    numbers = {name: _number(name, environment) for name in ("NNODES", "NODE_RANK", "LOCAL_RANK", "MASTER_PORT")}
    return Cluster(
        numbers["NNODES"], numbers["NODE_RANK"], numbers["LOCAL_RANK"],
        address=environment["MASTER_ADDR"], port=numbers["MASTER_PORT"], sibling=True,
        **(_kept(environment) if numbers["NNODES"] > 1 else {}),
    )  # fmt: skip


def _kept(environment: Mapping[str, str]) -> dict[str, Any]:
    """Whether torchrun keeps the store, and how often it has started us before."""
    return {
        "hosted": environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        "restart": int(environment.get("TORCHELASTIC_RESTART_COUNT", "0")),
    }


def _torchrun(nodes: int | None, environment: Mapping[str, str]) -> Cluster:
    """Under torchrun, which starts one process for each GPU, or one a node, and knows how many nodes there are."""
    there, processes = _number("GROUP_WORLD_SIZE", environment), _number("LOCAL_WORLD_SIZE", environment)
    if nodes not in (None, there):
        raise UsageError(f"--nodes {nodes}, but torchrun runs {there}", hint="leave --nodes out: torchrun knows")
    node, local = _number("GROUP_RANK", environment), _number("LOCAL_RANK", environment)
    if _number("RANK", environment) != node * processes + local or there * processes != _number(
        "WORLD_SIZE", environment
    ):
        what = "torchrun has started other numbers of processes on other nodes"
        raise UsageError(what, hint="give --nproc-per-node the same number on each")
    if there == processes == 1:
        return Cluster()
    return Cluster(
        there, node, local, processes if processes > 1 else None,
        _required("MASTER_ADDR", environment), _number("MASTER_PORT", environment), "torchrun",
        **_kept(environment),
    )  # fmt: skip


def _scheduled(nodes: int, environment: Mapping[str, str]) -> Cluster:
    """One process a node, or as many as ``srun`` was told to start, by the variables of whoever knows the node."""
    step = _is_step(nodes, environment)
    sources = {"NODE_RANK": "", "SLURM_NODEID": "srun", "JOB_COMPLETION_INDEX": "Kubernetes"}
    named = {name: _number(name, environment) for name in sources if name in environment}
    if not step:  # the variables of a batch script, or of a step of other nodes, say nothing about this training
        named.pop("SLURM_NODEID", None)
    if not named:
        what = f"--nodes {nodes}, and nothing says which of them this is"
        hint = f"set NODE_RANK (0 to {nodes - 1}), MASTER_ADDR and MASTER_PORT, or start by srun or torchrun"
        raise UsageError(what, hint=hint)
    name, node = next(iter(named.items()))
    if other := next((other for other in named if named[other] != node), None):
        what = f"{name} is {node}, {other} is {named[other]}: which node is this?"
        raise UsageError(what, hint=f"leave {name} out, or set it on each node (inside of srun), not once for all")
    if node >= nodes:
        raise UsageError(f"{name} is {node}: of --nodes {nodes} the last is {nodes - 1}", hint="nodes count from 0")
    tasks = _tasks(nodes, environment) if step else 1
    local = _number("SLURM_LOCALID", environment) if tasks > 1 else 0
    address, port = _meeting(environment, step=step)
    return Cluster(nodes, node, local, tasks if tasks > 1 else None, address, port, sources[name])


def _is_step(nodes: int, environment: Mapping[str, str]) -> bool:
    """Whether ``srun`` has started this process, on all ``nodes`` at once."""
    return "SLURM_STEP_ID" in environment and environment.get("SLURM_STEP_NUM_NODES") == str(nodes)


def _tasks(nodes: int, environment: Mapping[str, str]) -> int:
    """How many processes ``srun`` has started on each node."""
    tasks = _number("SLURM_STEP_NUM_TASKS", environment)
    if tasks % nodes:
        what = f"srun has started {tasks} tasks on {nodes} nodes"
        raise UsageError(what, hint="--ntasks-per-node=1: each starts the other processes of its node")
    return tasks // nodes


def _meeting(environment: Mapping[str, str], *, step: bool) -> tuple[str, int]:
    """Host and port at which the nodes meet."""
    address, port = environment.get("MASTER_ADDR"), PORT
    if address is None and step:
        address = _first(environment.get("SLURM_STEP_NODELIST", ""))
    if address is None:
        raise UsageError("MASTER_ADDR is not set", hint="it is the host name or address of node 0, the same on each")
    if "MASTER_PORT" in environment:
        port = _number("MASTER_PORT", environment)
    elif "SLURM_JOB_ID" in environment:
        first, count = SLURM_PORTS
        port = first + _number("SLURM_JOB_ID", environment) % count
    if not 0 < port < 1 << 16:
        raise UsageError(f"MASTER_PORT is {port}", hint=f"a port is a number from 1 to {(1 << 16) - 1}")
    return address, port


def _first(nodes: str) -> str | None:
    """The first host of a list as Slurm writes it: ``gpu[03-05,9],login``."""
    match = re.match(r"([^,\[]+)(?:\[([^\],-]+)[^\]]*\]([^,]*))?", nodes)
    return match[1] + (match[2] or "") + (match[3] or "") if match else None


def _check_counts(nodes: int, gpus: int | None, environment: Mapping[str, str]) -> None:
    """Raises UsageError where a variable says other numbers of nodes, or of GPUs on each."""
    counts = [("NNODES", "--nodes", nodes)]
    if "NUM_GPU_PER_NODE" in environment:  # then WORLD_SIZE is NVIDIA's word for the number of nodes
        counts += [("WORLD_SIZE", "--nodes", nodes), ("NUM_GPU_PER_NODE", "--gpus", gpus or 0)]
    for name, option, count in counts:
        if count and name in environment and _number(name, environment) != count:
            what = f"{option} {count}, but {name} is {environment[name]}"
            raise UsageError(what, hint=f"give {option} {environment[name]}, or set {name} to {count}")


def _number(name: str, environment: Mapping[str, str]) -> int:
    text = _required(name, environment)
    if not text.isdigit():
        raise UsageError(f'{name} is "{text}", which is no number', hint="unset it, or set it to a number from 0")
    return int(text)


def _required(name: str, environment: Mapping[str, str]) -> str:
    if not environment.get(name):
        raise UsageError(f"{name} is not set", hint="it belongs to the variables of whoever starts a training on nodes")
    return environment[name]
