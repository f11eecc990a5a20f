"""S3: paths as the job sees them, on real folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rule_example import TLT2, TLT3, Example, edited

from orchestrator.jobs import Mount
from orchestrator.jobs.spec_data import WorkspacePaths
from specs.rulebook import Subject
from specs.spec import Spec

HERE = str(Path(__file__).parent)
TRAIN, LABELS = "/workspace/data/train/images", "/workspace/data/train/labels"


def workspace(*, contained: bool, toolkit: str | None = None) -> Callable[[Path, Spec], Subject]:
    """A workspace with all that the specs here name, seen by jobs in a container, or on this machine."""

    def about(folder: Path, spec: Spec) -> Subject:
        root = folder / "work"
        for name in ("train/images", "train/labels", "val/images", "val/labels"):
            (root / "data" / name).mkdir(parents=True, exist_ok=True)
            (root / "KITTI-dataset-augmented" / name).mkdir(parents=True, exist_ok=True)
        for name in ("TFRecords/train-fold-000-of-001", "file"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).touch()
        if not (root / "away").is_symlink():
            (folder / "disk").mkdir()
            (root / "away").symlink_to(folder / "disk")  # is mounted, but not what lies behind links in it
            (folder / "disk/on").symlink_to(folder)
        paths = WorkspacePaths(root, (Mount(root, "/workspace"),), contained=contained)
        return Subject(spec, toolkit, paths)

    return about


def moved(old: str, new: str, at: str, *, contained: bool = False, text: str = TLT3, kind: str = "ssd",
          toolkit: str | None = None) -> Example:  # fmt: skip
    about = workspace(contained=contained, toolkit=toolkit)
    return Example(kind, edited(text, old, new), text, at, toolkit=toolkit, about=about)


EXAMPLES = {
    "S301": moved(TRAIN, HERE, "image_directory_path", contained=True),
    "S302": moved(TRAIN, "/workspace/data/train/image", "image_directory_path"),
    "S303": moved("/workspace/TFRecords/*", "/workspace/TFRecords/val-*", "tfrecords_path", text=TLT2),
    "S304": moved(LABELS, "/workspace/file", "label_directory_path"),
    "S305": moved(TRAIN, "~/data/train/images", "image_directory_path"),
    "S306": moved(TRAIN, "data/train/images", "image_directory_path", toolkit="tlt3"),
    "S307": moved(TRAIN, "/workspace/away/on", "image_directory_path", contained=True),
    "S308": moved("/workspace/data/val/labels", LABELS, "label_directory_path"),
}
