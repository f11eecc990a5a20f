"""The pictures that a spec trains and validates on, with their objects, and what is wrong with them."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converters.files import listing
from converters.pictures import headers
from converters.tfrecords import records
from runtime.data import sources as reading
from runtime.data.image_files import FrameImages, ImageFiles, names_in
from runtime.data.split import Gathered
from runtime.data.split import Split as Split
from runtime.shell import mounts
from tltpipe.errors import DataError
from tltpipe.progress import Progress, Silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.data.recipe import Data, Recipe, Source

LEFT_OUT = "are marked as occluded and left out"
TURNED = "in target_class_mapping the key is a class of the data, the value one to train: are they the wrong way round?"
MEASURED_IMAGES = 1000
"""Of so many pictures at most, spread over the split, is compared beforehand whether their size is as annotated."""


def training(recipe: Recipe, classes: Sequence[str], *, progress: Progress | None = None) -> Split:
    """The pictures to train on: every data source, without the files of ``validation_fold``.

    Raises DataError when there is none or none has an object, for damaged records and missing pictures, SpecError
    when no class fits.
    """
    split = _read(recipe, recipe.data.training, classes, "training", progress or Silent())
    if split is None:
        raise DataError(
            f"every record file is of fold {recipe.data.fold}, which validates; none is left to train on",
            where=recipe.spec.where("dataset_config.validation_fold"),
            hint="convert with val_split above 0, or use validation_data_source in place of validation_fold",
        )
    where = recipe.spec.where("dataset_config.data_sources")
    if not len(split):
        raise DataError("the records hold no frame to train on", where=where, hint="see what tlt-dataset-convert wrote")
    if _without_area(split).all():
        what = f"none of the {len(split)} training pictures has an object to train on"
        hint = "label files and records are empty: see what wrote them"
        if len(split.labels):
            hint = "all boxes are without width or height, or beside their pictures: see what wrote them"
        if left_out := [note for note in split.notes if note.endswith(LEFT_OUT)]:
            what, hint = f"{what}: {left_out[0]}", "set include_difficult_in_training: true"
        raise DataError(what, where=where, hint=hint)
    return split


def validation(recipe: Recipe, classes: Sequence[str], *, progress: Progress | None = None) -> Split | None:
    """The pictures to validate on: sources of their own, or the files of ``validation_fold``; None without any.

    Raises as ``training`` does; with strict, where there is no object, the measure is 0 as with NVIDIA.
    """
    sources = recipe.data.validation
    if not sources and recipe.data.fold is None:
        return None
    split = _read(recipe, sources or recipe.data.training, classes, "validation", progress or Silent())
    if split is None or not len(split):
        return None
    if not len(split.labels) and not recipe.strict:
        raise DataError(
            f"none of the {len(split)} validation pictures has an object, so that nothing can be measured on them",
            where=recipe.spec.where("dataset_config"),
            hint="see which labels the records were made from; --strict-tlt counts this as 0, as NVIDIA does",
        )
    return split


def _files(data: Data, source: Source, what: str) -> list[Path]:
    """The record files of ``source`` that are of the fold, or not, as ``what`` ("training", "validation") demands."""
    found = records.shards(str(source.annotations))
    if data.fold is None or source in data.validation:
        return found
    mark = f"fold-{data.fold:03d}-of-"
    return [path for path in found if (mark in path.name) == (what == "validation")]


def _read(
    recipe: Recipe, sources: Sequence[Source], classes: Sequence[str], what: str, progress: Progress
) -> Split | None:
    """Read the annotations of ``sources`` into arrays; None when not one file is left of them."""
    mapping = {key: classes.index(value) + 1 for key, value in recipe.data.mapping.items()}
    gathered = Gathered(mapping, tuple(classes), hard=what == "validation" or recipe.data.train_difficult)
    read_any, counts, images_told = False, list[tuple[int, float]](), list[str]()
    with progress.bar(f"read {what} annotations", total=None, unit="frames") as bar:
        for source in sources:
            _require_there(recipe, source)
            before, images = len(gathered), source.images or Path()
            if source.format == "kitti":
                if source not in recipe.data.validation and what == "validation":
                    continue  # a fold is one of records
                gathered.take(reading.of_folders(images, Path(source.annotations), strict=recipe.strict), images, bar)
                images_told += ImageFiles(images).notes()
                read_any = True
            else:
                named = FrameImages(images, recipe.data.extension, lenient=not recipe.strict)
                for path in _files(recipe.data, source, what):
                    gathered.unnamed |= not _require_classes(path, classes)
                    gathered.take(reading.of_records(path, named=named), images, bar, path)
                    read_any = True
                if named.renamed:
                    images_told.append(_renamed(named))
            counts.append((len(gathered) - before, source.weight))
    if not read_any:
        return None
    notes = tuple(_notes(recipe, classes, gathered, what)) if len(gathered) else ()
    split = gathered.split(tuple(counts), (*images_told, *notes))
    _require_finite(split)
    _require_pixels(split, what)
    if (flat := np.flatnonzero(_without_area(split))).size:
        first = split.image(_picture_of(split, flat[0]))
        told = f"{flat.size} boxes of the {what} data have no area on their picture, such as one of {first}"
        split = replace(split, notes=(*split.notes, told))
    _require_pictures(split, measured=all(source.format == "kitti" for source in sources))
    return split


def _renamed(named: FrameImages) -> str:
    what = f"{len(named.renamed)} images have another extension than image_extension says, {named.extension}"
    return f"{what}: {listing.counted(named.renamed)}; they are used"


def _require_classes(path: Path, classes: Sequence[str]) -> bool:
    """Whether a list beside the record file ``path`` says what its class numbers mean.

    Raises DataError where they are not those of ``classes``.
    """
    told = records.class_names(path)
    if told is not None and told != tuple(classes):
        what = f"the numbers in these records stand for {', '.join(told)}; the spec trains {', '.join(classes)}"
        hint = "convert again with the target_class_mapping of this spec, or give the spec that of the conversion"
        raise DataError(what, where=path, hint=hint)
    return told is not None


def _require_there(recipe: Recipe, source: Source) -> None:
    """Raises DataError, with the spec's line, for a folder that it names and that is not on this machine."""
    needed = {"tfrecords_path": Path(source.annotations).parent}
    if source.format == "kitti":  # records may hold their pictures
        needed = {"label_directory_path": Path(source.annotations), "image_directory_path": source.images or Path()}
    for name, folder in needed.items():
        if not folder.exists() and not glob.has_magic(str(folder)):
            where = recipe.spec.where(f"{source.field}.{name}")
            raise DataError(f"there is no folder {folder}", where=where, hint=mounts.hint(folder))


def _notes(recipe: Recipe, classes: Sequence[str], gathered: Gathered, what: str) -> Iterator[str]:
    """Tell of objects and classes left out; raise SpecError when none of the spec's classes is in the data at all."""
    turned = [name for name in sorted(gathered.unmapped) if name in classes]
    if gathered.unmapped and not gathered.mapped:
        found = sorted(gathered.unmapped)
        near = {name: _nearest(name, found) for name in sorted(gathered.mapping)}
        meant = [f'"{other}" for "{name}"' for name, other in near.items() if other]
        hint = f"did you mean {', '.join(meant[:3])}?" if meant else "map the classes of the data to those to train"
        text = f"none of the mapped classes is in the {what} data, which hold: {_listed(found)}"
        raise recipe.spec.error("dataset_config.target_class_mapping", text, hint=TURNED if turned else hint)
    if gathered.left_out:
        yield f"{gathered.left_out} objects of the {what} data {LEFT_OUT}"
    if absent := [name for label, name in enumerate(classes, start=1) if label not in gathered.present]:
        yield f"no box in the {what} data for: {', '.join(absent)}"
    if gathered.unmapped:
        count = gathered.unmapped.total()
        names = _listed(sorted(gathered.unmapped))
        yield f"{count} objects of the {what} data are of classes that are not mapped: {names}"
    if gathered.unnamed and 0 < gathered.largest < len(classes):
        yield (
            f"class numbers of the {what} data go to {gathered.largest}, the spec has {len(classes)} classes: if the "
            "records were converted for fewer, or others, all names are wrong; nothing in them says so"
        )
    elif gathered.unnamed and gathered.largest:
        numbered = ", ".join(f"{number} {name}" for number, name in enumerate(classes, start=1))
        yield (
            f"the records of the {what} data name no classes, and no list beside them does: their numbers are read as "
            f"the spec's, {numbered}; if they were converted with another target_class_mapping, all names are wrong"
        )
    if turned:
        yield f"{', '.join(turned)}: {TURNED}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")


def _nearest(name: str, found: Sequence[str]) -> str | None:
    plain = {"".join(filter(str.isalnum, other)): other for other in found}
    near = difflib.get_close_matches("".join(filter(str.isalnum, name)), list(plain), n=1)
    return plain[near[0]] if near else None


def _require_finite(split: Split) -> None:
    bad = np.flatnonzero(~np.isfinite(split.boxes).all(axis=1))
    if len(bad):
        index = _picture_of(split, bad[0])
        raise DataError(
            f"a box of {split.image(index)} is not of finite numbers", where=split.roots[split.folders[index]]
        )


def _require_pixels(split: Split, what: str) -> None:
    """Raise DataError where every box lies within the first pixel: written as shares of the image."""
    if len(split.boxes) and split.boxes.min() >= 0 and split.boxes.max() <= 1 and split.sizes.max() > 1:
        told = f"all {len(split.boxes)} boxes of the {what} data lie within one pixel: are they shares of the image?"
        hint = "labels and records hold pixels: multiply x by the width and y by the height of each image"
        raise DataError(told, where=split.roots[split.folders[0]], hint=hint)


def _without_area(split: Split) -> NDArray[np.bool_]:
    """Which boxes [M] have nothing of their picture in them: no width, no height, corners swapped, or all outside."""
    sizes = np.repeat(split.sizes, np.diff(split.starts), axis=0)
    corners = split.boxes.reshape(-1, 2, 2).clip(0, sizes[:, None])
    return np.asarray(np.any(corners[:, 1] <= corners[:, 0], axis=1))


def _picture_of(split: Split, box: int) -> int:
    return int(np.searchsorted(split.starts, box, side="right")) - 1


def _require_pictures(split: Split, *, measured: bool) -> None:
    """Raise DataError when a picture is not where the spec says, or of another size than it is annotated with
    (``measured``: they were looked into for it): before training, not in the middle of it."""
    listed: dict[tuple[int, str], frozenset[str]] = {}
    for index in range(len(split)):
        if split.parts is not None and split.parts[index, 1]:
            continue
        folder, _, file = split.name(index).rpartition("/")
        key = int(split.folders[index]), folder
        if key not in listed:
            listed[key] = names_in(split.roots[key[0]] / folder)
        if file not in listed[key]:
            hint = mounts.hint(split.roots[key[0]]) or _missing_hint(file, listed[key])
            raise DataError("this picture is missing", where=split.roots[key[0]] / split.name(index), hint=hint)
    if measured:
        return
    for index in range(0, len(split), max(1, len(split) // MEASURED_IMAGES)):
        place = split.image(index)
        if isinstance(place, Path) and headers.size(place) != tuple(split.sizes[index].tolist()):
            width, height = headers.size(place)
            what = f"this picture is {width}x{height}, but its annotations are of one of "
            hint = "boxes would lie in the wrong place: convert the data again, or put the right pictures there"
            raise DataError(what + "x".join(map(str, split.sizes[index].tolist())), where=place, hint=hint)


def _missing_hint(file: str, listed: frozenset[str]) -> str:
    stem = file.rpartition(".")[0]
    if other := sorted(name for name in listed if name.rpartition(".")[0] == stem):
        return f"there is {other[0]}: image_extension in the spec must be {other[0].rpartition('.')[2]}"
    return "image_directory_path, frame id and image_extension make this name; check all three"


def describe(split: Split) -> str:
    """``440 images, 712 boxes``"""
    return f"{len(split)} images, {len(split.labels)} boxes"


def resized(split: Split, width: int, height: int) -> int:
    """How many pictures are not of the network's size, as TLT 2.0 demands it."""
    return int((split.sizes != (width, height)).any(axis=1).sum())
