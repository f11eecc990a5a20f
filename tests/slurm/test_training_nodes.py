"""A training on the two nodes of a real Slurm, and one within a batch script: the same weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from orchestrator.engine.slurm.settings import Slurm
from orchestrator.jobs import Job
from orchestrator.runners import Place
from orchestrator.runners.slurm import SlurmRunner

pytestmark = [pytest.mark.slurm, pytest.mark.torch]


def weights(results: Path) -> str:
    from runtime.weights import checkpoint

    [path] = results.glob("weights/*_epoch_001.safetensors")
    model = checkpoint.load(path).model
    return hashlib.sha256(b"".join(model[name].numpy().tobytes() for name in sorted(model))).hexdigest()


@pytest.mark.usefixtures("cluster")
def test_two_nodes_come_to_the_weights_of_two_processes(tmp_path: Path) -> None:
    import converters.sample
    from tltpipe.progress import Silent

    converters.sample.draw(tmp_path / "data", train=8, validation=2, seed=2, size=64, progress=Silent())
    settings = Slurm(interface="lo", setup=["export OMP_NUM_THREADS=1"], cpus=2)
    runner = SlurmRunner(Place(tmp_path, tmp_path / "logs", settings=settings))
    words = (
        "tlt-train",
        "yolox",
        "--size",
        "nano",
        "--data",
        f"{tmp_path}/data",
        "--img",
        "64",
        "--batch",
        "2",
        "--epochs",
        "1",
        "-r",
    )
    places = {"two": ("--nodes", "2"), "one": ("-np", "2")}
    for name, place in places.items():
        lines: list[str] = []
        job = Job(name, (*words, f"{tmp_path}/{name}", *place), nodes=2 if name == "two" else 1)
        assert runner.run(job, lines.append).exit_code == 0, lines
        assert sum("trained 1 epochs" in line for line in lines) == 1
    assert weights(tmp_path / "two") == weights(tmp_path / "one")
