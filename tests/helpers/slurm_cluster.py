"""A real Slurm of two nodes, n1 and n2, on this machine: its own folder, free ports, nothing below /etc.

    with slurm_cluster.running() as cluster:   # cluster.environment has SLURM_CONF, cluster.run("sinfo") uses it

As a script: ``python tests/helpers/slurm_cluster.py up FOLDER`` prints the line to export; ``... down FOLDER`` ends it.
Needs root, and Debian's slurmctld, slurmd, slurm-client and munge.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NODES = ("n1", "n2")
SECONDS = 20.0
"""How long the nodes may take to be idle; 1 to 2 s on an idle machine."""
CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/run/munge.socket,cred_expire=5
SlurmctldPort={controller}
StateSaveLocation={root}/state
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdSpoolDir={root}/state/%n
SlurmdPidFile={root}/run/%n.pid
SlurmdLogFile={root}/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={root}/log/jobcomp.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=2
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=3600
SlurmdTimeout=5
SlurmctldTimeout=10
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.2 Port={first} {node}
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.3 Port={second} {node}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL MaxTime=1 State=UP
"""
NODE = "CPUs=4 Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=8000 Gres=gpu:2 State=UNKNOWN"


@dataclass(frozen=True)
class Cluster:
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """What points Slurm's commands to this cluster."""
        return {"SLURM_CONF": str(self.root / "slurm.conf")}

    def run(self, *words: str) -> str:
        """What a command of Slurm's writes; raises CalledProcessError."""
        done = subprocess.run(words, env={**os.environ, **self.environment}, text=True, capture_output=True, check=True)
        return done.stdout.strip()

    def start_node(self, name: str, *, hidden: Path | None = None, bound: tuple[Path, Path] | None = None) -> None:
        """Start the node's daemon, the first time or again. It and its jobs do not see the folder ``hidden``; of
        ``bound`` they see the second in place of the first."""
        daemon = [_daemon("slurmd"), "-f", self.environment["SLURM_CONF"], "-N", name]
        mounts = [] if hidden is None else [["mount", "-t", "tmpfs", "-o", "ro", "none", str(hidden)]]
        mounts += [] if bound is None else [["mount", "--bind", str(bound[1]), str(bound[0])]]
        apart = ["unshare", "--mount", "sh", "-c", " && ".join(map(shlex.join, [*mounts, daemon]))]
        self.run(*(apart if mounts else daemon))

    def restart_node(self, name: str, **seen: Any) -> None:
        """As ``start_node``, of one that runs and has no jobs."""
        note = self.root / f"run/{name}.pid"
        _kill(self._pid(name), signal.SIGTERM)
        while note.exists():
            time.sleep(0.02)
        self.start_node(name, **seen)
        self.wait_idle()

    def kill_node(self, name: str) -> None:
        """SIGKILL the node's daemon and everything that it started, as a machine that loses its power. Slurm notices
        in 25 s with these settings, or at once by ``lose``."""
        daemon = self._pid(name)
        for pid in [daemon, *_steps_of(self.root, name)]:
            _kill(pid, signal.SIGKILL)
        (self.root / f"run/{name}.pid").unlink(missing_ok=True)

    def lose(self, name: str) -> None:
        """Kill the node, and let the controller know."""
        self.kill_node(name)
        self.run("scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=killed")

    def recover(self, name: str) -> None:
        """Start a node that was lost."""
        self.start_node(name)
        self.wait_idle()

    def wait_idle(self, seconds: float = SECONDS) -> None:
        """Until all nodes are idle; raises TimeoutError."""
        end = time.monotonic() + seconds
        while set(self.run("sinfo", "-h", "-N", "-o", "%T").split()) != {"idle"}:
            if time.monotonic() > end:
                raise TimeoutError(self.run("sinfo", "-N", "-l"))
            time.sleep(0.05)

    def clear(self) -> None:
        """Cancel all jobs; those that end by themselves meanwhile are none to cancel."""
        for signal_name in ("--signal=KILL", ""):
            if left := self.run("squeue", "-h", "-o", "%A").split():
                words = ["scancel", *filter(None, [signal_name]), *left]
                subprocess.run(words, env={**os.environ, **self.environment}, capture_output=True)

    def logs(self) -> str:
        return "\n".join(f"== {path.name}\n{path.read_text()[-4000:]}" for path in (self.root / "log").glob("*.log"))

    def _pid(self, name: str) -> int:
        return int((self.root / f"run/{name}.pid").read_text())


@contextmanager
def running() -> Iterator[Cluster]:
    """A cluster in a folder of its own, whose path is short as sockets want it; gone afterwards, its jobs, too."""
    root = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    try:
        yield up(root)
    finally:
        down(root)
        shutil.rmtree(root, ignore_errors=True)


def whereabouts(_: int) -> str:
    """The node that this runs on; takes long enough for others to take part."""
    time.sleep(0.3)
    return os.environ["SLURMD_NODENAME"]


def up(root: Path) -> Cluster:
    """Start the cluster in the folder ``root``."""
    cluster = Cluster(root)
    _configure(root)
    munged = ["--force", f"--key-file={root}/munge.key", f"--socket={root}/run/munge.socket"]
    files = [f"--pid-file={root}/run/munged.pid", f"--log-file={root}/log/munged.log", f"--seed-file={root}/run/seed"]
    cluster.run(_daemon("munged"), *munged, *files)
    cluster.run(_daemon("slurmctld"), "-f", cluster.environment["SLURM_CONF"], "-c")
    for name in NODES:
        cluster.start_node(name)
    cluster.wait_idle()
    return cluster


def down(root: Path) -> None:
    """End all jobs and daemons of the cluster in ``root``; nothing of another is touched."""
    for name in NODES:
        for pid in _steps_of(root, name):
            _kill(pid, signal.SIGKILL)
    notes = sorted((root / "run").glob("*.pid"), key=lambda path: path.name == "munged.pid")
    for note in notes:
        _kill(int(note.read_text()), signal.SIGTERM)
    end = time.monotonic() + 5
    while any(note.exists() for note in notes) and time.monotonic() < end:
        time.sleep(0.02)
    for note in notes:
        if note.exists():
            _kill(int(note.read_text()), signal.SIGKILL)


def _configure(root: Path) -> None:
    for name in ("run", "state", "log"):
        (root / name).mkdir(parents=True, exist_ok=True)
    root.chmod(0o755)
    key = root / "munge.key"
    key.touch(0o600)
    key.write_bytes(secrets.token_bytes(1024))
    controller, first, second = _free_ports(3)
    host = socket.gethostname().partition(".")[0]
    text = CONF.format(root=root, host=host, controller=controller, first=first, second=second, node=NODE)
    (root / "slurm.conf").write_text(text)
    (root / "cgroup.conf").write_text("IgnoreSystemd=yes\n")
    gpus = [(name, root / f"gpu-{name}-{number}") for name in NODES for number in (0, 1)]
    for _, device in gpus:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (root / "gres.conf").write_text("".join(f"NodeName={name} Name=gpu File={device}\n" for name, device in gpus))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _daemon(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError(f"{name} is not installed: .ci/slurm.sh installs it")
    return found


def _steps_of(root: Path, name: str) -> list[int]:
    """The processes that the node has started: first those that watch its jobs, which have an empty environment, so
    that they cannot report what happens to the others."""
    marks = {f"SLURM_CONF={root}/slurm.conf".encode(), f"SLURMD_NODENAME={name}".encode()}
    watching: dict[int, None] = {}
    started: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if not marks <= set((entry / "environ").read_bytes().split(b"\0")):
                continue
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if (Path("/proc") / str(parent) / "comm").read_text().startswith("slurmstepd"):
                watching[parent] = None
        except OSError:  # it has ended
            continue
        started.append(int(entry.name))
    return [*watching, *started]


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    if sys.argv[1] == "up":
        print("export SLURM_CONF=" + up(Path(sys.argv[2]).absolute()).environment["SLURM_CONF"])
    else:
        down(Path(sys.argv[2]).absolute())
