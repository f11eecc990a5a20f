"""Every path of a run, named once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """The folder ``root`` (absolute), the raw data in ``root / data``, what prepare makes in ``root / prepared``."""

    root: Path
    data: str = "Original-Data"
    prepared: str = "Original-Data"

    @property
    def config(self) -> Path:
        return self.root / "tltpipe.yaml"

    @property
    def receipts(self) -> Path:
        return self.root / ".tltpipe" / "receipts"

    @property
    def logs(self) -> Path:
        return self.root / ".tltpipe" / "logs"

    @property
    def jobs(self) -> Path:
        """A folder for each job that was handed to an engine (orchestrator.jobs.submitted)."""
        return self.root / ".tltpipe" / "jobs"

    @property
    def lock(self) -> Path:
        """Held by whoever works in the workspace."""
        return self.root / ".tltpipe" / "lock"

    @property
    def specs(self) -> Path:
        return self.root / "specs"

    @property
    def raw(self) -> Path:
        """The data set as it came."""
        return self.root / self.data

    def kitti(self, split: str) -> Path:
        """What tlt-augment takes of a split: ``image/`` and ``label/``."""
        return self.root / self.prepared / split

    @property
    def class_map(self) -> Path:
        """The classes in order, one a line, as prepared."""
        return self.root / self.prepared / "classes.txt"

    def coco(self, split: str) -> Path:
        return self.root / "COCO" / f"{split}.json"

    @property
    def augmented(self) -> Path:
        return self.root / "KITTI-dataset-augmented"

    @property
    def tfrecords(self) -> Path:
        return self.root / "TFRecords"

    @property
    def output(self) -> Path:
        """What training leaves: ``weights/``, logs, ``status.json``, ``events/``, and the evaluation."""
        return self.root / "output"

    @property
    def evaluation(self) -> Path:
        return self.output / "evaluation.json"

    @property
    def evaluated(self) -> Path:
        """Tables and pictures of our own evaluation."""
        return self.output / "evaluation"

    @property
    def pruned(self) -> Path:
        """Pruned models, to train again from."""
        return self.root / "pruned"

    @property
    def exported(self) -> Path:
        """Models for other runtimes, a folder for each format."""
        return self.root / "exported"

    @property
    def inference(self) -> Path:
        return self.root / "inference"

    def name(self, path: Path) -> str:
        """``path`` as a user in the workspace would type it."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)
