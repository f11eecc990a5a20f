"""COCO files of DeepFashion2's landmarks as the winners of 2020 have them: 81 shared channels, one file a category.

All are written in one pass over a data set of any format, whole or not at all; images, items and categories have the
same numbers in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec import structs

from converters.formats.coco.writing import Ids, Writer, numbered
from converters.model import Dataset, Keypoints, KeypointSlot, Object, Sample, flat, garments, landmarks
from converters.model.findings import Finding, Findings
from converters.model.landmarks import AGGREGATED, Layout
from converters.transfer import losing, opening
from tltpipe.errors import DataError, UsageError
from tltpipe.files import replaced
from tltpipe.losses import Losses
from tltpipe.progress import Progress

SHARED, PER_CATEGORY, BOTH = "annotations_agg81kps", "annotations_per_category", "annotations_per_category_agg81kps"
"""Folders: of the 81 channels that garments share, of a file a category with all 294 points, and of both."""
WITHOUT_ITEMS = "images without items: they are in the file of no category"

_NAMES = tuple(str(number) for number in range(1, AGGREGATED + 1))
_SLOT = KeypointSlot(_NAMES, 0, AGGREGATED)


@dataclass(frozen=True)
class Written:
    """The ``files`` of a split; ``empty`` are the categories without items, which have no file of their own."""

    files: tuple[Path, ...]
    losses: Losses
    empty: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def aggregate(
    source: Path, target: Path, *, progress: Progress, format: str | None = None, images: Path | None = None,
    replace: bool = False,
) -> dict[str, Written]:  # fmt: skip
    """For each split of ``source`` a file in ``target``/annotations_agg81kps.

    ``format`` and ``images`` are as ``converters.splits`` has them. Raises DataError for a category that has no
    garment's landmarks, UsageError for a file that is there unless it is to be ``replace``d, and as that does.
    """
    return _written(source, target, _Aggregating, progress, format, images, replace=replace)


def split(
    source: Path, target: Path, *, progress: Progress, format: str | None = None, images: Path | None = None,
    replace: bool = False,
) -> dict[str, Written]:  # fmt: skip
    """For each split and category of ``source`` a file in ``target``/annotations_per_category, and one of the 81
    channels in annotations_per_category_agg81kps. As ``aggregate`` otherwise."""
    return _written(source, target, _Splitting, progress, format, images, replace=replace)


def aggregated(thing: Object) -> Object:
    """``thing``, a garment, with its points in the channels that garments share."""
    layout = landmarks.layout(thing.category)
    if layout is None or not thing.keypoints:
        return thing
    own, shared = flat(thing.keypoints), [0.0] * (3 * AGGREGATED)
    for point, channel in enumerate(layout.aggregated):
        shared[3 * channel - 3 : 3 * channel] = own[3 * point : 3 * point + 3]
    return structs.replace(thing, keypoints=Keypoints(shared))


@dataclass
class _Files:
    """Files that are begun when they are needed, and appear together when all is well."""

    dataset: Dataset
    stack: ExitStack
    writers: dict[Path, Writer] = field(default_factory=dict)

    def writer(self, path: Path, names: Sequence[str], *, shared: bool) -> Writer:
        """That of the file ``path``, which has the categories ``names``, with ``shared`` channels or all points."""
        if path not in self.writers:
            slots = dict.fromkeys(names, _SLOT) if shared else {name: self.dataset.keypoints[name] for name in names}
            numbers = numbered(self.dataset.categories, self.dataset.ids)
            writer = Writer(
                self.stack.enter_context(replaced(path, folder=False)), names, keypoints=slots,
                supercategories=self.dataset.supercategories, joint_pairs=self.dataset.joint_pairs,
                ids={name: numbers[name] for name in names},
            )  # fmt: skip
            self.writers[path] = self.stack.enter_context(writer)
        return self.writers[path]


class _Aggregating:
    """One file of the split ``name``."""

    def __init__(self, files: _Files, target: Path, name: str) -> None:
        self.writer = files.writer(self.paths(target, name, files.dataset)[0], files.dataset.categories, shared=True)
        self.ids = Ids()

    @staticmethod
    def paths(target: Path, name: str, dataset: Dataset) -> list[Path]:  # noqa: ARG004
        return [target / SHARED / f"{name}_coco.json"]

    def add(self, sample: Sample, losses: Losses) -> None:
        entry = self.writer.recorder.record(_aggregated(sample))
        numbered_records = zip(entry.annotations, self.ids.annotations, strict=False)
        self.writer.write([(self.ids.image(entry), entry.image, numbered_records)])
        losses.count_written(images=1, items=len(sample.objects))


class _Splitting:
    """A file for each category of the split ``name``, and one of its shared channels."""

    def __init__(self, files: _Files, target: Path, name: str) -> None:
        self.files, self.target, self.name, self.ids = files, target, name, Ids()

    @staticmethod
    def paths(target: Path, name: str, dataset: Dataset) -> list[Path]:
        return [
            target / folder / f"{name}_coco_category_{garments.BY_NAME[category.lower()].id}.json"
            for category in dataset.categories
            for folder in (PER_CATEGORY, BOTH)
        ]

    def add(self, sample: Sample, losses: Losses) -> None:
        numbers = [next(self.ids.annotations) for _ in sample.objects]
        image: int | None = None
        for category in dict.fromkeys(thing.category for thing in sample.objects):
            own = [place for place, thing in enumerate(sample.objects) if thing.category == category]
            part = structs.replace(sample, objects=tuple(sample.objects[place] for place in own))
            for path, shared in zip(self._paths(category), (False, True), strict=True):
                writer = self.files.writer(path, (category,), shared=shared)
                entry = writer.recorder.record(_aggregated(part) if shared else part)
                image = self.ids.image(entry) if image is None else image
                kept = zip(entry.annotations, (numbers[place] for place in own), strict=True)
                writer.write([(image, entry.image, kept)])
        if image is None:
            losses.lose(WITHOUT_ITEMS, images=1)
        else:
            losses.count_written(images=1, items=len(sample.objects))

    def _paths(self, category: str) -> list[Path]:
        return self.paths(self.target, self.name, replace(self.files.dataset, categories=(category,)))


def _aggregated(sample: Sample) -> Sample:
    return structs.replace(sample, objects=tuple(map(aggregated, sample.objects)))


def _written(
    source: Path, target: Path, kind: type[_Aggregating | _Splitting], progress: Progress, format: str | None,
    images: Path | None, *, replace: bool,
) -> dict[str, Written]:  # fmt: skip
    _, datasets = opening.splits(source, format, images=images)
    planned = {name: kind.paths(target, name, dataset) for name, dataset in _garments(source, datasets)}
    for path in (path for paths in planned.values() for path in paths):
        if path.exists() and not replace:
            raise UsageError("is there already", where=path, hint="choose another folder, or --force to replace it")
    with ExitStack() as stack:
        return {
            name: _through(datasets[name], _Files(datasets[name], stack), kind, target, name, progress)
            for name in planned
        }


def _garments(source: Path, datasets: Mapping[str, Dataset]) -> Iterator[tuple[str, Dataset]]:
    """``datasets``, each with its name. Raises DataError for one of other things than garments with landmarks."""
    for name, dataset in datasets.items():
        missing = [each for each in dataset.categories if not _has_landmarks(dataset, each)]
        if missing:
            what = f"no landmarks of a garment of DeepFashion2 in the {name} split: {', '.join(missing[:10])}"
            known = ", ".join(garments.BY_NAME)
            hint = f"tltpipe convert --classes leaves categories out, --rename gives them their names: {known}"
            raise DataError(what, where=source, hint=hint)
        yield name, dataset


def _has_landmarks(dataset: Dataset, category: str) -> bool:
    layout: Layout | None = landmarks.layout(category)
    slot = dataset.keypoints.get(category)
    return layout is not None and bool(layout.aggregated) and slot is not None and slot.count == layout.count


def _through(
    dataset: Dataset, files: _Files, kind: type[_Aggregating | _Splitting], target: Path, name: str, progress: Progress
) -> Written:
    """All of ``dataset`` into ``files``."""
    findings, losses, seen = Findings(), Losses(), set[str]()
    writing = kind(files, target, name)
    keys = dataset.pictures.keys()
    with progress.bar(f"landmarks of {name}", total=len(keys)) as bar:
        for key in keys:
            sample = dataset.pictures.load(key, findings)
            losses.count_read(images=1, items=len(sample.objects))
            seen.update(thing.category for thing in sample.objects)
            writing.add(sample, losses)
            bar.advance()
    losing.count_findings(losses, findings)
    losses.require_balance()
    empty = tuple(each for each in dataset.categories if each not in seen)
    return Written(tuple(files.writers), losses, empty, (*dataset.findings, *findings))
