"""The script that sbatch gets, as a function of the job and the settings."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine.slurm.script import array
from orchestrator.engine.slurm.settings import Slurm
from orchestrator.jobs import Job, Mount, Secret, submitted
from orchestrator.runners import Place
from orchestrator.runners.slurm import SlurmRunner
from tltpipe.errors import UsageError

GOLDEN = Path(__file__).parents[1] / "golden" / "slurm"
WORK = Path("/shared/a run")
HUSH = "hush-hush"
OURS = {"TLTPIPE_SEAL_KEY": "/run/tltpipe/seal.key"}
MOUNTS = (Mount(WORK, "/workspace"), Mount(Path("/data"), "/mnt/0", read_only=True))
KEY = Secret("key", optional=True)


def train(work: str, nodes: int = 1, image: str | None = None) -> Job:
    line = ("tlt-train", "ssd", "--gpus", "2", "-e", f"{work}/specs/train.conf", "-r", f"{work}/output", "-k", KEY)
    mounts = MOUNTS if image else ()
    return Job(
        "train", (*line, "--fresh"), image, mounts, OURS, 2, secrets={"key": HUSH}, nodes=nodes, again=line
    )  # fmt: skip


AUGMENT = Job("augment", ("tlt-augment", "-d", "train", "-o", "it's"), environment=OURS, again=("tlt-augment",))
SITE = Slurm(
    partition="gpu", account="me", qos="long", time="04:00:00", memory="32G", gpu_type="a100", python="/env/bin/python",
    options=["--constraint=nvme", "--exclusive"], setup=["module load cuda"], interface="ib0",
)  # fmt: skip
CASES = {
    "plain": (AUGMENT, Slurm(python="/env/bin/python", cpus=8)),
    "nodes": (train(str(WORK), nodes=2), SITE),
    "apptainer": (train("/workspace", image="/images/tltpipe.sif"), Slurm(container="apptainer", grace=60)),
    "pyxis": (train("/workspace", 2, "nvcr.io/nvidia/tao:5"), Slurm(container="pyxis", container_options=["--x"])),
    "ray": (
        Job("infer", ("tlt-infer", "ssd"), environment=OURS, fans_out=True),
        Slurm(python="/env/bin/python", ray_nodes=3),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_golden_script(name: str, request: pytest.FixtureRequest) -> None:
    job, chosen = CASES[name]
    runner = SlurmRunner(Place(WORK, WORK / "logs", settings=chosen))
    text = "\n".join(runner.preview(job)) + "\n"
    path = GOLDEN / f"{name}.sh"
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert text == path.read_text()
    assert HUSH not in text
    assert subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True).stderr == ""


def test_an_array_runs_the_script_of_each_task() -> None:
    text = array([AUGMENT, AUGMENT, AUGMENT], Slurm(array_limit=2), "tltpipe:a", Path("/w/100%/a/tasks"))
    assert "#SBATCH --array=0-2%2\n" in text
    assert "#SBATCH --output=/w/100%%/a/tasks/%a/log\n" in text
    assert text.endswith('exec bash /w/100%/a/tasks/"$SLURM_ARRAY_TASK_ID"/script.sh\n')


def test_names_from_the_data_are_no_options_and_no_lines_of_the_script() -> None:
    """The name of a category is part of a job's name."""
    job = Job("finetune-short sleeve\nrm -rf ~ # top", ("true",))
    lines = SlurmRunner(Place(WORK, WORK / "logs")).preview(job)
    assert lines[1] == "#SBATCH --job-name=tltpipe-finetune-short-sleeve-rm--rf-top"
    assert not any(line.startswith("rm -rf ~") for line in lines)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("a\\b", {}),
        ("a\nb", {}),
        ("a", {"partition": "main\nrm"}),
        ("a", {"account": "a\\b"}),
        ("a", {"options": ["--x\nrm"]}),
    ],
)
def test_what_no_line_of_options_can_hold_is_refused(tmp_path: Path, name: str, settings: dict[str, Any]) -> None:
    work = tmp_path / name
    work.mkdir()
    runner = SlurmRunner(Place(work, work / "logs", settings=Slurm(**settings)))
    with pytest.raises(UsageError, match="Slurm takes no"):
        runner.run(AUGMENT, str)
    assert not submitted.every(runner.jobs)


def test_settings_with_blanks_are_one_word() -> None:
    text = array([AUGMENT], Slurm(account="of us", options=["--constraint='a|b'"]), "tltpipe:a", Path("/w"))
    assert "#SBATCH '--account=of us'\n" in text
    assert "#SBATCH --constraint='a|b'\n" in text
