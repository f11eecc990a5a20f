"""KITTI folders as a source: an image folder, a label folder, split by name or by sequence."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from converters.examples import stored_name
from runtime import folders, kitti_labels, program
from runtime.conversion import Annotated, Plan, is_kept, partition
from runtime.kitti_labels import Label
from tltpipe.errors import DataError, Location

if TYPE_CHECKING:
    from specs import Spec

VALIDATION_NOTE = (
    "Validation data in partition 0. Hence, while choosing the validationset during training choose validation_fold 0."
)


@dataclass(frozen=True)
class Kitti:
    """``image_dir`` is the image folder as the spec names it, below the root: the first part of every frame id.

    Small and picklable, so that frames can be annotated in other processes.
    """

    images: Path
    labels: Path
    image_dir: str
    extension: str
    mode: str
    folds: int
    shards: int
    val_split: float
    sequences: Path | None

    kind = "kitti"

    def plan(self) -> Plan:
        """Frames in folds; raises DataError where there are none."""
        if self.mode == "sequence":
            assert self.sequences is not None
            parts = partition.sequence_partitions(read_sequences(self.sequences), self.folds)
            total = sum(map(len, parts))
            notes = [(f"Total number of images: {total}", {"num_images": total})]
            return self._plan(parts, notes)
        frames = self._frames()
        parts = partition.random_partitions(frames, self.val_split)
        validation, training = map(len, parts)
        told = VALIDATION_NOTE if self.val_split else "Skipped validation data."
        notes = [(f"Num images in\nTrain: {training}\tVal: {validation}", {"num_images": len(frames)})]
        return self._plan(parts, [*notes, (told, None)])

    def annotate(self, frame: str) -> Annotated:
        """The labels of one frame and the size of its image; raises DataError with file and line."""
        from converters import images

        width, height = images.size(self.images / (frame + self.extension))
        path = self.labels / f"{frame}.txt"
        labels = kitti_labels.read(path)
        kept = [label for label in labels.lines if is_kept(label.box)]
        return Annotated(
            id=os.path.join(self.image_dir, frame),  # noqa: PTH118 - a name in a record, not a path here
            width=width,
            height=height,
            labels=tuple(dataclasses.replace(label, category=stored_name(label.category)) for label in kept),
            renamed={label.category: stored_name(label.category) for label in kept},
            dropped=_dropped(path, labels.lines),
            scores=labels.scores,
        )

    def _plan(self, parts: Sequence[Sequence[str]], notes: Sequence[tuple[str, Mapping[str, int] | None]]) -> Plan:
        filled = [part for part in parts if part]
        return Plan(filled, [self.shards] * len(filled), self.folds, notes)

    def _frames(self) -> list[str]:
        """Names without extension, in the order of the full names."""
        found = folders.names(self.images)
        frames = [Path(name).stem for name in found if name.endswith(self.extension)]
        if not frames:
            raise folders.no_images(self.images, found, looked_for=self.extension)
        return frames


def open_source(spec: Spec) -> Kitti:
    """The source that ``kitti_config`` describes; raises DataError for folders that do not exist."""
    config = spec.message.kitti_config
    for name in ("point_clouds_dir", "calibrations_dir"):
        if getattr(config, name):
            hint = "leave it out: training on images needs none"
            raise spec.error(f"kitti_config.{name}", f"{name} is not supported yet", hint=hint)
    root = root_folder(config.root_directory_path)
    image_dir, label_dir = program.host_text(config.image_dir_name), program.host_text(config.label_dir_name)
    images = folders.existing(root, image_dir, kind="images", field="kitti_config.image_dir_name")
    labels = folders.existing(root, label_dir, kind="labels", field="kitti_config.label_dir_name")
    extension = config.image_extension or ".png"
    sequences = config.kitti_sequence_to_frames_file
    return Kitti(
        images=images,
        labels=labels,
        image_dir=config.image_dir_name,
        extension=extension if extension.startswith(".") else f".{extension}",
        mode=config.partition_mode,
        folds=config.num_partitions,
        shards=config.num_shards,
        val_split=config.val_split,
        sequences=root / sequences if sequences else None,
    )


def root_folder(text: str) -> Path:
    """``root_directory_path`` as an absolute path.

    A relative one lies below the environment variable DATA_BASE_PATH or, without it, below ~/datasets, as with
    NVIDIA; where there is no such folder, below the current one.
    """
    root = program.host(text)
    if not root.is_absolute():
        base = os.environ.get("DATA_BASE_PATH")
        below = (Path(base) if base else Path.home() / "datasets") / root
        root = below if base or below.is_dir() else root
    return Path(os.path.abspath(root))


def read_sequences(path: Path) -> dict[str, list[str]]:
    """The sequence map: sequence name to frame names without extension, in file order; DataError for anything else."""
    try:
        sequences = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise DataError(f"the sequence map cannot be read: {problem.strerror}", where=path) from None
    except json.JSONDecodeError as problem:
        where = Location(path, problem.lineno, problem.colno)
        raise DataError(f"the sequence map is not JSON: {problem.msg}", where=where) from None
    except UnicodeDecodeError:
        raise DataError("the sequence map is not UTF-8 text", where=path) from None
    lists = sequences.values() if isinstance(sequences, dict) else [None]
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        hint = '{"drive-1": ["000001", "000002"], "drive-2": [...]}'
        raise DataError("the sequence map must hold a list of frame names for each sequence", where=path, hint=hint)
    if not any(lists):
        raise DataError("the sequence map names no frames", where=path)
    return dict(sequences)


def _dropped(path: Path, lines: Sequence[Label]) -> dict[str, list[int]]:
    """Boxes left out, keyed by label file and position of the first equal line, so duplicates share a key."""
    return {f"{path}_{lines.index(line)}": [int(v) for v in line.box] for line in lines if not is_kept(line.box)}
