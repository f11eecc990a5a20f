"""Nodes that could not do a job say so in one sentence, before it starts and to ``tltpipe doctor``."""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path

import pytest
from faults import Record
from slurm_cluster import Cluster

from orchestrator.engine.slurm.settings import Slurm
from orchestrator.jobs import Job, submitted
from orchestrator.runners import Place, slurm
from tltpipe import preflight

ROOT = Path(__file__).parents[2]


def environment(folder: Path, on_n2: str) -> Path:
    """A Python whose node n2 does ``on_n2`` first; beside it the program of the job."""
    folder.mkdir()
    python = folder / "python"
    python.write_text(f'#!/bin/bash\n[[ $SLURMD_NODENAME != n2 ]] || {{ {on_n2}; }}\nexec {sys.executable} "$@"\n')
    (folder / "tlt-train").write_text("#!/bin/sh\necho trained on $SLURMD_NODENAME\n")
    for path in folder.iterdir():
        path.chmod(0o755)
    return python


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "workspace").mkdir()
    return tmp_path / "workspace"


def opened(workspace: Path, on_n2: str = ":") -> slurm.SlurmRunner:
    settings = Slurm(cpus=1, memory="100M", python=str(environment(workspace.parent / "environment", on_n2)))
    return slurm.open(Place(workspace, workspace / "logs", nodes=2, settings=settings))


def without_workspace(workspace: Path) -> str:
    return f'exec unshare --mount bash -c \'mount -t tmpfs none {workspace} && exec {sys.executable} "$@"\' - "$@"'


def with_another_version(workspace: Path) -> str:
    old = workspace.parent / "old"
    shutil.copytree(ROOT / "tltpipe", old / "tltpipe")
    front = old / "tltpipe" / "__init__.py"
    front.write_text(re.sub('__version__ = ".*"', '__version__ = "0.0.9"', front.read_text()))
    return f"export PYTHONPATH={old}"


def test_sound_nodes(cluster: Cluster, workspace: Path) -> None:
    start = time.monotonic()
    folder = workspace / "nodes"
    nodes = opened(workspace).on_each_node(preflight.begin(folder, workspace))
    verdict = preflight.judge(folder, nodes)
    assert nodes == ("n1", "n2")
    assert verdict.faults == ()
    assert [sentence.split()[0] for sentence in verdict.sound] == ["n1", "n2"]
    assert time.monotonic() - start < 10


def test_a_node_without_the_workspace(cluster: Cluster, workspace: Path) -> None:
    folder = workspace / "nodes"
    nodes = opened(workspace, without_workspace(workspace)).on_each_node(preflight.begin(folder, workspace))
    [fault] = preflight.judge(folder, nodes).faults
    assert fault.startswith(f"n2 does not see the workspace {workspace}")


def test_a_job_on_nodes_with_other_versions_ends_before_it_starts(
    cluster: Cluster, workspace: Path, record_fault: Record
) -> None:
    runner = opened(workspace, with_another_version(workspace))
    lines: list[str] = []
    fault = record_fault("Slurm", "one of two nodes has another version", "one sentence, exit code 6")
    outcome = runner.run(Job("train", ("tlt-train", "ssd"), nodes=2), lines.append)
    fault.over()
    assert outcome.exit_code == 6
    [error] = [line for line in lines if line.startswith("error:")]
    assert re.match(r"error: n2 has tltpipe 0\.0\.9, this job needs \d", error)
    assert not any("trained" in line for line in lines)
    [job] = submitted.every(workspace / ".tltpipe" / "jobs")
    assert submitted.final(job) == submitted.State("failed", "ended with exit status 6 on n1", ("n1",), 6)
