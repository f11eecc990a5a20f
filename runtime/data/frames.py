"""The pictures that a spec trains and validates on, with their objects, and what is wrong with them."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from converters.files import listing
from converters.model import Dataset
from converters.model.findings import Findings
from converters.tfrecords import records
from converters.transfer import losing, opening
from runtime.data import checks, datasets
from runtime.data import sources as reading
from runtime.data.fields import BOXES, Fields
from runtime.data.image_files import FrameImages, ImageFiles
from runtime.data.masks import EMPTY
from runtime.data.objects import per_object
from runtime.data.recipe import Data, Recipe, Source
from runtime.data.split import CROWD, DIFFICULT, FLAT, Gathered
from runtime.data.split import Split as Split
from runtime.shell import mounts
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Bar, Progress, Silent

LEFT_OUT = "are marked as occluded and left out"
TURNED = "in {} the key is a class of the data, the value one to train: are they the wrong way round?"


def training(
    recipe: Recipe, classes: Sequence[str], fields: Fields = BOXES, *, progress: Progress | None = None
) -> Split:
    """The images to train on, with ``fields`` of each: every data source, without the files of ``validation_fold``.

    Raises DataError when there is none or none has an object, for damaged records and missing images, SpecError
    when no class fits.
    """
    split = _read(recipe, recipe.data.training, classes, "training", fields, progress or Silent())
    if split is None:
        raise DataError(
            f"every record file is of fold {recipe.data.fold}, which validates; none is left to train on",
            where=recipe.spec.where("dataset_config.validation_fold"),
            hint="convert with val_split above 0, or use validation_data_source in place of validation_fold",
        )
    where = recipe.spec.where(recipe.data.training[0].field.partition("[")[0])
    if not len(split):
        raise DataError("there is no image to train on", where=where, hint="see what wrote the annotations")
    if "boxes" in fields and checks.flat_boxes(split).all():
        what = f"none of the {len(split)} training pictures has an object to train on"
        hint = "the annotations are empty: see what wrote them"
        if len(split.labels) or FLAT in split.losses.lost:
            hint = "all boxes are without width or height, or beside their pictures: see what wrote them"
        if EMPTY in split.losses.lost:
            hint = "outlines enclose nothing, or lie beside their images: see what wrote them"
        if left_out := [note for note in split.notes if note.endswith(LEFT_OUT)]:
            what, hint = f"{what}: {left_out[0]}", "set include_difficult_in_training: true"
        raise DataError(what, where=where, hint=hint)
    if "map" in fields and not split.starts[-1]:
        what = f"none of the {len(split)} training images has a pixel of a class: all are background or ignored"
        raise DataError(what, where=where, hint="see what wrote the annotations")
    return split


def validation(
    recipe: Recipe, classes: Sequence[str], fields: Fields = BOXES, *, progress: Progress | None = None
) -> Split | None:
    """The images to validate on: sources of their own, or the files of ``validation_fold``; None without any.

    Raises as ``training`` does; with strict, where there is no object, the measure is 0 as with NVIDIA.
    """
    sources = recipe.data.validation
    if not sources and recipe.data.fold is None:
        return None
    split = _read(recipe, sources or recipe.data.training, classes, "validation", fields, progress or Silent())
    if split is None or not len(split):
        return None
    if "boxes" in fields and not len(split.labels) and not recipe.strict:
        raise DataError(
            f"none of the {len(split)} validation pictures has an object, so that nothing can be measured on them",
            where=recipe.spec.where((sources or recipe.data.training)[0].field),
            hint="see what wrote the annotations; --strict-tlt counts this as 0, as NVIDIA does",
        )
    return split


def categories(recipe: Recipe) -> tuple[str, ...]:
    """The classes that the training data list, each once, in their order. Raises DataError and SpecError as
    ``training`` does."""
    listed: dict[str, str] = {}
    for dataset in training_sets(recipe):
        for name in dataset.categories:
            listed.setdefault(name.lower(), name)
    if not listed:
        hint = f"write them in the spec: {recipe.data.naming}"
        raise DataError("the training data list no classes", where=recipe.data.training[0].annotations, hint=hint)
    return tuple(listed.values())


def training_sets(recipe: Recipe) -> Iterator[Dataset]:
    """The data sets to train on, opened. Raises DataError and SpecError as ``training`` does."""
    for source in recipe.data.training:
        _require_there(recipe, source)
        yield datasets.opened(source, "training")


def _files(data: Data, source: Source, what: str) -> list[Path]:
    """The record files of ``source`` that are of the fold, or not, as ``what`` ("training", "validation") demands."""
    found = records.shards(str(source.annotations))
    if data.fold is None or source in data.validation:
        return found
    mark = f"fold-{data.fold:03d}-of-"
    return [path for path in found if (mark in path.name) == (what == "validation")]


def _read(
    recipe: Recipe, sources: Sequence[Source], classes: Sequence[str], what: str, fields: Fields, progress: Progress
) -> Split | None:
    """Read the annotations of ``sources`` into arrays; None when not one file is left of them."""
    data = recipe.data
    validates = what == "validation"
    gathered = Gathered(
        fields, data.labels(classes), tuple(classes),
        hard=validates or data.train_difficult, crowds=validates and "crowd" in fields,
        flat=data.flat or "boxes" not in fields, naming=data.naming,
    )  # fmt: skip
    passed = _Reading(recipe, what, gathered)
    counts, read_any = list[tuple[int, float]](), False
    with progress.bar(f"read {what} annotations", total=None, unit="frames") as bar:
        for source in sources:
            _require_there(recipe, source)
            if source.format != "tfrecord" and validates and source not in data.validation:
                continue  # a fold is one of records
            before = len(gathered)
            read_any |= passed.take(source, bar)
            counts.append((len(gathered) - before, source.weight))
    if not read_any:
        return None
    notes = (*passed.notes, *(_notes(recipe, classes, gathered, what) if len(gathered) else ()))
    split = _judged(gathered.split(tuple(counts), notes), what, sources)
    return per_object(split, what, sources) if data.per_object else split


@dataclass
class _Reading:
    """Sources of any format on their way into ``gathered``; ``notes`` are lines on what was odd."""

    recipe: Recipe
    what: str
    gathered: Gathered
    notes: list[str] = field(default_factory=list)

    def take(self, source: Source, bar: Bar) -> bool:
        """Gather what ``source`` holds; whether it has any file of annotations."""
        match source.format, source.images:
            case "tfrecord", Path() as images:
                return self._records(source, images, bar)
            case "kitti", Path() as images:
                self._folders(source, images, bar)
            case _:
                self._dataset(source, bar)
        return True

    def _records(self, source: Source, images: Path, bar: Bar) -> bool:
        files = _files(self.recipe.data, source, self.what)
        named = FrameImages(images, self.recipe.data.extension, lenient=not self.recipe.strict)
        for path in files:
            self.gathered.unnamed |= not _require_classes(path, self.gathered.classes)
            self.gathered.take(reading.of_records(path, named=named), images, bar)
        if named.renamed:
            self.notes.append(_renamed(named))
        return bool(files)

    def _folders(self, source: Source, images: Path, bar: Bar) -> None:
        found = reading.of_folders(images, Path(source.annotations), strict=self.recipe.strict)
        self.gathered.take(found, images, bar)
        self.notes += ImageFiles(images).notes()

    def _dataset(self, source: Source, bar: Bar) -> None:
        trained_on = self.what == "validation" and source.images is None  # else it is one split, and chosen so
        trained_on &= source.annotations in {each.annotations for each in self.recipe.data.training}
        dataset = datasets.opened(source, self.what, trained_on=trained_on)
        self.gathered.categories.update(dict.fromkeys(name.lower() for name in dataset.categories))
        self._number(dataset.ids or {name: number for number, name in enumerate(dataset.categories, start=1)})
        folder, findings = datasets.folder(source, dataset), Findings()
        self.gathered.take(datasets.of_dataset(dataset, folder, findings), folder, bar)
        losing.count_findings(self.gathered.losses, findings)
        self.notes += [str(finding) for finding in (*dataset.findings, *findings) if finding.rule.loses]

    def _number(self, ids: Mapping[str, int]) -> None:
        """Note what a data set calls its categories; the first one that gives a name or a number is right."""
        known = self.gathered.category_ids
        taken = {*known.values()}
        for name, number in ids.items():
            if number not in taken:
                known.setdefault(name.lower(), number)


def _judged(split: Split, what: str, sources: Sequence[Source]) -> Split:
    """``split`` with notes on boxes without area. Raises DataError for what cannot be trained on."""
    if "boxes" in split.fields:
        checks.require_finite(split)
        checks.require_pixels(split, what)
        if (flat := np.flatnonzero(checks.flat_boxes(split))).size:
            first = str(split.image(checks.picture_of(split, flat[0])))
            split = replace(split, notes=(*split.notes, _flat_note(flat.size, what, first)))
    formats = {source.format for source in sources}
    checks.require_pictures(split, measured=formats == {"kitti"}, named="tfrecord" not in formats)
    return split


def _flat_note(count: int, what: str, image: str) -> str:
    return f"{count} boxes of the {what} data have no area on their picture, such as one of {image}"


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
    """Raises DataError, with the spec's line, for what it names and is not on this machine; SpecError for a format."""
    images, path = source.images, Path(source.annotations)
    if source.format == "tfrecord" and images is not None:  # records may hold their pictures
        needed: dict[str, Path | None] = {"tfrecords_path": path.parent}
    elif source.format == "kitti" and images is not None:
        needed = {"label_directory_path": path, "image_directory_path": images}
    else:
        needed = {"json_file" if source.format == "coco" else "path": path, "image_dir": images}
        if source.format != "auto":
            _require_format(recipe, source)
    for name, place in needed.items():
        if place is not None and not place.exists() and not glob.has_magic(str(place)):
            what = f"there is no {'folder' if place is not path or not path.suffix else 'file'} {place}"
            where = recipe.spec.where(f"{source.field}.{name}")
            raise DataError(what, where=where, hint=mounts.hint(place))


def _require_format(recipe: Recipe, source: Source) -> None:
    try:
        opening.module(source.format)
    except UsageError as problem:
        raise recipe.spec.error(f"{source.field}.format", problem.what, hint=problem.hint) from None


def _notes(recipe: Recipe, classes: Sequence[str], gathered: Gathered, what: str) -> Iterator[str]:
    """Tell of objects and classes left out; raise SpecError when none of the spec's classes is in the data at all."""
    trained = "mapped" if recipe.data.mapping else "trained"
    naming = recipe.data.naming.rpartition(".")[2]
    turned = [name for name in sorted(gathered.unmapped) if name in classes]
    if gathered.unmapped and not gathered.mapped:
        found = sorted(gathered.unmapped)
        near = {name: _nearest(name, found) for name in sorted(gathered.mapping)}
        meant = [f'"{other}" for "{name}"' for name, other in near.items() if other]
        hint = f"did you mean {', '.join(meant[:3])}?" if meant else f"{naming} must name the classes as the data do"
        text = f"none of the {trained} classes is in the {what} data, which hold: {_listed(found)}"
        raise recipe.spec.error(recipe.data.naming, text, hint=TURNED.format(naming) if turned else hint)
    absent = [name for label, name in enumerate(classes, start=1) if label not in gathered.present]
    if what == "training" and not recipe.data.mapping:
        _require_named(recipe, absent, gathered.categories)
    if difficult := gathered.left_out[DIFFICULT]:
        yield f"{difficult} objects of the {what} data {LEFT_OUT}"
    if crowds := gathered.left_out[CROWD]:
        yield f"{crowds} crowds of the {what} data (groups of things in one box) are left out"
    if flat := gathered.left_out[FLAT]:
        yield _flat_note(flat, what, gathered.examples[FLAT])
    for why, count in gathered.left_out.items():
        if count and why not in (DIFFICULT, CROWD, FLAT):
            yield f"{count} objects of the {what} data are left out, such as one of {gathered.examples[why]}: {why}"
    for why, count in gathered.ignored.items():
        yield f"{count} parts of objects of the {what} data are ignored, such as one of {gathered.examples[why]}: {why}"
    if absent:
        thing = "box" if "boxes" in gathered.fields else "object"
        yield f"no {thing} in the {what} data for: {', '.join(absent)}"
    if gathered.unmapped:
        count = gathered.unmapped.total()
        names = _listed(sorted(gathered.unmapped))
        yield f"{count} objects of the {what} data are of classes that are not {trained}: {names}"
    if gathered.unnamed and 0 < gathered.largest < len(classes):
        yield (
            f"class numbers of the {what} data go to {gathered.largest}, the spec has {len(classes)} classes: if the "
            "records were converted for fewer, or others, all names are wrong; nothing in them says so"
        )
    elif gathered.unnamed and gathered.largest:
        numbered = ", ".join(f"{number} {name}" for number, name in enumerate(classes, start=1))
        yield (
            f"the records of the {what} data name no classes, and no list beside them does: their numbers are read as "
            f"the spec's, {numbered}; if they were converted with another {naming}, all names are wrong"
        )
    if turned:
        yield f"{', '.join(turned)}: {TURNED.format(naming)}"


def _require_named(recipe: Recipe, absent: Sequence[str], categories: Collection[str]) -> None:
    """Raise SpecError where the training data do not know a class of the spec, and have others in place of it."""
    missing = [name for name in absent if name.lower() not in categories]
    if missing and (others := sorted(set(categories).difference(name.lower() for name in recipe.classes))):
        near = [f'"{other}" for "{name}"' for name in missing if (other := _nearest(name, others))]
        hint = f"did you mean {', '.join(near[:3])}?" if near else f"not trained are {_listed(others)}"
        text = f"the training data have no class {_listed(missing)}"
        raise recipe.spec.error(recipe.data.naming, text, hint=hint)


def require_alike(recipe: Recipe, training: Split, validation: Split) -> None:
    """Raise DataError where the validation data lack a trained class and have others that the training data lack."""
    missing = [name for name in recipe.classes if name.lower() not in validation.categories]
    others = sorted(set(validation.categories).difference(training.categories))
    if training.categories and missing and others:
        text = f"classes differ: the validation data have {_listed(others)}, which the training data do not have"
        where = Path(recipe.data.validation[0].annotations)
        raise DataError(f"{text}, and no {_listed(missing)}", where=where, hint="call them the same in both")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")


def _nearest(name: str, found: Sequence[str]) -> str | None:
    plain = {"".join(filter(str.isalnum, other)): other for other in found}
    near = difflib.get_close_matches("".join(filter(str.isalnum, name)), list(plain), n=1)
    return plain[near[0]] if near else None


def describe(split: Split) -> str:
    """``440 images, 712 boxes`` (objects, where the task has no boxes), how many samples they make, where that is
    another number than that of the images, and how many of the images are background."""
    empty = int((np.diff(split.starts) == 0).sum())
    told = f"{len(split)} images, {split.starts[-1]} {'boxes' if 'boxes' in split.fields else 'objects'}"
    told += "" if split.units is None else f", {split.samples} samples"
    return f"{told}, {empty} of the images without objects" if empty else told


def resized(split: Split, width: int, height: int) -> int:
    """How many pictures are not of the network's size, as TLT 2.0 demands it."""
    return int((split.sizes != (width, height)).any(axis=1).sum())
