"""What earlier runs left: status lists it, clean removes it, and nothing else."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import warm

from orchestrator import pipeline
from orchestrator.jobs import attempts, leftovers
from orchestrator.run import Run
from tltpipe import locks
from tltpipe.errors import HostError, Interrupted

ROOT = Path(__file__).parents[2]


def tltpipe(*argv: str, cwd: Path, code: int = 0) -> Any:
    variables = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(cwd)}
    command = [*warm.command("tltpipe"), *argv, "--json"]
    result = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def littered(workspace: Path) -> dict[str, int]:
    """The workspace with what killed and repeated runs leave; sizes in bytes by name."""
    litter = {
        "output-20261129-101500/weights/a.tlt": 5000,
        "KITTI-dataset-augmented/.train.partial/images/1.jpg": 300,
        "TFRecords/.train.partial/train-00000": 20,
        "Original-Data/train/.label.partial/1.txt": 20,
        "COCO/.train.json.partial": 7,
        ".tltpipe/prepare/00001": 40,
        ".tltpipe/ray-k2_x9f0a/seal.key": 64,
        "output/weights/earlier/b.tlt": 600,
        "exported/ssd_resnet18_epoch_080-20261129-101500/onnx/model.onnx": 9000,
    }
    for name, size in litter.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_bytes(bytes(size))
    for name in (
        "output-mine/a.tlt",
        "output/weights/b.tlt",
        "inference-20261129-101500/labels/1.txt",
        "exported/ssd_resnet18_epoch_080/onnx/model.onnx",
        "KITTI-dataset-augmented/train/images/1.jpg",
    ):
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_bytes(b"stays")
    return litter


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_status_lists_it_and_clean_removes_it(workspace: Path, littered: dict[str, int]) -> None:
    before = files(workspace)
    left = {entry["path"]: entry["size"] for entry in tltpipe("status", cwd=workspace)["leftovers"]}
    assert sum(left.values()) == sum(littered.values())
    assert left[str(workspace / "output-20261129-101500")] == 5000
    assert tltpipe("clean", "--dry-run", cwd=workspace)["bytes"] == sum(littered.values())
    assert files(workspace) == before
    assert tltpipe("clean", cwd=workspace)["bytes"] == sum(littered.values())
    assert files(workspace) == before - set(littered)
    assert tltpipe("clean", cwd=workspace)["bytes"] == 0


def test_an_earlier_training_that_was_set_aside_is_found(
    start: Callable[..., Run], fake_programs: Callable[..., Path], workspace: Path
) -> None:
    for seed in (1, 2):
        run = start(programs=fake_programs(epochs=1), **{"ssd.num_epochs": 1, "ssd.random_seed": seed})
        pipeline.execute(run, ["prepare", "augment", "tfrecords", "train"])
    (left,) = leftovers.find(run.workspace)
    assert left.path.parent == workspace
    assert left.size == len("from random weights")


def test_what_an_interrupted_stage_goes_on_from_stays(workspace: Path, littered: dict[str, int]) -> None:
    def begin(stage: str) -> None:
        with attempts.noted(workspace / ".tltpipe/receipts", stage):
            raise Interrupted("stopped")

    for stage in ("augment", "tfrecords"):
        with pytest.raises(Interrupted):
            begin(stage)
    told = tltpipe("clean", cwd=workspace)
    assert [entry["path"] for entry in told["stay"]] == [
        str(workspace / "KITTI-dataset-augmented/.train.partial"),
        str(workspace / "TFRecords/.train.partial"),
    ]
    assert told["bytes"] == sum(littered.values()) - 320
    assert tltpipe("clean", "--force", cwd=workspace)["bytes"] == 320


def test_a_link_goes_and_what_it_leads_to_stays(workspace: Path) -> None:
    outside = workspace.parent / "big"
    outside.mkdir()
    (outside / "model").write_text("worth hours")
    (workspace / "output-20261129-101500").symlink_to(outside)
    tltpipe("clean", cwd=workspace)
    assert not (workspace / "output-20261129-101500").is_symlink()
    assert (outside / "model").read_text() == "worth hours"


def test_nobody_cleans_under_a_run(workspace: Path, littered: dict[str, int]) -> None:
    before = files(workspace)
    with locks.held(workspace / ".tltpipe/lock", HostError("taken")):
        assert "another" in tltpipe("clean", cwd=workspace, code=6)["error"]["what"]
    assert files(workspace) == before


@pytest.mark.parametrize(("size", "words"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 2**30, "3.0 GiB")])
def test_sizes_in_words(size: int, words: str) -> None:
    assert leftovers.in_words(size) == words
