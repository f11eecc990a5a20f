"""--model last, best or a path: which file that is, and of which epoch."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import pipeline
from orchestrator.commands.stages import _one
from orchestrator.jobs import checkpoints
from orchestrator.run import Run
from tltpipe.errors import UsageError

Start = Callable[..., Run]
LOG = "epoch,loss,mAP\n1,5.0,0.20000\n2,4.0,0.60000\n3,3.0,nan\n4,2.0,0.60000\n"


@pytest.fixture
def weights(workspace: Path) -> Path:
    folder = workspace / "output/weights"
    folder.mkdir(parents=True)
    for epoch in (2, 4):
        (folder / f"ssd_resnet10_epoch_{epoch:03d}.tlt").write_text(f"epoch {epoch}")
    (workspace / "output/ssd_training_log_resnet10.csv").write_text(LOG)
    return folder


def test_last_best_and_a_path(start: Start, workspace: Path, weights: Path) -> None:
    os.link(weights / "ssd_resnet10_epoch_002.tlt", weights / "ssd_resnet10_best.tlt")
    assert checkpoints.chosen(start()).name == "ssd_resnet10_epoch_004.tlt"
    assert checkpoints.chosen(start(model="best")).name == "ssd_resnet10_best.tlt"
    assert checkpoints.chosen(start(model="pruned/a.tlt")) == workspace / "pruned/a.tlt"
    assert checkpoints.chosen(start(model="best"), "last").name == "ssd_resnet10_epoch_004.tlt"


def test_the_epoch_is_that_of_the_same_file_or_of_the_log(start: Start, weights: Path) -> None:
    best = weights / "ssd_resnet10_best.tlt"
    os.link(weights / "ssd_resnet10_epoch_004.tlt", best)
    assert checkpoints.facts(best) == {"epoch": 4, "trained_mAP": 0.6}
    best.unlink()
    best.write_text("its epoch was dropped since")
    assert checkpoints.facts(best) == {"epoch": 2, "trained_mAP": 0.6}, "of equals the first, as training has it"
    told = checkpoints.describe(start(model="best"), best)
    assert told == "output/weights/ssd_resnet10_best.tlt, epoch 2, mAP 0.600 in training"


def test_the_json_beside_it_knows_best(weights: Path) -> None:
    best = weights / "ssd_resnet10_best.safetensors"
    best.touch()
    best.with_suffix(".json").write_text(json.dumps({"epoch": 7, "metrics": {"mAP": 0.75}}))
    assert checkpoints.facts(best) == {"epoch": 7, "trained_mAP": 0.75}
    metrics = {"loss": 1.5, "primary": "mIoU", "mIoU": 0.5, "IoU": {"vest": 0.5}}
    best.with_suffix(".json").write_text(json.dumps({"epoch": 7, "metrics": metrics}))
    assert checkpoints.facts(best) == {"epoch": 7, "trained_mIoU": 0.5}
    best.with_suffix(".json").write_text("[]")
    assert checkpoints.facts(best)["epoch"] == 2


def test_without_validation_the_lowest_loss_is_the_best(workspace: Path, weights: Path) -> None:
    (workspace / "output/ssd_training_log_resnet10.csv").write_text("epoch,loss\n1,5.0\n2,1.5\n3,2.0\n")
    (weights / "ssd_resnet10_best.tlt").touch()
    assert checkpoints.facts(weights / "ssd_resnet10_best.tlt") == {"epoch": 2}


def test_no_best_checkpoint(start: Start, weights: Path) -> None:
    with pytest.raises(UsageError, match="no best checkpoint") as caught:
        pipeline.execute(start(model="best"), ["evaluate"])
    assert "--model last" in str(caught.value.hint)
    with pytest.raises(UsageError, match="both name"):
        _one("a.tlt", "best")


@pytest.mark.parametrize("stage", ["evaluate", "infer", "export", "prune"])
def test_every_stage_takes_the_best(start: Start, workspace: Path, weights: Path, stage: str) -> None:
    (weights / "ssd_resnet10_best.tlt").touch()
    subject = workspace / "Original-Data/validation/image" if stage == "infer" else None
    run = start(runner="dry", model="best", subject=subject)
    pipeline.execute(run, [stage])
    argv = run.runner.jobs[0].argv  # type: ignore[attr-defined]
    assert argv[argv.index("-m") + 1] == "/workspace/output/weights/ssd_resnet10_best.tlt"


def test_a_model_of_its_own_brings_its_spec(start: Start, workspace: Path, weights: Path) -> None:
    run = start(runner="dry", model="exported/m.onnx", subject=workspace / "Original-Data/validation/image")
    pipeline.execute(run, ["infer"])
    argv = run.runner.jobs[0].argv  # type: ignore[attr-defined]
    assert argv[argv.index("-m") + 1] == "/workspace/exported/m.onnx"
    assert "-e" not in argv


def test_the_log_before_a_training_was_resumed_counts_as_well(workspace: Path, weights: Path) -> None:
    """NVIDIA's programs write a new one from the epoch on that they resume at."""
    log = workspace / "output/ssd_training_log_resnet10.csv"
    log.write_text("epoch,loss,mAP\n1,5.0,0.1\n2,1.5,0.8\n3,2.0,0.9\n")
    checkpoints.keep_log(workspace / "output", 2)
    log.write_text("epoch,loss,mAP\n3,3.0,0.2\n")
    (kept,) = (workspace / "output/earlier").iterdir()
    assert (kept.name, kept.read_text()) == (
        "ssd_training_log_resnet10_until_epoch_002.csv", "epoch,loss,mAP\n1,5.0,0.1\n2,1.5,0.8\n")  # fmt: skip
    assert checkpoints.facts(weights / "ssd_resnet10_epoch_002.tlt") == {"epoch": 2, "trained_mAP": 0.8}
