"""The runner ray on a real cluster: the bytes of this machine alone, whatever becomes of nodes; what a node lacks is
said before anything starts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray_cluster
import warm
from faults import Record

from orchestrator import pipeline, session
from orchestrator.run import Run
from orchestrator.runners.local import LocalRunner
from orchestrator.screen.report import Quiet
from orchestrator.settings.config import Given
from runtime.weights import checkpoint
from tltpipe import __version__, preflight
from tltpipe.errors import HostError, Interrupted

pytestmark = [pytest.mark.ray, pytest.mark.torch]

ROOT = Path(__file__).parents[2]
KEY = "nobody-may-see-this"
TRAINING = {
    "image_size": "64",
    "ssd.nlayers": "10",
    "ssd.num_epochs": "60",
    "ssd.checkpoint_interval": "30",
    "ssd.batch_size_per_gpu": "2",
    "key": KEY,
}
LONGER = {"ssd__num_epochs": "90"}
"""Settings by which there is something to train, whatever was trained before."""
DATA = ("COCO", "KITTI-dataset-augmented", "TFRecords")
PAIR = {"pair": 1}
"""What two nodes have on which a test trains, so that it knows which."""


class Heard(Quiet):
    """Calls ``act`` once a training says that it has done an epoch."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.act: Callable[[], object] | None = act

    def line(self, text: str) -> None:
        super().line(text)
        if text.startswith("epoch ") and self.act is not None:
            act, self.act = self.act, None
            act()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a few drawn images."""
    folder = tmp_path_factory.mktemp("work")
    options = ["--train", "8", "--validation", "2", "--size", "64", "--workspace", str(folder)]
    subprocess.run([*warm.command("tltpipe"), "sample", *options], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def alone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this machine makes of it alone, by two processes; moved away."""
    programs, made = tmp_path_factory.mktemp("bin"), tmp_path_factory.mktemp("made")
    for name in warm.SCRIPTS:
        warm.script(programs / name)
    run = session.start(root, Quiet(), flags=flags({**TRAINING, "train.processes": "2"}))
    run.runner = LocalRunner(run.runner.place, programs=programs)  # type: ignore[attr-defined]
    pipeline.execute(run, ["prepare", "augment", "tfrecords", "train"])
    for name in (*DATA, "output"):
        shutil.move(root / name, made / name)
    for name in (".tltpipe", "specs"):
        shutil.rmtree(root / name)
    return made


def flags(settings: dict[str, Any]) -> dict[str, Given]:
    return {name: Given(value, f"--set {name}") for name, value in settings.items()}


def started(root: Path, cluster: ray_cluster.Cluster, report: Quiet, **settings: Any) -> Run:
    chosen = {"runner": "ray", "ray.address": cluster.address, "ray.interface": "lo", **TRAINING, **settings}
    return session.start(root, report, flags=flags({name.replace("__", "."): value for name, value in chosen.items()}))


def tree(folder: Path) -> dict[str, bytes]:
    """Its files, but for summaries, which hold the times of others."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def weights(folder: Path) -> dict[str, bytes]:
    model = checkpoint.load(folder / "weights" / "ssd_resnet10_epoch_060.tlt", KEY).model
    return {name: value.numpy().tobytes() for name, value in model.items()}


def test_data_stages_make_the_same_bytes_on_the_cluster(root: Path, alone: Path, cluster: ray_cluster.Cluster) -> None:
    pipeline.execute(started(root, cluster, Quiet()), ["prepare", "augment", "tfrecords"])
    for name in DATA:
        assert tree(root / name) == tree(alone / name), name


def test_a_training_on_two_nodes_one_of_which_is_lost_makes_the_same_weights(
    root: Path, alone: Path, cluster: ray_cluster.Cluster, pair: list[ray_cluster.Node], record_fault: Record
) -> None:
    """It is interrupted first, goes on from its checkpoint, loses a node, waits for another and goes on again."""
    settings = {"nodes": "2", "ray__resources": PAIR}
    report = Heard(lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        pipeline.execute(started(root, cluster, report, **settings), ["train"])
    assert list((root / "output" / "weights").iterdir())

    fault = record_fault("Ray", "a node is lost within a training", "it goes on with another one, to the same weights")

    def lose() -> None:
        fault.occurs()
        pair[1].kill()
        pair.append(cluster.add(wait=False, resources=PAIR))

    report = Heard(lose)
    pipeline.execute(started(root, cluster, report, **settings), ["train"])
    fault.over()
    assert any("was lost" in line and pair[1].host in line for line in report.told), report.told
    assert weights(root / "output") == weights(alone / "output")
    places = [cluster.folder, root]
    assert not [
        path for place in places for path in place.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ]


@pytest.fixture
def pair(cluster: ray_cluster.Cluster) -> Iterator[list[ray_cluster.Node]]:
    """Two more nodes; those that a test puts into the list are ended with them."""
    nodes = [cluster.add(wait=False, resources=PAIR) for _ in range(2)]
    cluster.wait()
    yield nodes
    for node in nodes:
        cluster.remove(node)


@pytest.fixture
def faulty(root: Path, cluster: ray_cluster.Cluster, tmp_path: Path) -> Iterator[list[ray_cluster.Node]]:
    """A node that does not see the workspace, and one with another tltpipe."""
    other = tmp_path / "tltpipe"
    shutil.copytree(ROOT / "tltpipe", other)
    text = (other / "__init__.py").read_text("utf-8")
    (other / "__init__.py").write_text(text.replace(f'"{__version__}"', '"0.0.9"'), "utf-8")
    nodes = [
        cluster.add(wait=False, resources={"faulty": 1}, unseen=root),
        cluster.add(wait=False, resources={"faulty": 1}, environment={"PYTHONPATH": str(tmp_path)}),
    ]
    cluster.wait()
    yield nodes
    for node in nodes:
        cluster.remove(node)


def test_what_a_node_lacks_is_said_before_a_training_starts(
    root: Path, alone: Path, cluster: ray_cluster.Cluster, faulty: list[ray_cluster.Node], record_fault: Record
) -> None:
    blind, outdated = faulty
    fault = record_fault(
        "Ray", "one node has another version, one does not see the workspace", "a sentence each, exit code 6"
    )
    report = Quiet()
    with pytest.raises(HostError) as refused:
        settings = {"nodes": "2", "ray__resources": {"faulty": 1}, **LONGER}
        pipeline.execute(started(root, cluster, report, **settings), ["train"])
    fault.over()
    sentences = refused.value.what.split("; ")
    assert sum(blind.host in each and str(root) in each for each in sentences) == 1
    assert sum(outdated.host in each and "0.0.9" in each and __version__ in each for each in sentences) == 1
    assert len(sentences) == 2
    hosts = started(root, cluster, report).runner.on_each_node(preflight.begin(root / ".tltpipe" / "doctor", root))  # type: ignore[attr-defined]
    verdict = preflight.judge(root / ".tltpipe" / "doctor", hosts)
    assert len(verdict.sound) == 2
    assert set(sentences) <= set(verdict.faults)  # nodes of other tests may still count as alive
    assert not any(line.startswith("training ") for line in report.told)


def test_too_few_nodes_are_waited_for_and_then_told(root: Path, alone: Path, cluster: ray_cluster.Cluster) -> None:
    with pytest.raises(HostError) as refused:
        pipeline.execute(started(root, cluster, Quiet(), nodes="9", ray__wait="1", **LONGER), ["train"])
    assert "the Ray cluster has" in refused.value.what
    assert "9 nodes with 1 CPU each" in refused.value.what
