"""coco: the COCO files that prepare writes, and the images where they lie in the raw data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.run import Run

ABOUT = "the images and COCO files of prepare"
KITTI = False
UNVALIDATED = "data.splits names one, `tltpipe split` makes one"


def annotation_path(run: Run, split: str) -> Path:
    return run.workspace.coco(split)


def image_path(run: Run, split: str) -> Path:
    return run.raw[split].images if split in run.raw else run.workspace.raw / split / "image"


def validates(run: Run) -> bool:
    return run.held_out is not None


def variables(run: Run) -> dict[str, Any]:
    train, held_out = run.splits[0], run.held_out
    return {
        "json_file": run.at(annotation_path(run, train)),
        "image_dir": run.at(image_path(run, train)),
        "val_json_file": None if held_out is None else run.at(annotation_path(run, held_out)),
        "val_image_dir": None if held_out is None else run.at(image_path(run, held_out)),
    }
