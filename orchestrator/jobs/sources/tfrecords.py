"""tfrecords: shards of augmented images, which lie beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.settings import image_extensions

if TYPE_CHECKING:
    from orchestrator.run import Run

ABOUT = "TFRecords of augmented images"
KITTI = True
UNVALIDATED = "data.splits names one, tfrecords.val_split holds a part back, `tltpipe split` makes one"


def annotation_path(run: Run, split: str) -> Path:
    return run.workspace.tfrecords / split


def image_path(run: Run, split: str) -> Path:
    return run.workspace.augmented / split / "images"


def validates(run: Run) -> bool:
    return run.held_out is not None or bool(run.config.tunables["tfrecords"].val_split)


def variables(run: Run) -> dict[str, Any]:
    train, held_out = run.splits[0], run.held_out
    return {
        "tfrecords_path": _shards(run, train),
        "validation_tfrecords_path": None if held_out is None else _shards(run, held_out),
        "validation_fold": 0 if held_out is None and validates(run) else None,
        "image_directory_path": run.at(run.workspace.augmented),
        "image_extension": image_extensions.spelled(run).removeprefix("."),
    }


def _shards(run: Run, split: str) -> str:
    return run.at(annotation_path(run, split) / f"{split}-*")
