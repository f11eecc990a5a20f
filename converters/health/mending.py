"""A copy of a data set in which what can be put right is, and nothing else is changed.

Pictures that cannot be used are left out, and so is every further copy of a picture: of several splits the test and
validation splits keep theirs, so that scores stay comparable, and training loses one of many; in a split the one with
the most items stays. Boxes are put right or go. Pictures that EXIF turns, that are not RGB, or not what their name
says, are stored anew; all others are linked as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from converters.health import examine, storing
from converters.health.report import Report
from converters.model import Dataset, Pictures, Sample, listed, rules
from converters.model.findings import Finding, Findings
from converters.model.header import Header
from converters.model.splits import Place
from converters.pictures import headers as images
from converters.pictures import orientation
from converters.pictures.orientation import turned_size
from converters.transfer import opening, outputs
from converters.transfer.convert import vacant
from converters.transfer.parts import Part, Summary
from converters.transfer.selection import Selection, joint
from converters.transfer.transfer import transfer
from tltpipe import losses
from tltpipe.errors import DataError
from tltpipe.files import remove, writable
from tltpipe.losses import Losses
from tltpipe.progress import Progress

_ASPECT = 0.01
"""By how much the shape of a picture may differ from the recorded one for it to be the same, scaled."""

Key = tuple[Any, str | None]
"""A key of the pictures, and the name of the picture that it is a copy of."""


@dataclass(frozen=True)
class Done:
    """What was read and written in which format, what became of each split, and what was put right, by rule."""

    source_format: str
    format: str
    splits: Mapping[str, Summary]

    @property
    def findings(self) -> tuple[Finding, ...]:
        total = Findings()
        for summary in self.splits.values():
            total.take(found for found in summary.findings if found.rule.mended)
        return total.all()

    @property
    def losses(self) -> Losses:
        """The balance of all splits."""
        return losses.total(summary.losses for summary in self.splits.values())


def mend(
    path: Path,
    out: Path,
    *,
    progress: Progress,
    report: Report | None = None,
    format: str | None = None,
    images: Path | None = None,
    deep: bool = False,
    replace: bool = False,
    allow_loss: bool = False,
    workers: int | None = None,
) -> Done:
    """Write a mended copy of the data set at ``path`` into the folder ``out``: in its own format, or as COCO.

    ``report`` is what ``examine`` said of it; without, it is asked. Pictures left out are listed in
    ``out/left-out.txt``. With ``allow_loss`` splits that cannot be opened are missing, and classes and splits may lose
    everything. A killed run goes on when started again. Raises as ``converters.transfer.convert.convert`` does.
    """
    journal = vacant(path, out, replace=replace)
    report = report or examine(path, format=format, images=images, deep=deep, progress=progress, workers=workers)
    written = report.format if hasattr(opening.module(report.format), "Writer") else "coco"
    places = opening.find(path, report.format, images=images)[1]
    found = _datasets(path, report, places)
    if not found:
        raise DataError("not one split can be opened: there is nothing to mend", where=path)
    if report.closed and not allow_loss:
        what = f"all of {', '.join(report.closed)} is lost: it cannot be opened"
        raise DataError(what, where=path, hint="mend the file that the findings name, or accept that: --allow-loss")
    scratch = out.parent / f".{out.name}.anew"
    remove(scratch)
    mended = {name: _mended(name, dataset, report, scratch / name) for name, dataset in found.items()}
    first = joint(list(mended.values()), Selection())[0]
    # What a format with several tasks is asked for; others do not know the word.
    options = {"task": "pose" if first.keypoints else "segment" if report.polygons else "detect"}
    parts = [
        Part(
            name,
            dataset,
            outputs.plan(written, out, name, options=options),
            () if report.closed else ((places[name], dataset.pictures),),
        )
        for name, dataset in mended.items()
    ]
    texts = outputs.texts(written, out, first.categories, list(mended), keypoints=first.keypoints, options=options)
    left_out, old = out / outputs.LEFT_OUT, outputs.former(out)
    try:
        done = transfer(
            parts,
            journal=journal,
            progress=progress,
            what="mend",
            texts=texts,
            left_out=left_out,
            skip_bad=True,
            allow_loss=allow_loss,
            roots=[path] if path.is_dir() and not report.closed else (),
            workers=workers,
        )
    finally:
        remove(scratch)  # what has been done lies in the staging folders, too
    told = [left_out] if any(split.skipped for split in done.values()) else []
    outputs.replaced(out, old, parts, [*texts, *told])
    return Done(report.format, written, done)


def _datasets(path: Path, report: Report, places: Mapping[str, Place]) -> dict[str, Dataset]:
    options = {"any_kind": True}  # such pictures are stored anew
    return {
        name: opening.read_all(path, {name: place}, report.format, options=options)[name]
        for name, place in places.items()
        if name not in report.closed
    }


def _mended(name: str, dataset: Dataset, report: Report, scratch: Path) -> Dataset:
    spare = dict(report.spare.get(name, {}))
    points = {category: slot.count for category, slot in dataset.keypoints.items()}
    choice = hashlib.sha256(repr(sorted(spare.items())).encode("utf-8", "surrogatepass")).hexdigest()
    settings = {"shown": name in report.shown, "deep": report.deep, "annotated": dataset.annotated}
    return replace(dataset, pictures=Mended(dataset.pictures, points, scratch, choice, spare=spare, **settings))


@dataclass(frozen=True)
class Mended:
    """The pictures of a split, put right as they are loaded.

    ``scratch`` is a folder for pictures that are stored anew. ``shown``: turned pictures of which nothing else tells
    are annotated as shown. ``choice`` is a hash of ``spare``, the copies; worker processes find those in their keys.
    """

    pictures: Pictures
    points: Mapping[str, int]
    scratch: Path
    choice: str
    shown: bool = False
    deep: bool = False
    annotated: bool = True
    spare: Mapping[int, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def inputs(self) -> Sequence[Path]:
        return self.pictures.inputs

    def keys(self) -> list[Key]:
        return [(key, self.spare.get(place)) for place, key in enumerate(self.pictures.keys())]

    def name(self, key: Key) -> str:
        return self.pictures.name(key[0])

    def items(self, key: Key) -> tuple[str, ...]:
        return listed(self.pictures, key[0] if len(key) == 2 else key)

    def load(self, key: Key, findings: Findings) -> Sample:
        """The picture of ``key``, mended. Raises DataError for one that is left out."""
        inner, other = key
        sample = self.pictures.load(inner, findings)
        if other is not None:
            what = f"this picture is the same as {other}"
            raise DataError(what, where=sample.image, code=rules.SAME_PICTURE.code)
        header = self._header(sample, findings)
        findings.kinds.pop(rules.ROTATED, None)
        sample = self._sized(sample, header, findings)
        if self.annotated:
            before, sample = len(sample.objects), storing.repaired(sample, self.points, findings)
            if dropped := before - len(sample.objects):
                findings.add(rules.DROPPED_ITEM, sample.id, count=dropped)
        return sample if storing.fits(sample.image, header) else self._stored(sample, header, findings)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"spare": {}}

    def _header(self, sample: Sample, findings: Findings) -> Header:
        seen = findings.looked
        header = seen[1] if seen is not None and seen[0] == sample.image_path else images.header(sample.image_path)
        if not header.whole:
            raise DataError("this picture is cut off", where=sample.image, code=rules.CUT_PICTURE.code)
        if self.deep:
            images.decode(sample.image_path)
        return header

    def _sized(self, sample: Sample, header: Header, findings: Findings) -> Sample:
        """``sample`` as it lies on the upright picture."""
        stored, recorded, turn = (header.width, header.height), (sample.width, sample.height), header.orientation
        shown = turned_size(*stored, turn)
        if recorded not in (stored, shown):
            size = next((size for size in (stored, shown) if _same_shape(recorded, size)), None)
            if size is None:
                what = f"this picture is {stored[0]} x {stored[1]}, but annotated as {recorded[0]} x {recorded[1]}"
                raise DataError(what, where=sample.image, code=rules.OTHER_SIZE.code)
            sample, recorded = storing.scaled(sample, size), size
            findings.add(rules.OTHER_SIZE, sample.id)
        if turn == orientation.UPRIGHT:
            return sample
        if self.shown if stored == shown else recorded == shown:
            findings.add(rules.SIZE_AS_SHOWN, sample.id)
            return sample
        findings.add(rules.ROTATED, sample.id)
        return orientation.turned_sample(sample, turn)

    def _stored(self, sample: Sample, header: Header, findings: Findings) -> Sample:
        """``sample`` with its picture stored anew in the scratch folder."""
        image = sample.image
        target = self.scratch / f"{sample.id}{storing.suffix(image)}"
        with writable(self.scratch):
            storing.store(image, header, target)
        if header.mode != "RGB":
            findings.add(rules.NOT_RGB, sample.id)
        if header.format != storing.kind(image, header):
            findings.add(rules.OTHER_KIND, sample.id)
        return structs.replace(sample, image_path=str(target))


def _same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= _ASPECT
