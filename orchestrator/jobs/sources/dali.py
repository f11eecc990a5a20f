"""dali: records with images and class numbers, for NVIDIA's DALI, to train on; KITTI folders to validate on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.jobs.sources import kitti
from tltpipe.errors import ConfigError

if TYPE_CHECKING:
    from orchestrator.run import Run

ABOUT = "TFRecords for DALI, with images inside"
KITTI = True
UNVALIDATED = kitti.UNVALIDATED


def annotation_path(run: Run, split: str) -> Path:
    recorded = split == run.splits[0]
    return run.workspace.tfrecords / split if recorded else kitti.annotation_path(run, split)


def image_path(run: Run, split: str) -> Path:
    return kitti.image_path(run, split)


def validates(run: Run) -> bool:
    return run.held_out is not None


def variables(run: Run) -> dict[str, Any]:
    """Raises ConfigError where a part of the records is to be held back, which nobody would validate on."""
    train, held_back = run.splits[0], run.config.given.get("tfrecords.val_split")
    if held_back is not None and run.config.tunables["tfrecords"].val_split:
        what = f"tfrecords.val_split would be ignored: {run.config.toolkit} validates on folders alone"
        raise ConfigError(what, where=held_back.where, hint=f"leave it out; to validate, {UNVALIDATED}")
    records: dict[str, Any] = {
        "write_image_mean": True,
        "tfrecords_path": run.at(annotation_path(run, train) / f"{train}-*"),
        "image_directory_path": run.at(image_path(run, train)),
    }
    return records | kitti.validation(run)
