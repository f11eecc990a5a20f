"""The data stages on a Ray cluster: the same bytes as on one machine, whatever becomes of its nodes."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import ray_cluster
from faults import Record
from PIL import Image

from tltpipe.executors import VARIABLE, _spool

pytestmark = pytest.mark.ray

BIN = Path(sys.executable).parent
LABEL = "vest 0.00 0 0.00 10 20 110.5 90 0 0 0 0 0 0 0\n"
AUGMENT = """\
spatial_config { rotation_config { angle: 5 units: "degrees" } }
blur_config { size: 5 std: 1.0 }
dataset_config { image_path: "image" label_path: "label" }
output_image_width: 600 output_image_height: 480 image_extension: ".jpg"
"""
CONVERT = """\
kitti_config {
  root_directory_path: "data" image_dir_name: "image" label_dir_name: "label" image_extension: ".jpg"
  partition_mode: "random" num_partitions: 2 val_split: 20 num_shards: 3
}
image_directory_path: "data"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set of 320 pictures, and specs for it; also a module, which nobody may import."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "orjson.py").write_text("raise RuntimeError('a module of a data folder was imported')\n")
    for name in ("image", "label"):
        (folder / "data" / name).mkdir(parents=True)
    for number in range(320):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((640, 480)).save(folder / "data" / "image" / f"{number:03d}.jpg")
        (folder / "data" / "label" / f"{number:03d}.txt").write_text(LABEL)
    (folder / "augment.conf").write_text(AUGMENT)
    (folder / "convert.conf").write_text(CONVERT)
    return folder


def argv(name: str, output: str, *more: str) -> list[str]:
    """The command line of a stage that writes the folder ``output``; paths are relative on purpose."""
    words = {
        "augment": ["tlt-augment", "-d", "data", "-a", "augment.conf", "-o", output],
        "dataset-convert": ["tlt-dataset-convert", "-d", "convert.conf", "-o", f"{output}/train"],
        "convert": ["tltpipe", "convert", "data", output, "--to", "coco", "--images", "copy"],
    }
    program, *options = words[name]
    return [str(BIN / program), *options, *more]


def run(words: list[str], place: Path, cluster: ray_cluster.Cluster | None = None) -> subprocess.Popen[str]:
    environment = os.environ | ({VARIABLE: f"ray:{cluster.address}"} if cluster else {})
    return subprocess.Popen(
        words, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def done(process: subprocess.Popen[str], code: int = 0) -> str:
    told, _ = process.communicate(timeout=120)
    assert process.returncode == code, told
    return told


def tree(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("_summary.json"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def alone(place: Path) -> Callable[[str], dict[str, str]]:
    """The tree that one process makes in a stage."""
    made: dict[str, dict[str, str]] = {}

    def of_stage(name: str) -> dict[str, str]:
        if name not in made:
            done(run(argv(name, f"alone-{name}", "--workers", "1"), place))
            made[name] = tree(place / f"alone-{name}")
            assert len(made[name]) > 1
        return made[name]

    return of_stage


@pytest.fixture
def busy_spare(spare: ray_cluster.Node) -> Callable[[], None]:
    def wait() -> None:
        """Until a task runs on the spare node."""
        until = time.monotonic() + 60
        while not any(b"ray::_do" in _command(pid) for pid in spare.pids()):
            assert time.monotonic() < until, "no task came to the spare node"
            time.sleep(0.02)

    return wait


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("stage", ["augment", "convert", "dataset-convert"])
def test_two_nodes_make_the_bytes_of_one_process(
    stage: str, place: Path, cluster: ray_cluster.Cluster, alone: Callable[[str], dict[str, str]]
) -> None:
    done(run(argv(stage, f"two-{stage}", "--workers", "2"), place, cluster))
    assert tree(place / f"two-{stage}") == alone(stage)
    assert [path.name for path in place.iterdir() if path.name.startswith(".")] == []


def test_a_node_killed_halfway_changes_no_byte(
    place: Path,
    cluster: ray_cluster.Cluster,
    spare: ray_cluster.Node,
    busy_spare: Callable[[], None],
    alone: Callable[[str], dict[str, str]],
    record_fault: Record,
) -> None:
    process = run(argv("augment", "killed"), place, cluster)
    busy_spare()
    fault = record_fault(
        "Ray", "a node is killed within augment", "its chunks are done on the others, to the same bytes"
    )
    spare.kill()
    done(process)
    fault.over()
    assert tree(place / "killed") == alone("augment")


def test_interrupted_it_leaves_no_task_and_goes_on_later(
    place: Path, cluster: ray_cluster.Cluster, alone: Callable[[str], dict[str, str]], record_fault: Record
) -> None:
    process = run(argv("augment", "stopped"), place, cluster)
    journal, until = place / "stopped" / ".augment.journal", time.monotonic() + 60
    while not journal.is_dir() or len(list(journal.glob("0*"))) < 2:
        assert time.monotonic() < until
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    fault = record_fault("Ray", "Ctrl-C within augment", "no task is left, exit code 130; the same command goes on")
    process.send_signal(signal.SIGINT)
    told = done(process, 130)
    fault.over()
    assert "error: interrupted" in told
    assert "Traceback" not in told
    noted = len(list(journal.glob("0*")))
    assert not any(b"ray::_do" in _command(pid) for node in cluster.nodes for pid in node.pids())
    assert 2 <= noted < 20
    done(run(argv("augment", "stopped"), place, cluster))
    assert tree(place / "stopped") == alone("augment")


def test_nodes_that_differ_are_named_before_anything_is_done(
    place: Path, cluster: ray_cluster.Cluster, tmp_path: Path, record_fault: Record
) -> None:
    other = tmp_path / "numpy-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n")
    try:
        outdated = cluster.add(environment={"PYTHONPATH": str(tmp_path)})
        blind = cluster.add(unseen=place / "data")
        fault = record_fault(
            "Ray", "one node has another numpy, one does not see the data", "a sentence each, exit code 6"
        )
        told = done(run([str(BIN / "tltpipe"), "stats", ".", "--workers", "2"], place / "data", cluster), 6)
        fault.over()
        cluster.remove(outdated)
        shared = done(run(argv("augment", "unseen", "--skip-bad"), place, cluster), 6)
    finally:
        for node in cluster.nodes[2:]:
            cluster.remove(node)
    assert f"{blind.host} " in shared
    assert f"does not see what is in {place / 'data' / 'image'}" in shared, "nor is all of it left out as bad"
    first, hint = told.strip().splitlines()
    assert hint.startswith("  hint: ")
    faults = first.removeprefix("error: ").split("; ")
    assert sorted(fault.split()[1] for fault in faults) == [outdated.host, blind.host]
    assert sum(f"numpy 1.0 (here: {np.__version__})" in fault for fault in faults) == 1
    assert sum(f"{place / 'data'}" in fault for fault in faults) == 1


def test_check_and_stats_say_the_same(place: Path, cluster: ray_cluster.Cluster) -> None:
    for words in (["check", "data", "--json"], ["stats", "data", "--json"]):
        here = done(run([str(BIN / "tltpipe"), *words, "--workers", "1"], place))
        there = done(
            run([str(BIN / "tltpipe"), *words, "--workers", "2", "--executor", f"ray:{cluster.address}"], place)
        )
        assert _timeless(there) == _timeless(here)
    assert not list(place.glob(f"{_spool.PREFIX}*"))


def _timeless(told: str) -> list[str]:
    """The JSON that a command printed, a line each, without how long it took; progress is before it."""
    return [line for line in told[told.index("{\n") :].splitlines() if "seconds" not in line]
