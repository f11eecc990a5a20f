"""``tlt-train --nodes 2``: two processes with the variables of two nodes, on one machine."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import Record

from runtime.programs import train
from runtime.weights import checkpoint

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from runtime.programs.train import main; sys.exit(main(sys.argv[1:]))"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TLTPIPE_INTERFACE": "lo", "MASTER_ADDR": "127.0.0.1"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Job:
    """Two nodes that train by ``spec`` into ``results``, as attempt ``attempt`` at one job of a scheduler."""

    def __init__(self, spec: Path, results: Path, *, attempt: int, program: str = PROGRAM) -> None:
        self.program, self.port = program, str(free_port())
        self.logs = [results.parent / f"{attempt}-{node}.log" for node in (0, 1)]
        self.nodes = [self._start(node, spec, results, attempt) for node in (0, 1)]

    def _start(self, node: int, spec: Path, results: Path, attempt: int) -> subprocess.Popen[bytes]:
        job = {"SLURM_JOB_ID": "7", "TLTPIPE_ATTEMPT": str(attempt), "TLTPIPE_NODE": f"n{node + 1}"}
        place = {"NODE_RANK": str(node), "NNODES": "2", "MASTER_PORT": self.port}
        words = ["ssd", "-e", str(spec), "-r", str(results), "--nodes", "2", "--rendezvous-timeout", "120"]
        with self.logs[node].open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-c", self.program, *words], env=ENVIRONMENT | job | place, stdout=log, stderr=log
            )

    def until(self, text: str) -> None:
        """Wait until the first node has said ``text``."""
        deadline = time.monotonic() + 180
        while text not in self.said(0):
            assert self.nodes[0].poll() is None, self.said(0)
            assert time.monotonic() < deadline, self.said(0)
            time.sleep(0.05)

    def said(self, node: int) -> str:
        return self.logs[node].read_text()

    def ends(self, seconds: float = 180) -> list[int]:
        """The exit codes of both."""
        return [node.wait(seconds) for node in self.nodes]


@pytest.fixture
def jobs() -> Iterator[list[Job]]:
    started: list[Job] = []
    yield started
    for node in (node for job in started for node in job.nodes):
        node.kill()
        node.wait()


def weights(results: Path) -> str:
    model = checkpoint.load(results / "weights/ssd_resnet10_epoch_003.safetensors").model
    return hashlib.sha256(b"".join(model[name].numpy().tobytes() for name in sorted(model))).hexdigest()


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_node_that_was_given_up_wakes_and_spoils_nothing(
    make_shapes: Any, tmp_path: Path, jobs: list[Job], capfd: pytest.CaptureFixture[str], record_fault: Record
) -> None:
    """The first attempt is cut off in the middle: one node dies, the other stops, as a machine that nobody hears of.
    The second goes on to the weights that two processes of one machine come to. Then the stopped node wakes: it ends,
    and not a byte is another."""
    shapes = make_shapes(train=8, validation=2)
    spec, results = shapes.spec(epochs=3, period=3, batch=2, interval=1), tmp_path / "out"
    jobs.append(Job(spec, results, attempt=0))
    jobs[0].until("epoch 2/3")
    jobs[0].nodes[0].send_signal(signal.SIGSTOP)
    jobs[0].nodes[1].kill()

    assert train.main(["ssd", "-e", str(spec), "-r", str(results)]) == 6  # somebody else, while the folder is held
    assert "another training writes here" in capfd.readouterr().err
    jobs.append(Job(spec, results, attempt=1))
    assert jobs[1].ends() == [0, 0]
    assert "going on" in jobs[1].said(0)
    assert "error" not in jobs[1].said(1)
    left = files(results)

    fault = record_fault("training", "a node that was given up wakes", "it ends with exit code 1, and changes no byte")
    jobs[0].nodes[0].send_signal(signal.SIGCONT)
    assert jobs[0].ends(60) == [1, -signal.SIGKILL]
    fault.over()
    assert "another run has taken over" in jobs[0].said(0)
    assert files(results) == left

    one = tmp_path / "one"
    assert train.main(["ssd", "-e", str(spec), "-r", str(one), "-np", "2"]) == 0
    assert weights(results) == weights(one)
    capfd.readouterr()

    longer = ["ssd", "-e", str(shapes.spec(epochs=4, period=3, batch=2, interval=1)), "-r", str(results)]
    assert train.main(longer) == 2  # a step would take other images
    assert "ran in 2 processes on 2 nodes, here are 1 on 1" in capfd.readouterr().err
    assert files(results) == left
    assert train.main([*longer, "--elastic"]) == 0


TOGETHER = """
import sys
from runtime.machine import cluster, device, launch
from runtime.machine.device import Wanted
from runtime.shell import program

def body():
    device.require_torch()
    place = device.choose(Wanted(0), cluster.read(2))
    with launch.together(place, "none", [], facts={}, timeout=60) as place:
        device.open_fabric(place)
        import torch
        print("epoch", flush=True)
        while True:
            torch.distributed.all_reduce(torch.zeros(1))

sys.exit(program.run(body))
"""


@pytest.mark.parametrize(
    ("what", "victim", "number", "codes", "told"),
    [
        ("a node is killed", 1, signal.SIGKILL, [6, -signal.SIGKILL], "error: node 1 of 2 (n2) is lost"),
        ("the first node is killed", 0, signal.SIGKILL, [-signal.SIGKILL, 6], "error: node 0 of 2 (n1) is lost"),
        ("SIGTERM on one node", 1, signal.SIGTERM, [130, 130], "error: interrupted"),
    ],
)
def test_all_nodes_end_with_one(
    tmp_path: Path,
    jobs: list[Job],
    what: str,
    victim: int,
    number: int,
    codes: list[int],
    told: str,
    record_fault: Record,
) -> None:
    """Within seconds, with the right exit code on each; a request to end goes to the first, which has what to save."""
    jobs.append(Job(tmp_path / "none", tmp_path / "out", attempt=0, program=TOGETHER))
    jobs[0].until("epoch")
    fault = record_fault("training", what, f"all end with exit code {max(codes)}")
    jobs[0].nodes[victim].send_signal(number)
    assert jobs[0].ends(60) == codes
    fault.over()
    said = jobs[0].said(0) + jobs[0].said(1)
    assert told in said
    assert said.count("error:") == 1
    assert "Traceback" not in said
