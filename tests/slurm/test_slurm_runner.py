"""Single jobs on a real Slurm: what comes of them, whatever happens to them."""

from __future__ import annotations

import json
import shlex
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import slurm_cluster
from faults import Record
from slurm_cluster import Cluster

from orchestrator.engine.slurm import submitting
from orchestrator.engine.slurm.settings import Slurm
from orchestrator.jobs import Job, Secret, outcomes, submitted
from orchestrator.runners import Place
from orchestrator.runners.slurm import SlurmRunner
from tltpipe.errors import HostError, Interrupted

pytestmark = pytest.mark.slurm

HUSH = "hush-hush"
PATIENT = (
    "import time\nprint('begun', flush=True)\ntry: time.sleep(60)\nexcept KeyboardInterrupt: raise SystemExit(130)"
)


@pytest.fixture
def runner(cluster: Cluster, tmp_path: Path) -> Callable[..., SlurmRunner]:
    """A runner of a new workspace, with settings of the section "slurm"."""
    root = tmp_path / "work"
    root.mkdir()
    return lambda **settings: SlurmRunner(Place(root, root / "logs", settings=Slurm(**settings)))


def python(code: str, **more: Any) -> Job:
    return Job("test", ("python", "-c", code), **more)


def when_begun(runner: SlurmRunner, act: Callable[[submitted.Submitted], object]) -> Callable[[str], None]:
    """For the lines of a job: does ``act`` with it when it has printed "begun"."""
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        if line == "begun":
            act(submitted.every(runner.jobs)[-1])

    return hear


def test_exit_code_words_and_secrets(runner: Callable[..., SlurmRunner], monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code is the program's; what it needs in secret is in files that go with it, and nowhere else."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", HUSH)
    own, lines = runner(), list[str]()
    code = "import os,sys; print(len(sys.argv[1]), 'AWS_SECRET_ACCESS_KEY' in os.environ); sys.exit(3)"
    job = Job(
        "test", ("python", "-c", code, Secret("key")), secrets={"key": HUSH}, environment={"TLTPIPE_SEAL_KEY": "x"}
    )
    outcome = own.run(job, lines.append)
    assert outcome.exit_code == 3
    assert lines[1:] == [f"{len(HUSH)} False"]
    (made,) = submitted.every(own.jobs)
    (state,) = own.state([made])
    assert (state.word, state.exit_code, state.nodes) == (submitted.FAILED, 3, ("n1",))
    assert not [path for path in made.folder.iterdir() if path.name in submitted.SECRETS]
    assert not [path for path in own.jobs.rglob("*") if path.is_file() and HUSH in path.read_text()]


@pytest.mark.parametrize(
    ("settings", "more", "error", "words"),
    [
        ({"partition": "nowhere"}, {}, HostError, "invalid partition"),
        ({}, {"gpus": 3}, HostError, "node configuration"),
        ({"partition": "short", "time": "5"}, {}, HostError, "in vain"),
        ({"options": ["--nonsense"]}, {}, HostError, "--nonsense"),
    ],
)
def test_what_can_never_run_is_refused(
    runner: Callable[..., SlurmRunner],
    settings: Any,
    more: Any,
    error: type[Exception],
    words: str,
    record_fault: Record,
) -> None:
    own = runner(**settings)
    fault = record_fault("Slurm", "the job can never run", "refused or cancelled with Slurm's reason, exit code 6")
    with pytest.raises(error, match=words):
        own.run(python("print(1)", **more), str)
    fault.over()
    assert not [job for job in submitted.every(own.jobs) if not own.state([job])[0].ended]


def test_out_of_memory_is_told_from_other_deaths(runner: Callable[..., SlurmRunner], record_fault: Record) -> None:
    fault = record_fault("Slurm", "a job needs more memory than it has", '"ran out of memory on n1", exit code 6')
    eat = "import time\nx = []\nwhile True: x.append(bytearray(b'1' * (20 << 20))); time.sleep(.05)"
    with pytest.raises(HostError, match=r"out of memory on n1 \(slurm.memory"):
        runner(memory="100M").run(python(eat), str)
    fault.over()


def test_a_job_that_somebody_cancels(
    runner: Callable[..., SlurmRunner], cluster: Cluster, record_fault: Record
) -> None:
    own, fault = runner(), record_fault("Slurm", "somebody cancels the job", '"was cancelled on n1", exit code 130')

    def cancel(job: submitted.Submitted) -> None:
        fault.occurs()
        cluster.run("scancel", job.id)

    with pytest.raises(Interrupted, match="cancelled on n1"):
        own.run(python(PATIENT), when_begun(own, cancel))
    fault.over()


def test_ctrl_c_lets_the_program_end_by_itself(runner: Callable[..., SlurmRunner], record_fault: Record) -> None:
    own, fault = runner(), record_fault("Slurm", "Ctrl-C", "the program ends by itself, exit code 130")

    def interrupt(_: submitted.Submitted) -> None:
        fault.occurs()
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        own.run(python(PATIENT), when_begun(own, interrupt))
    fault.over()
    (job,) = submitted.every(own.jobs)
    assert submitted.status(job) is not None
    (state,) = own.state([job])
    assert (state.word, state.exit_code, state.nodes) == (submitted.STOPPED, 130, ("n1",))


def test_a_closed_terminal_leaves_the_job_alone(runner: Callable[..., SlurmRunner]) -> None:
    from orchestrator.commands import options

    own = runner()
    with options.terminable(), pytest.raises(Interrupted, match="goes on"):
        own.run(python(PATIENT), when_begun(own, lambda _: signal.raise_signal(signal.SIGHUP)))
    (job,) = submitted.every(own.jobs)
    assert own.state([job])[0].word == "running"


def test_an_answer_that_is_lost_makes_no_second_job(
    runner: Callable[..., SlurmRunner],
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_fault: Record,
) -> None:
    """sbatch has submitted the job, and its answer is lost: the job is found, and followed; so is each task of an
    array, of as many as a comment could not name."""
    real = shlex.quote(str(Path("/usr/bin/sbatch")))
    fake = tmp_path / "bin" / "sbatch"
    fake.parent.mkdir()
    fake.write_text(
        f"#!/bin/sh\n{real} \"$@\" >/dev/null\necho 'Socket timed out on send/recv operation' >&2\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    before = len(cluster.run("squeue", "-h", "-t", "all").splitlines())
    own = runner(cpus=1)
    fault = record_fault("Slurm", "the answer of sbatch is lost", "the job is found by its comment and followed")
    assert own.run(python("print('once')"), str).exit_code == 0
    fault.over()
    assert len(cluster.run("squeue", "-h", "-t", "all").splitlines()) == before + 1
    monkeypatch.setattr(submitting, "FINDING_SECONDS", 0.0)
    tasks = [replace(python(f"print({number})"), name=f"test-{number}-{'x' * 100}") for number in range(9)]
    with pytest.raises(HostError, match="got no answer"):
        own.run_array(tasks, [str] * 9)
    heard: list[str] = []
    assert [outcome.exit_code for outcome in own.run_array(tasks, [heard.append, *[str] * 8])] == [0] * 9
    assert "0" in heard
    made = [job.id.partition("_")[2] for job in submitted.every(own.jobs) if job.name != "test"]
    assert sorted(map(int, made)) == list(range(9))


def test_a_job_left_alive_is_followed_not_submitted_again(runner: Callable[..., SlurmRunner], tmp_path: Path) -> None:
    """The first tltpipe has gone; the same command from another finds its job, and takes over what it did."""
    go, own = tmp_path / "go", runner()
    job = python(f"import time, pathlib\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(.1)\nprint('done')")
    made = own.submitter.submit(job)
    lines: list[str] = []
    Thread(target=lambda: (time.sleep(1), go.touch())).start()
    assert runner().run(job, lines.append).exit_code == 0
    assert lines[-1] == "done"
    assert [each.folder for each in submitted.every(own.jobs)] == [made.folder]
    assert made.collected


def test_nodes_have_ranks_and_one_address(runner: Callable[..., SlurmRunner]) -> None:
    names = ("NODE_RANK", "NNODES", "MASTER_ADDR", "MASTER_PORT", "TLTPIPE_INTERFACE")
    code = f"import os; print('env', *(os.environ[name] for name in {names}))"
    own, lines = runner(interface="lo"), list[str]()
    assert own.run(python(code, nodes=2), lines.append).exit_code == 0
    (made,) = submitted.every(own.jobs)
    port = 20000 + int(made.id) % 10000
    assert sorted(line for line in lines if line.startswith("env")) == [
        f"env 0 2 127.0.0.2 {port} lo",
        f"env 1 2 127.0.0.2 {port} lo",
    ]


def test_a_training_that_loses_a_process_starts_again_on_its_nodes(
    runner: Callable[..., SlurmRunner], record_fault: Record
) -> None:
    """One of two is killed, the other ends as a training does whose peers are gone; the second time all is well."""
    code = (
        "import os, signal; os.environ['NODE_RANK'] == '0' or os.kill(os.getpid(), signal.SIGKILL); raise SystemExit(6)"
    )
    again = ("python", "-c", "import os; print('again', os.environ['NODE_RANK'], os.environ['TLTPIPE_ATTEMPT'])")
    own, lines = runner(interface="lo"), list[str]()
    fault = record_fault(
        "Slurm", "a process of a training on two nodes is killed", "all start again in the same job, and it ends well"
    )
    assert own.run(python(code, nodes=2, again=again), lines.append).exit_code == 0
    fault.over()
    assert sorted(line for line in lines if line.startswith("again")) == ["again 0 1", "again 1 1"]


def test_a_node_without_the_workspace_is_named(
    runner: Callable[..., SlurmRunner], cluster: Cluster, record_fault: Record
) -> None:
    """On another node than the first the preflight says so; on the first, Slurm's words are all there is."""
    own = runner(interface="lo")
    cluster.restart_node("n2", hidden=own.place.workspace)
    try:
        job = python("print('never')", nodes=2)
        fault = record_fault("Slurm", "one of two nodes does not see the workspace", "one sentence, exit code 6")
        outcome = own.run(job, str)
        fault.over()
        error = outcomes.failure(job, outcome)
        assert isinstance(error, HostError)
        assert f"n2 does not see the workspace {own.place.workspace}" in str(error)
        assert "never" not in outcome.tail
        fault = record_fault("Slurm", "the only node does not see it", "one sentence, exit code 6")
        with pytest.raises(HostError, match=r"could not write .* on n2: the workspace is not mounted"):
            runner(options=["--nodelist=n2"]).run(python("print('never')"), str)
        fault.over()
    finally:
        cluster.restart_node("n2")


def test_a_program_that_cannot_resume_is_not_started_again(
    runner: Callable[..., SlurmRunner], cluster: Cluster, record_fault: Record
) -> None:
    own = runner(options=["--nodelist=n2"])
    fault = record_fault(
        "Slurm", "a node dies, with a program that cannot resume", '"lost its node on n2", exit code 6'
    )

    def lose(_: submitted.Submitted) -> None:
        fault.occurs()
        cluster.lose("n2")

    try:
        with pytest.raises(HostError, match="lost its node on n2"):
            own.run(python(PATIENT), when_begun(own, lose))
        fault.over()
    finally:
        cluster.recover("n2")
    (job,) = submitted.every(own.jobs)
    assert json.loads((job.folder / submitted.VERDICT).read_text())["word"] == "failed"


def test_a_part_that_fails_is_how_the_whole_ended(runner: Callable[..., SlurmRunner]) -> None:
    """Not that the job which would have finished it was cancelled then."""
    code = ("python", "-c", "import os, sys; sys.exit(3 if '1/2' in os.environ['TLTPIPE_EXECUTOR'] else 0)")
    assert runner(parts=2, cpus=1).run(Job("test", code, again=code, fans_out=True), str).exit_code == 3


def test_ray_runs_on_the_nodes_of_a_job(runner: Callable[..., SlurmRunner]) -> None:
    """Items are worked on by both nodes; the exit code is the program's, and nothing of Ray stays."""
    where = (
        "from tltpipe.workers import parallel_map\n"
        "from slurm_cluster import whereabouts\n"
        "print(*sorted(set(parallel_map(whereabouts, range(6)))))\n"
        "raise SystemExit(5)"
    )
    helpers = f"export PYTHONPATH={Path(slurm_cluster.__file__).parent}"
    own, lines = runner(ray_nodes=2, cpus=1, setup=[helpers]), list[str]()
    outcome = own.run(python(where, fans_out=True), lines.append)
    assert lines[-1] == "n1 n2"
    assert outcome.exit_code == 5
    (made,) = submitted.every(own.jobs)
    assert not Path(f"/tmp/ray-{made.id}").exists()
