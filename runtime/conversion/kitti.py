"""KITTI folders as a source: an image folder, a label folder, split by name or by sequence."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

from converters.files import label_folders, listing
from converters.formats.kitti import rows as kitti_rows
from converters.pictures import headers
from runtime.conversion import Annotated, Notes, Plan, calibration, partition
from runtime.conversion.layouts import Names
from runtime.data.image_files import ImageFiles
from runtime.shell import folders, mounts, program, unmatched
from specs import Spec
from specs.dataset_convert import EXTENSION
from specs.extensions import dotted
from tltpipe import inputs
from tltpipe.errors import DataError, Location
from tltpipe.losses import Losses

VALIDATION_NOTE = (
    "Validation data in partition 0. Hence, while choosing the validationset during training choose validation_fold 0."
)


_INT64 = 1 << 63
_TEXT = frozenset(("txt",))


@dataclass(frozen=True, kw_only=True)
class Kitti:
    """``image_dir`` is the image folder as the spec names it, below the root: the first part of every frame id.

    ``extension`` is that of the images, with its dot and as it is written; a frame is called after its image without
    it. None stands for any extension that can be read, and a frame is called as its image. Folders below the image
    folder count, too.

    ``point_clouds`` is such a name, too; ``calibrations`` a folder. ``drops_scores`` says whether a label may have a
    sixteenth column.
    """

    images: Path
    labels: Path
    image_dir: str
    extension: str | None
    mode: str
    folds: int
    shards: int
    val_split: float
    sequences: Path | None = None
    point_clouds: str = ""
    calibrations: Path | None = None
    drops_scores: bool = False

    kind = "kitti"

    @property
    def place(self) -> Path:
        return self.labels

    @property
    def inputs(self) -> list[Path]:
        return [path for path in (self.images, self.labels, self.sequences, self.calibrations) if path is not None]

    def plan(self) -> Plan:
        """Frames in folds; raises DataError where there are none."""
        if self.mode == "sequence":
            return self._sequences()
        images = ImageFiles(self.images, self.extension)
        if not images.by_stem:
            raise folders.no_images(self.images, self.extension)
        doubts, labels = list(images.notes()), listing.stems(self.labels, _TEXT)
        if lone := labels - images.skipped.union(images.by_stem):
            doubts.append(f"{self.labels}: {len(lone)} label files have no image and are left out: {min(lone)}.txt ...")
        frames = list(images.by_stem if self.extension else images.by_stem.values())
        parts = partition.random_partitions(frames, self.val_split)
        validation, training = map(len, parts)
        told = VALIDATION_NOTE if self.val_split else "Skipped validation data."
        notes = [(f"Num images in\nTrain: {training}\tVal: {validation}", {"num_images": len(frames)}), (told, None)]
        others = {path.rpartition(".")[0] for path in images.others if listing.extension_of(path) in listing.PICTURES}
        losses = unmatched.among(others, labels, images.by_stem, labels=self.labels)
        return self._plan(parts, notes, doubts, losses)

    def _sequences(self) -> Plan:
        assert self.sequences is not None
        parts = partition.sequence_partitions(read_sequences(self.sequences), self.folds)
        if self.extension is None:
            known = ImageFiles(self.images).by_stem
            parts = [[known.get(frame, f"{frame}.jpg") for frame in part] for part in parts]
        total = sum(map(len, parts))
        frames = chain.from_iterable(parts)
        stems = frames if self.extension else (frame.rpartition(".")[0] for frame in frames)
        losses = unmatched.unmatched(self.images, self.labels, frozenset(stems), other=unmatched.NO_SEQUENCE)
        return self._plan(parts, [(f"Total number of images: {total}", {"num_images": total})], (), losses)

    def picture(self, frame: str) -> str:
        return f"{self._places[0]}{self._file(frame)}"

    def _file(self, frame: str) -> str:
        return f"{frame}{self.extension or ''}"

    def annotate(self, frames: Sequence[str], names: Names) -> Annotated:
        """The labels of ``frames`` and the sizes of their images; raises DataError with file and line."""
        images, labels, id = self._places
        stems = frames if self.extension else [frame.rpartition(".")[0] for frame in frames]
        files, paths = [*map(self._file, frames)], [f"{labels}{stem}.txt" for stem in stems]
        annotated = Annotated([id + stem for stem in stems], [], [images + name for name in files])
        contents = list[bytes]()
        heads = inputs.heads(self.images, files, headers.HEAD)
        texts = inputs.heads(self.labels, (f"{stem}.txt" for stem in stems), label_folders.USUAL)
        try:
            for stem, path, picture, head, text in zip(stems, paths, annotated.pictures, heads, texts, strict=True):
                annotated.sizes.append(headers.size(picture, head=head))
                content = label_folders.whole(text)
                contents.append(kitti_rows.content(path) if content is None else content)
                if self.calibrations is not None:
                    annotated.calibrations.append(calibration.read(self.calibrations / f"{stem}.txt"))
        except DataError:
            self._judged(paths, contents, names)  # which raises what is wrong with those before
            raise
        table = kitti_rows.table(contents)
        if table is None or sum(map(abs, table.numbers[1 :: kitti_rows.NUMBERS])) >= _INT64:
            table, annotated.scores = self._judged(paths, contents, names)
        annotated.keep(table, names, lambda frame, row, start: f"{paths[frame]}_{_first(table, row, start)}")
        if self.point_clouds:
            clouds = self.point_clouds
            annotated.point_clouds = [os.path.join(clouds, stem) for stem in stems]  # noqa: PTH118 - a name in a record
        return annotated

    def _judged(self, paths: Sequence[str], contents: Sequence[bytes], names: Names) -> tuple[kitti_rows.Table, int]:
        """The labels in the files ``paths`` that hold ``contents``, line by line, and how many have a score."""
        found, scores = list[list[kitti_rows.Row]](), 0
        for path, content in zip(paths, contents, strict=False):
            rows, scored = kitti_rows.rows(kitti_rows.text_of(path, content), source=path)
            if scored and not self.drops_scores:
                raise _score(path, scored[0])
            for line, name, numbers in rows:
                if names[name] is not None and not -_INT64 <= numbers[1] < _INT64:
                    raise DataError("occlusion is 0, 1, 2 or 3", where=Location(path, line))
            found.append(rows)
            scores += len(scored)
        lines = [*chain.from_iterable(found)]
        numbers = [*chain.from_iterable(numbers for _, _, numbers in lines)]
        return kitti_rows.Table([*map(len, found)], [name for _, name, _ in lines], numbers), scores

    @cached_property
    def _places(self) -> tuple[str, str, str]:
        """What pictures, labels and frame ids begin with: texts, since paths take their time."""
        ids = os.path.join(self.image_dir, "")  # noqa: PTH118 - a name in a record, not a path here
        return f"{self.images}/", f"{self.labels}/", ids

    def _plan(self, parts: Sequence[Sequence[str]], notes: Notes, doubts: Sequence[str], losses: Losses) -> Plan:
        filled = [part for part in parts if part]
        return Plan(filled, [self.shards] * len(filled), self.folds, notes, doubts, losses)


def open_source(spec: Spec, *, drops_scores: bool = False, lidar: bool = True) -> Kitti:
    """The source that ``kitti_config`` describes, with point clouds and calibrations where ``lidar`` wants them.

    Raises DataError for folders that do not exist.
    """
    config = spec.message.kitti_config
    root = root_folder(config.root_directory_path)
    kinds = {"image_dir_name": "images", "label_dir_name": "labels"}
    kinds |= {name: name[: -len("_dir")] for name in _LIDAR if lidar and getattr(config, name)}
    found = {
        name: folders.existing(root, mounts.host_text(getattr(config, name)), kind=kind, field=f"kitti_config.{name}")
        for name, kind in kinds.items()
    }
    sequences = config.kitti_sequence_to_frames_file
    return Kitti(
        images=found["image_dir_name"],
        labels=found["label_dir_name"],
        image_dir=config.image_dir_name,
        extension=dotted(config.image_extension or EXTENSION),
        mode=config.partition_mode,
        folds=config.num_partitions,
        shards=config.num_shards,
        val_split=config.val_split,
        sequences=root / sequences if sequences else None,
        point_clouds=config.point_clouds_dir if lidar else "",
        calibrations=found.get("calibrations_dir"),
        drops_scores=drops_scores,
    )


_LIDAR = ("point_clouds_dir", "calibrations_dir")


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
        sequences = json.loads(inputs.content(path).decode("utf-8"))
    except OSError as problem:
        raise DataError(f"the sequence map cannot be read: {problem.strerror}", where=path) from None
    except json.JSONDecodeError as problem:
        where = Location(path, problem.lineno, problem.colno)
        raise DataError(f"the sequence map is not JSON: {problem.msg}", where=where) from None
    except UnicodeDecodeError:
        raise DataError("the sequence map is not UTF-8 text", where=path) from None
    except RecursionError:
        raise DataError("the sequence map is nested too deep", where=path) from None
    lists = sequences.values() if isinstance(sequences, dict) else [None]
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        hint = '{"drive-1": ["000001", "000002"], "drive-2": [...]}'
        raise DataError("the sequence map must hold a list of frame names for each sequence", where=path, hint=hint)
    if not any(lists):
        raise DataError("the sequence map names no frames", where=path)
    for name in chain.from_iterable(sequences.values()):
        if not is_name(name):
            raise DataError(f"the sequence map names a frame that no file can have: {name!r}", where=path)
    return dict(sequences)


def is_name(text: str) -> bool:
    """Whether a file can be called ``text``, and a record tell it."""
    try:
        parts = text.encode().split(b"/")
    except UnicodeEncodeError:
        return False
    return bool(text) and "\0" not in text and len(text) < _PATH and max(map(len, parts)) < _PART


_PATH, _PART = 2000, 240  # characters of a path; bytes between two slashes, where an ending must fit in, too


def _first(table: kitti_rows.Table, row: int, start: int) -> int:
    """The position behind ``start`` of the first line that is equal to ``row``, so that duplicates share it."""
    own = table.line(row)
    return next(place - start for place in range(start, row + 1) if place == row or table.line(place) == own)


def _score(path: str, line: int) -> DataError:
    what = "16 columns: the last is a detector's score, which NVIDIA's converter refuses, too"
    return DataError(what, where=Location(path, line), hint="drop such columns with --drop-scores")
