"""The frames a spec trains and validates on, read from TFRecords into a few compact arrays.

Some sixty bytes a picture and twenty an object stay in memory; the pictures themselves stay on disk.
"""

from __future__ import annotations

import difflib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from converters import frames, records
from tltpipe.errors import DataError
from tltpipe.progress import Progress, Silent

if TYPE_CHECKING:
    from runtime.recipe import Data, Recipe, Source

CHECKED_IMAGES = 1000
"""Of so many pictures at most, spread over the split, is looked up beforehand whether they are there at all."""


@dataclass(frozen=True)
class Split:
    """The frames of a split: picture ``i`` has the objects ``starts[i]:starts[i + 1]``.

    ``ids`` [N] frame ids (UTF-8), ``folders`` [N] index into ``roots``, ``sizes`` [N, 2] width and height in pixels of
    the picture as stored, ``boxes`` float32 [M, 4] left, top, right, bottom in those pixels, ``labels`` [M] from 1.
    ``notes`` are lines for the user about what was found.
    """

    roots: tuple[Path, ...]
    extension: str
    ids: NDArray[np.bytes_]
    folders: NDArray[np.uint16]
    sizes: NDArray[np.int32]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    starts: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def image(self, index: int) -> Path:
        name: str = self.ids[index].decode() + self.extension
        return self.roots[int(self.folders[index])] / name

    def objects(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Boxes [n, 4] and labels [n] of picture ``index``."""
        part = slice(self.starts[index], self.starts[index + 1])
        return self.boxes[part], self.labels[part]


def training(recipe: Recipe, classes: Sequence[str], *, progress: Progress | None = None) -> Split:
    """The frames to train on: every data source, without the files of ``validation_fold``.

    Raises DataError when there is none, for damaged records and missing pictures, SpecError when no class fits.
    """
    fold = _fold_mark(recipe.data)
    found = [(root, path) for root, path in _files(recipe.data.training) if fold is None or fold not in path.name]
    if fold is not None and not found:
        raise DataError(
            f"every record file is of fold {recipe.data.fold}, which validates; none is left to train on",
            where=recipe.spec.where("dataset_config.validation_fold"),
            hint="convert with val_split above 0, or use validation_data_source in place of validation_fold",
        )
    split = _index(recipe, found, classes, "training", progress or Silent())
    if not len(split):
        where = recipe.spec.where("dataset_config.data_sources")
        raise DataError("the records hold no frame to train on", where=where, hint="see what tlt-dataset-convert wrote")
    return split


def validation(recipe: Recipe, classes: Sequence[str], *, progress: Progress | None = None) -> Split | None:
    """The frames to validate on: sources of their own, or the files of ``validation_fold``; None without any."""
    fold = _fold_mark(recipe.data)
    if recipe.data.validation:
        found = _files(recipe.data.validation)
    elif fold is not None:
        found = [(root, path) for root, path in _files(recipe.data.training) if fold in path.name]
    else:
        return None
    split = _index(recipe, found, classes, "validation", progress or Silent())
    return split if len(split) else None


def _fold_mark(data: Data) -> str | None:
    """What the names of the validating files contain."""
    return None if data.fold is None else f"fold-{data.fold:03d}-of-"


def _files(sources: Iterable[Source]) -> list[tuple[Path, Path]]:
    """Each record file, with the folder that its pictures lie below."""
    return [(source.images, path) for source in sources for path in records.shards(source.records or "")]


def _index(
    recipe: Recipe, files: list[tuple[Path, Path]], classes: Sequence[str], what: str, progress: Progress
) -> Split:
    """Read the annotations in ``files`` into arrays."""
    mapping = {key: classes.index(value) + 1 for key, value in recipe.data.mapping.items()}
    roots = tuple(dict.fromkeys(root for root, _ in files))
    ids: list[bytes] = []
    folders, sizes, labels, starts, boxes = array("H"), array("i"), array("h"), array("q", [0]), array("f")
    seen: Counter[str] = Counter()
    with progress.bar(f"read {what} records", total=None, unit="frames") as bar:
        for root, path in files:
            for frame in frames.frames([path]):
                ids.append(frame.id.encode())
                folders.append(roots.index(root))
                sizes.extend((frame.width, frame.height))
                for name, box in zip(frame.classes, frame.boxes, strict=True):
                    seen[name.lower()] += 1
                    if label := mapping.get(name.lower()):
                        labels.append(label)
                        boxes.extend(box)
                starts.append(len(labels))
                bar.advance()
    split = Split(
        roots=roots,
        extension=recipe.data.extension,
        ids=np.array(ids, dtype=np.bytes_),
        folders=np.array(folders, np.uint16),
        sizes=np.array(sizes, np.int32).reshape(-1, 2),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int64),
        starts=np.array(starts, np.int64),
        notes=tuple(_class_notes(recipe, classes, mapping, seen, what)) if ids else (),
    )
    _find_images(split)
    return split


def _class_notes(
    recipe: Recipe, classes: Sequence[str], mapping: dict[str, int], seen: Counter[str], what: str
) -> Iterator[str]:
    """Tell of classes without a box; raise SpecError when none of the spec's classes is in the data at all."""
    known, found = [name for name in mapping if name in seen], sorted(seen)
    if seen and not known:
        near = {name: _nearest(name, found) for name in sorted(mapping)}
        meant = [f'"{other}" for "{name}"' for name, other in near.items() if other]
        hint = f"did you mean {', '.join(meant[:3])}?" if meant else "map the classes of the data to those to train"
        listed = ", ".join(found[:30]) + (", ..." if len(found) > 30 else "")
        text = f"none of these classes is in the {what} records, which hold: {listed}"
        raise recipe.spec.error("dataset_config.target_class_mapping", text, hint=hint)
    present = {mapping[name] for name in known}
    if absent := [name for label, name in enumerate(classes, start=1) if label not in present]:
        yield f"no box in the {what} records for: {', '.join(absent)}"


def _nearest(name: str, found: Sequence[str]) -> str | None:
    plain = {"".join(filter(str.isalnum, other)): other for other in found}
    near = difflib.get_close_matches("".join(filter(str.isalnum, name)), list(plain), n=1)
    return plain[near[0]] if near else None


def _find_images(split: Split) -> None:
    """Raise DataError when a picture is not where the spec says: before training, not in the middle of it."""
    for index in range(0, len(split), max(1, len(split) // CHECKED_IMAGES)):
        path = split.image(index)
        if not path.is_file():
            hint = "image_directory_path, frame id and image_extension make this name; check all three"
            raise DataError("this picture is missing", where=path, hint=hint)


def describe(split: Split) -> str:
    """``440 images, 712 boxes``"""
    return f"{len(split)} images, {len(split.labels)} boxes"


def resized(split: Split, width: int, height: int) -> int:
    """How many pictures are not of the network's size, as TLT 2.0 demands it."""
    return int((split.sizes != (width, height)).any(axis=1).sum())
