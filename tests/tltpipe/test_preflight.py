"""What nodes say of themselves before a job starts: real processes, one for each node, in one folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tltpipe import preflight
from tltpipe.preflight import node, reach

ROOT = Path(__file__).parents[2]


class Nodes:
    """Starts the program as nodes do, all at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.words = preflight.begin(folder, folder.parent)

    def report(self, nodes: Mapping[str, Mapping[str, str]], *more: str) -> list[tuple[int, str]]:
        """Exit code and standard error of each; ``nodes`` are the variables of each, ``more`` options of all."""
        started = []
        for rank, (name, variables) in enumerate(nodes.items()):
            own = {"TLTPIPE_NODE": name, "NODE_RANK": str(rank), "NNODES": str(len(nodes)), **variables}
            words = [sys.executable, "-P", "-m", *self.words, *more]
            started.append(
                subprocess.Popen(words, env={**os.environ, **own}, cwd="/", stderr=subprocess.PIPE, text=True)
            )
        errors = [each.communicate(timeout=60)[1] for each in started]
        return [(each.returncode, error) for each, error in zip(started, errors, strict=True)]

    def judge(self, *nodes: str) -> preflight.Verdict:
        return preflight.judge(self.folder, nodes)


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    return Nodes(tmp_path / "workspace" / "preflight")


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
    return number


def test_two_sound_nodes_are_ready_within_three_seconds(nodes: Nodes, port: int) -> None:
    start = time.monotonic()
    assert nodes.report({"n1": {}, "n2": {}}, "--reach", f"127.0.0.1:{port}") == [(0, ""), (0, "")]
    verdict = nodes.judge("n1", "n2")
    assert time.monotonic() - start < 3
    assert verdict.faults == ()
    assert [sentence.split()[:3] for sentence in verdict.sound] == [["n1", "is", "ready:"], ["n2", "is", "ready:"]]
    report = json.loads((nodes.folder / "n2.json").read_text())
    assert report["versions"]["numpy"] == __import__("numpy").__version__
    assert report["simd"]
    assert abs(report["clock"]) < 1


def test_a_node_without_the_workspace(nodes: Nodes) -> None:
    nodes.report({"n1": {}})
    away = Nodes(nodes.folder.parent / "other")
    shutil.rmtree(away.folder)
    with ThreadPoolExecutor() as side:
        judging = side.submit(nodes.judge, "n1", "n2")
        assert [code for code, _ in away.report({"n2": {}})] == [6]
        verdict = judging.result()
    assert len(verdict.sound) == len(verdict.faults) == 1
    assert verdict.faults[0].startswith(f"n2 does not see the workspace {nodes.folder.parent}")


def test_a_node_with_another_folder_of_that_name(nodes: Nodes) -> None:
    nodes.words[nodes.words.index("--nonce") + 1] = "of-another-folder"
    assert nodes.report({"n1": {}}) == [(0, "")]
    [fault] = nodes.judge("n1").faults
    assert fault.startswith("n1 sees another folder")


def test_a_node_with_another_version_is_told_in_one_sentence(nodes: Nodes, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tltpipe", tmp_path / "old" / "tltpipe")
    front = tmp_path / "old" / "tltpipe" / "__init__.py"
    front.write_text(re.sub('__version__ = ".*"', '__version__ = "0.0.9"', front.read_text()))
    nodes.report({"n1": {}, "n2": {"PYTHONPATH": str(tmp_path / "old")}})
    [fault] = nodes.judge("n1", "n2").faults
    assert re.match(r"n2 has tltpipe 0\.0\.9, this job needs \d", fault)


def test_a_library_that_another_node_has_in_another_version(nodes: Nodes) -> None:
    nodes.report({"n1": {}, "n2": {}})
    path = nodes.folder / "n2.json"
    report = json.loads(path.read_text())
    report["versions"] |= {"numpy": "1.0"}
    del report["versions"]["torch"]
    path.write_text(json.dumps(report))
    [fault] = nodes.judge("n1", "n2").faults
    assert re.match(r"n2 has numpy 1\.0, n1 has [\d.]+; no torch, n1 has \d", fault)


def test_gpus_are_counted(nodes: Nodes, tmp_path: Path) -> None:
    nodes.report({"n1": {"CUDA_VISIBLE_DEVICES": "0,1"}, "n2": {"CUDA_VISIBLE_DEVICES": "3"}}, "--gpus", "2")
    [fault] = nodes.judge("n1", "n2").faults
    assert fault.startswith("n2 has 1 GPU, 2 are needed")
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H200'\necho 'GPU 1: NVIDIA H200'\n")
    smi.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        visible: list[dict[str, str]] = [
            {},
            {"CUDA_VISIBLE_DEVICES": "1"},
            {"CUDA_VISIBLE_DEVICES": ""},
            {"CUDA_VISIBLE_DEVICES": "0,1,2"},
        ]
        assert [node.gpus(each) for each in visible] == [2, 1, 0, 2]


def test_a_first_node_that_cannot_be_reached(port: int) -> None:
    problem, _ = reach.connect("127.0.0.1", port, "nonce", seconds=0.3)
    assert problem.startswith(f"cannot reach 127.0.0.1:{port}: Connection refused")
    with socket.create_server(("127.0.0.1", port)) as other:
        threading.Thread(target=lambda: other.accept()[0].sendall(b"SSH-2.0\n"), daemon=True).start()
        assert "another program" in reach.connect("127.0.0.1", port, "nonce", seconds=0.2)[0]
        assert reach.listen(port, 1, "nonce", seconds=0.1).startswith(f"cannot listen on port {port}")


def test_a_clock_that_is_off_is_a_fault_of_its_node(nodes: Nodes, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as first:
        late = b"%s %.6f\n" % (reach.answer("nonce"), time.time() - 100)
        threading.Thread(target=lambda: first.accept()[0].sendall(late), daemon=True).start()
        problem, ahead = reach.connect("127.0.0.1", port, "nonce")
    assert problem == ""
    assert 99 < ahead < 102
    nodes.report({"n1": {}, "n2": {}})
    path = nodes.folder / "n2.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "clock": ahead}))
    [fault] = nodes.judge("n1", "n2").faults
    assert "clock" in fault
    assert "ahead of n1's" in fault
    path.write_text(json.dumps({**json.loads(path.read_text()), "clock": -ahead}))
    assert "behind n1's" in nodes.judge("n1", "n2").faults[0]


def test_the_program_says_what_the_reports_amount_to(nodes: Nodes) -> None:
    nodes.report({"n1": {"CUDA_VISIBLE_DEVICES": ""}}, "--gpus", "1")
    words = [sys.executable, "-P", "-m", preflight.MODULE, "--folder", str(nodes.folder), "--judge", "n1"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 6
    assert done.stdout.startswith("error: n1 has no GPUs, 1 is needed")
