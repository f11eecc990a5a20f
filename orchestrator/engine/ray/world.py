"""One training on nodes of a cluster: started on all of them together, followed, and started again from its checkpoint
when a node is lost."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.engine.ray import members, reservation
from orchestrator.engine.ray.members import START_SECONDS
from orchestrator.engine.ray.reservation import Node, Share
from orchestrator.engine.ray.settings import Ray
from orchestrator.jobs import Job, Secret, logs
from orchestrator.trainings.reading import Tail
from tltpipe import files, preflight, seal
from tltpipe.errors import HostError, Interrupted
from tltpipe.ray_cluster import first_line

POLL_SECONDS = 0.2
COUNT_SECONDS = 2.0
"""Between two looks at which nodes are there."""
PATIENCE_SECONDS = 40.0
"""How long the others may run once one has failed: a node that was cut off from the network is noticed after 27 s."""
GRACE_SECONDS = 30.0
"""How long an interrupted training may take to end by itself: it saves a checkpoint."""
END_SECONDS = 5.0
"""Within which a killed program is gone."""
PORTS = 20_000, 10_000
"""Nodes meet at a port of these, from the first: outside of those of Ray's workers."""
KILLED = 128 + signal.SIGKILL


class Lost(Exception):
    """A node of a training, or its program there, is gone."""


@dataclass
class World:
    """``job`` on nodes of the cluster that the module ``ray`` is connected to. Every node sees ``workspace``, where the
    job has a folder of its own for as long as it runs."""

    ray: Any
    chosen: Ray
    job: Job
    workspace: Path
    log: logs.JobLog
    stopping: bool = False
    """Set in another thread: the training is to end by itself."""

    def run(self) -> int:
        """Train to the end, whatever nodes are lost on the way; return the exit code of the first program that failed.

        Raises HostError where the cluster has not the nodes, or loses them too often, and Interrupted after Ctrl-C.
        """
        share = reservation.share(self.ray, self.chosen, nodes=self.job.nodes, gpus=self.job.gpus)
        with _own_folder(self.workspace) as folder:
            for attempt in range(self.chosen.restarts + 1):
                with reservation.reserved(self.ray, share, self.chosen.wait, self.log.line) as nodes:
                    try:
                        return self._attempt(Attempt(self.ray, share, nodes, folder, attempt))
                    except Lost as lost:
                        why = str(lost)
                if attempt < self.chosen.restarts:
                    left = f"attempt {attempt + 2} of {self.chosen.restarts + 1}"
                    self.log.line(f"{why}; the training starts again from its last checkpoint, {left}")
        what = f"{why}, and the training was started {self.chosen.restarts + 1} times"
        raise HostError(what, hint="the same command goes on from its last checkpoint; ray.restarts allows more losses")

    def _attempt(self, attempt: Attempt) -> int:
        try:
            attempt.check(self.workspace)
            attempt.start(self.job, self.workspace, self.log.path, self.chosen.interface)
            return self._follow(attempt)
        except KeyboardInterrupt:
            self._end(attempt)
            raise Interrupted(f"{self.job.argv[0]} was interrupted", where=self.log.path) from None
        finally:
            attempt.end()

    def _follow(self, attempt: Attempt) -> int:
        """Pass lines on until the programs on all nodes have ended."""
        failed_at: float | None = None
        while attempt.running:
            attempt.wait(self.log)
            if self.stopping:
                self._end(attempt)
            failed_at = failed_at or (time.monotonic() if attempt.failures else None)
            if failed_at and time.monotonic() - failed_at > PATIENCE_SECONDS:
                break
        return attempt.verdict(self.log)

    def _end(self, attempt: Attempt) -> None:
        """Ask all nodes for an end and wait for it; a second Ctrl-C, or patience at its end, kills. Python can lose a
        first SIGINT inside a destructor, so it is asked once more."""
        began, sent = time.monotonic(), 0
        try:
            while attempt.running and time.monotonic() - began < GRACE_SECONDS:
                if time.monotonic() - began >= sent * GRACE_SECONDS / 3 and sent < 2:
                    attempt.send(signal.SIGINT)
                    sent += 1
                attempt.wait(self.log)
        except KeyboardInterrupt:
            return


@dataclass
class Attempt:
    """The training, started once on ``nodes``: one program on each, by its rank."""

    ray: Any
    share: Share
    nodes: Sequence[Node]
    folder: Path
    number: int
    members: list[Any] = field(init=False)
    outputs: list[Path] = field(default_factory=list, init=False)
    """Logs of other nodes than the first; kept where they say something."""
    counted: float = field(default_factory=time.monotonic, init=False)
    running: dict[Any, int] = field(default_factory=dict, init=False)
    """The ranks of programs that run, by what waits for each."""
    failures: list[tuple[int, int | None]] = field(default_factory=list, init=False)
    """Ranks of programs that failed, in this order, and their exit codes; None for one that is gone."""

    def __post_init__(self) -> None:
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        places = [
            PlacementGroupSchedulingStrategy(node.group, placement_group_bundle_index=node.bundle)
            for node in self.nodes
        ]
        self.members = members.placed(self.ray, places, **self.share.options)
        self.output = self.folder / f"output-{self.number}"
        self.tail = Tail(self.folder, self.output.name)

    @property
    def port(self) -> int:
        first, count = PORTS
        return first + zlib.crc32(f"{self.folder.name}-{self.number}".encode()) % count

    def environment(self, rank: int) -> dict[str, str]:
        """The variables by which a program knows its place in the world."""
        return {
            "NNODES": str(len(self.nodes)),
            "NODE_RANK": str(rank),
            "MASTER_ADDR": self.nodes[0].host,
            "MASTER_PORT": str(self.port),
            # Ray's own job ids begin anew in each cluster; within a job of Slurm's, its requeues count first.
            "TLTPIPE_JOB_ID": self.folder.name,
            "TLTPIPE_ATTEMPT": str(int(os.environ.get("TLTPIPE_ATTEMPT") or 0) + self.number),
            members.NODE: self.nodes[rank].host,
        }

    def check(self, workspace: Path) -> None:
        """Raises HostError with a sentence for each node that cannot do the job."""
        folder = self.folder / f"preflight-{self.number}"
        words = [*preflight.begin(folder, workspace), "--gpus", str(self.share.gpus)]
        words += ["--reach", f"{self.nodes[0].host}:{self.port}"] if len(self.nodes) > 1 else []
        members.run_module(self.ray, self.members, words, [self.environment(rank) for rank in range(len(self.nodes))])
        faults = preflight.judge(folder, [node.host for node in self.nodes]).faults
        if faults:
            raise HostError("; ".join(faults), hint="or take these nodes out of the cluster")

    def start(self, job: Job, workspace: Path, log: Path, interface: str | None) -> None:
        """Start the program of ``job`` on all nodes. Output of the first comes to us, that of the others goes to logs
        of their own beside ``log``."""
        argv = job.again if self.number and job.again else job.argv
        words = [f"<{word.name}>" if isinstance(word, Secret) else word for word in argv]
        own = {"TLTPIPE_WORKSPACE": str(workspace)} | ({"TLTPIPE_INTERFACE": interface} if interface else {})
        with self._secrets(job, argv) as secrets:
            started = []
            for rank, each in enumerate(self.members):
                output = self.output
                if rank:
                    output = log.with_name(f"{log.stem}.node-{rank}.log")
                    self.outputs.append(output)
                environment = {**own, **job.environment, **self._seal(job), **self.environment(rank)}
                options = {"folder": str(workspace), "environment": environment, "output": str(output)}
                started.append(each.start.remote(words, secrets=secrets, **options))
                self.running[each.wait.remote(started[-1])] = rank
            try:
                self.ray.get(started, timeout=START_SECONDS)
            except self.ray.exceptions.RayTaskError as problem:
                raise HostError(f"{words[0]} cannot be started: {problem.cause}") from None
            except self.ray.exceptions.GetTimeoutError:
                raise HostError(f"{words[0]} was not started within {START_SECONDS:.0f} s") from None
            except self.ray.exceptions.RayError as problem:
                raise Lost(f"a node was lost: {first_line(problem)}") from None

    def wait(self, log: logs.JobLog) -> None:
        """A moment, in which lines are passed on and it is noted which programs have ended."""
        ended, _ = self.ray.wait(list(self.running), num_returns=len(self.running), timeout=POLL_SECONDS)
        for reference in ended:
            rank = self.running.pop(reference)
            try:
                code = self.ray.get(reference)
            except self.ray.exceptions.RayError:
                code = None
            if code != 0:
                self.failures.append((rank, code))
        self.pass_on(log)
        self._leave_dead()

    def _leave_dead(self) -> None:
        """Note which nodes the cluster has given up: who waits for one that was cut off learns it minutes later."""
        if time.monotonic() < self.counted + COUNT_SECONDS:
            return
        self.counted = time.monotonic()
        alive = {node["NodeID"] for node in self.ray.nodes() if node["Alive"]}
        for reference, rank in list(self.running.items()):
            if self.nodes[rank].id not in alive:
                del self.running[reference]
                self.failures.append((rank, None))

    def pass_on(self, log: logs.JobLog) -> None:
        """The lines that came since."""

        def take(lines: list[bytes]) -> None:
            for line in lines:
                log.line(line.decode("utf-8", "replace"))

        self.tail.read(lambda: None, take)

    def verdict(self, log: logs.JobLog) -> int:
        """The exit code of the first that failed, whose last lines ``log`` then has, too; 0 where none has. Raises Lost
        where one is gone: what others then failed of is that."""
        for rank, code in self.failures:
            if code in (None, KILLED):
                what = "was lost" if code is None else "lost the program: it was killed (out of memory?)"
                raise Lost(f"node {self.nodes[rank].host} {what}")
        if not self.failures:
            return 0
        rank, code = self.failures[0]
        own = log.path.with_name(f"{log.path.stem}.node-{rank}.log")
        if rank and own.is_file():
            log.line(f"node {self.nodes[rank].host} failed; its last lines, of {own}:")
            for line in own.read_text("utf-8", "replace").splitlines()[-logs.TAIL // 2 :]:
                log.line(line)
        return code or 0

    def send(self, number: int) -> None:
        """A signal to the programs on all nodes."""
        for rank in self.running.values():
            self.members[rank].send.remote(number)

    def end(self) -> None:
        """Nothing of this attempt runs after this on a node that can be reached."""
        self.send(signal.SIGKILL)
        if self.running:
            self.ray.wait(list(self.running), num_returns=len(self.running), timeout=END_SECONDS)
        for each in self.members:
            self.ray.kill(each)
        for path in self.outputs:
            if path.is_file() and not path.stat().st_size:
                path.unlink()

    def _seal(self, job: Job) -> Mapping[str, str]:
        """Where our own programs find this user's key on nodes with other homes."""
        if seal.PLACE not in job.environment:
            return {}
        path = self.folder / seal.NAME
        if not path.exists():
            _write_secret(path, seal.user_key().hex())
        return {seal.PLACE: str(path)}

    @contextmanager
    def _secrets(self, job: Job, argv: Sequence[str | Secret]) -> Iterator[dict[int, str]]:
        """Files with the secret words of ``argv``, by their number, until the programs have started."""
        paths = {at: self.folder / f"word-{at}" for at, word in enumerate(argv) if isinstance(word, Secret)}
        try:
            for at, path in paths.items():
                word = argv[at]
                assert isinstance(word, Secret)
                _write_secret(path, job.secrets[word.name])
            yield {at: str(path) for at, path in paths.items()}
        finally:
            for path in paths.values():
                path.unlink(missing_ok=True)


def _write_secret(path: Path, value: str) -> None:
    with files.new_file(path, mode=0o600) as stream:
        stream.write(value.encode())


@contextmanager
def _own_folder(workspace: Path) -> Iterator[Path]:
    """A folder in the workspace, for this user alone, that is gone after the block."""
    parent = workspace / ".tltpipe"
    files.refuse_links(workspace, [parent / "folder"])
    with files.writable(parent):
        parent.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="ray-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
