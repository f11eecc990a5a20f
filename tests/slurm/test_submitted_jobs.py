"""Jobs as users see them: status, logs, attach and stop, from any terminal, on a real Slurm."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import warm
from slurm_cluster import Cluster
from typer.testing import CliRunner
from waiting_jobs import waiting_job

from orchestrator.cli import app
from orchestrator.jobs import submitted

ROOT = Path(__file__).parents[2]
PROGRAM = """#!/bin/sh
trap 'echo saved; exit 130' INT
echo "began on $SLURMD_NODENAME"
for n in $(seq 300); do echo "step $n"; sleep 0.1; done
"""
"""A program that does steps and, where it is interrupted, saves."""
TERMINAL = """
import sys
from pathlib import Path
from orchestrator.jobs import Job
from orchestrator.engine.slurm.settings import Slurm
from orchestrator.runners import Place, slurm
root = Path(sys.argv[1])
place = Place(root, root / "logs", settings=Slurm(cpus=1, memory="100M", python=sys.argv[2], options=sys.argv[4:]))
slurm.open(place).run(Job(sys.argv[3], ("tlt-train", "ssd"), again=("tlt-train", "ssd")), print)
"""
"""What ``tltpipe train`` does with the job of a stage."""


class Login:
    """A login node: terminals that submit, and commands that are not theirs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.python = root.parent / "environment" / "python"
        self.started: list[subprocess.Popen[str]] = []
        root.mkdir()
        self.python.parent.mkdir()
        self.python.symlink_to(sys.executable)
        (self.python.parent / "tlt-train").write_text(PROGRAM)
        (self.python.parent / "tlt-train").chmod(0o755)
        (root / "tltpipe.yaml").write_text("runner: slurm\n")

    def submit(self, *options: str, name: str = "train") -> subprocess.Popen[str]:
        words = [sys.executable, "-c", TERMINAL, str(self.root), str(self.python), name, *options]
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.started.append(process)
        return process

    def tltpipe(self, *words: str, code: int = 0, env: Mapping[str, str] | None = None) -> str:
        """What the command prints; it sees the workspace, and knows nothing of the terminal that submitted."""
        done = CliRunner().invoke(app, [*words, "-w", str(self.root)], env=env)
        assert done.exit_code == code, done.output
        return done.stdout if "--json" in words else done.output

    def status(self, env: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.tltpipe("status", "--json", env=env))["jobs"]
        return found

    def wait(self, seen: Callable[[], bool], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not seen():
            assert time.monotonic() < end, self.status()
            time.sleep(0.05)

    def printed(self, text: str) -> bool:
        return any(text in log.read_text() for log in (self.root / ".tltpipe" / "jobs").glob("*/log"))

    def submitted(self, count: int) -> bool:
        return sum(bool(job.id) for job in submitted.every(self.root / ".tltpipe" / "jobs")) == count


@pytest.fixture
def login(cluster: Cluster, tmp_path: Path) -> Iterator[Login]:
    login = Login(tmp_path / "workspace")
    yield login
    for process in login.started:
        process.kill()
        process.communicate()


def test_a_job_whose_terminal_is_lost_is_followed_and_stopped_from_another(login: Login) -> None:
    terminal = login.submit()
    login.wait(lambda: login.printed("step 2"))
    terminal.kill()  # as a connection that breaks
    [job] = login.status()
    assert (job["name"], job["state"], job["attempt"], job["exit_code"]) == ("train", "running", 0, None)
    assert job["nodes"] in (["n1"], ["n2"])
    assert f"began on {job['nodes'][0]}" in login.tltpipe("logs", job["id"])

    words = [*warm.command("tltpipe"), "attach", "-w", str(login.root)]
    attached = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert attached.stdout is not None
    while "step" not in attached.stdout.readline():
        pass
    attached.send_signal(signal.SIGINT)
    _, error = attached.communicate(timeout=30)
    assert attached.returncode == 130
    assert f"tltpipe stop {job['id']}" in error
    assert [each["state"] for each in login.status()] == ["running"]

    login.tltpipe("stop", "train")
    assert "saved" in login.tltpipe("logs", "--follow")
    [ended] = login.status()
    assert (ended["state"], ended["exit_code"]) == ("stopped", 130)
    login.tltpipe("attach", job["id"], code=130)


def test_why_a_job_is_pending_and_that_stop_withdraws_it(login: Login) -> None:
    login.submit("--hold")
    login.wait(lambda: login.submitted(1))
    [job] = login.status()
    assert job["state"] == "pending"
    assert "release" in job["reason"]
    login.tltpipe("stop")
    assert [each["state"] for each in login.status()] == ["stopped"]
    assert login.tltpipe("stop", job["id"]).startswith(f"{job['id']} (train) has ended")
    login.tltpipe("stop", code=2)
    login.tltpipe("stop", "7777", code=2)


def test_all_jobs_are_one_question_and_those_that_ended_none(login: Login, tmp_path: Path) -> None:
    for name in ("train", "augment", "evaluate"):
        login.submit("--hold", name=name)
    login.wait(lambda: login.submitted(3))
    questions = tmp_path / "questions"
    counting = tmp_path / "counting"
    counting.mkdir()
    for program in ("squeue", "scontrol", "sacct", "sinfo"):
        path = counting / program
        path.write_text(f'#!/bin/sh\necho {program} >>{questions}\nexec {shutil.which(program)} "$@"\n')
        path.chmod(0o755)
    counted = f"{counting}:{os.environ['PATH']}"
    assert [job["state"] for job in login.status({"PATH": counted})] == ["pending"] * 3
    assert questions.read_text().split() == ["squeue"]
    for name in ("train", "augment", "evaluate"):
        login.tltpipe("stop", "--now", name)
    questions.unlink()
    assert [job["state"] for job in login.status({"PATH": counted})] == ["stopped"] * 3
    assert not questions.exists()


def test_where_slurm_cannot_be_asked_it_says_so(login: Login, tmp_path: Path) -> None:
    login.submit("--hold")
    login.wait(lambda: login.submitted(1))
    [job] = login.status({"PATH": "/nowhere"})
    assert (job["state"], "squeue" in job["reason"]) == ("unknown", True)
    login.tltpipe("stop", code=6, env={"PATH": "/nowhere"})
    silent = tmp_path / "squeue"
    silent.write_text("#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact slurm controller' >&2\nexit 1\n")
    silent.chmod(0o755)
    [job] = login.status({"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (job["state"], "controller" in job["reason"]) == ("unknown", True)
    assert [each["state"] for each in login.status()] == ["pending"]


def test_the_same_command_takes_over_what_a_lost_terminal_began(cluster: Cluster, waiting: Path) -> None:
    def tltpipe(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*words, "-w", str(waiting)])
        return done.exit_code, done.stdout

    earlier = set((waiting / ".tltpipe" / "jobs").glob("*"))
    with subprocess.Popen(
        [*warm.command("tltpipe"), "train"], cwd=waiting, stdout=subprocess.PIPE, text=True
    ) as terminal:
        job = waiting_job(waiting, terminal)
        terminal.kill()
    assert tltpipe("prepare", "--force")[0] == 6  # the training reads it
    assert tltpipe("train", "--runner", "local")[0] == 6  # two would write one folder
    assert tltpipe("train", "--fresh")[0] == 6
    found = json.loads(tltpipe("status", "--json")[1])
    assert found["stages"]["train"]["state"] == "running"
    (waiting / "go").write_text("0")
    code, output = tltpipe("train")
    assert code == 0, output
    assert set((waiting / ".tltpipe" / "jobs").glob("*")) - earlier == {job}
    found = json.loads(tltpipe("status", "--json")[1])
    assert found["stages"]["train"]["state"] == "done"
    assert [(each["state"], each["collected"]) for each in found["jobs"] if each["folder"] == str(job)] == [
        ("done", True)
    ]
