"""kitti: the KITTI folders of augmented images, for training and for validation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.run import Run

ABOUT = "KITTI folders of augmented images"
KITTI = True
UNVALIDATED = "data.splits names one, `tltpipe split` makes one"


def annotation_path(run: Run, split: str) -> Path:
    return run.workspace.augmented / split / "labels"


def image_path(run: Run, split: str) -> Path:
    return run.workspace.augmented / split / "images"


def validates(run: Run) -> bool:
    return run.held_out is not None


def variables(run: Run) -> dict[str, Any]:
    train = run.splits[0]
    folders = {
        "label_directory_path": run.at(annotation_path(run, train)),
        "image_directory_path": run.at(image_path(run, train)),
    }
    return folders | validation(run)


def validation(run: Run) -> dict[str, Any]:
    """The folders to validate on, where there are any."""
    if run.held_out is None:
        return {}
    return {
        "validation_label_directory_path": run.at(annotation_path(run, run.held_out)),
        "validation_image_directory_path": run.at(image_path(run, run.held_out)),
    }
