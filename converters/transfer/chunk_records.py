"""What the writers need of a chunk of samples, and the counts of its losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from converters.files.strays import packed_checksum
from converters.formats import Recorder
from converters.model import Box, Object, Sample, geometry, rules, validity
from converters.model.findings import Findings
from converters.pictures import image_sizes
from converters.transfer import losing
from converters.transfer.passes import classes_of
from converters.transfer.selection import Selection
from tltpipe.losses import Losses


@dataclass
class Records:
    """Gathers what the writers need of a chunk: bytes and text, far cheaper to hand over than samples.

    ``images_needed``: an image that is not there is an error. ``plain``: an output holds boxes, but no crowds.
    Images and items are counted apart from the ``losses`` until they are merged: it is done for every picture.
    ``names`` and ``paths`` are check sums of the pictures' names and files (``converters.files.strays``), and of
    those of their annotations; ``page`` is the last of these.
    """

    recorders: tuple[Recorder, ...]
    selection: Selection
    keypoints: frozenset[str]
    lost: tuple[str, ...]
    annotated: bool = True
    images_needed: bool = False
    plain: bool = False
    crowds: int = 0
    records: list[list[Any]] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    images_read: int = 0
    items_read: int = 0
    images_written: int = 0
    items_written: int = 0
    selected_away: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    names: bytearray = field(default_factory=bytearray)
    paths: bytearray = field(default_factory=bytearray)
    page: str | None = None

    def add(self, sample: Sample, findings: Findings) -> None:
        away: dict[str, int] = {}
        sample = image_sizes.checked(sample, findings, needed=self.images_needed)
        kept = self.selection.apply(sample, away) if self.annotated else sample
        if kept is not None:
            if self.annotated:
                kept = self._placed(validity.settled(kept, findings), away)
            self.records.append([recorder.record(kept) for recorder in self.recorders])
            self._count_written(kept, findings)
        self._count_read(sample, kept)
        if away:
            _add(self.selected_away, away)
        self.names += packed_checksum(sample.id)
        self.paths += packed_checksum(sample.image_path.rpartition(".")[0])
        if sample.annotations_path is not None and sample.annotations_path != self.page:
            self.page = sample.annotations_path  # that of the next sample, too, where one file is for all
            self.paths += packed_checksum(self.page.rpartition(".")[0])

    def _count_written(self, sample: Sample, findings: Findings) -> None:
        _count(self.losses.classes_written, sample.objects)
        self.images_written += 1
        self.items_written += len(sample.objects)
        for thing in sample.objects:
            if thing.crowd:
                self.crowds += 1
                if self.plain:
                    findings.add(rules.CROWD_AS_BOX, validity.title(thing, sample))
        if self.lost:
            self._count_lost(sample, findings)

    def _count_read(self, sample: Sample, kept: Sample | None) -> None:
        name, losses = self.selection.name, self.losses
        _count(losses.classes_read, sample.objects, self.selection.rename)
        self.images_read += 1
        self.items_read += len(sample.objects)
        if kept is not None and len(kept.objects) == len(sample.objects):
            return
        if self.selection.sources and sample.source not in self.selection.sources:
            losses.lose(losing.chosen("source"), images=1, classes=map(name, classes_of(sample)))
            return
        for thing in sample.objects:
            thing = structs.replace(thing, category=name(thing.category))
            if reason := self.selection.reason(thing):
                losses.lose(losing.chosen(reason), classes=(thing.category,))
        if kept is None:
            losses.lose(losing.chosen("left empty"), images=1)

    def merge(self, others: Records) -> None:
        """Count all of ``others``, too; their records and check sums are somebody else's."""
        self.losses.merge(others.losses)
        self.losses.count_read(images=others.images_read, items=others.items_read)
        self.losses.count_written(images=others.images_written, items=others.items_written)
        _add(self.selected_away, others.selected_away)
        _add(self.dropped, others.dropped)
        self.crowds += others.crowds

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"recorders": (), "page": None}  # the parent has its own

    def _placed(self, sample: Sample, away: dict[str, int]) -> Sample:
        """Without landmarks of classes that have none (any more)."""
        misplaced = [thing for thing in sample.objects if thing.category not in self.keypoints and thing.keypoints]
        if not misplaced:
            return sample
        away["landmarks of merged classes"] = away.get("landmarks of merged classes", 0) + len(misplaced)
        objects = (
            thing if thing.category in self.keypoints else structs.replace(thing, keypoints=())
            for thing in sample.objects
        )
        return structs.replace(sample, objects=tuple(objects))

    def _count_lost(self, sample: Sample, findings: Findings) -> None:
        for name in self.lost:
            if name == "ignored":
                if sample.ignored:
                    findings.add(rules.IGNORE_REGION, sample.id, count=len(sample.ignored))
                continue
            count = OF_IMAGES[name](sample) if name in OF_IMAGES else sum(HAS[name](thing) for thing in sample.objects)
            if count:
                self.dropped[name] = self.dropped.get(name, 0) + count


def _own_box(thing: Object) -> bool:
    """Whether the box is another than its polygons have, or its mask."""
    if thing.polygons:
        around: Box | None = geometry.extent(thing.polygons)
    else:
        from converters.model import run_lengths

        around = run_lengths.box(thing.mask) if thing.mask is not None else thing.box
    box = thing.box
    return around is None or max(abs(getattr(box, side) - getattr(around, side)) for side in _SIDES) > validity.ROUNDING


_SIDES = ("left", "top", "right", "bottom")

HAS: Mapping[str, Callable[[Object], bool]] = {
    "box": _own_box,
    "polygons": lambda thing: bool(thing.polygons),
    "keypoints": lambda thing: bool(thing.keypoints),
    "mask": lambda thing: thing.mask is not None,
    "crowd": lambda thing: thing.crowd,
    "occlusion": lambda thing: thing.occlusion != 0,
    "truncation": lambda thing: thing.truncation != 0,
    "pair_id": lambda thing: thing.pair_id is not None,
    "style": lambda thing: thing.style is not None,
    "extra": lambda thing: bool(thing.extra),
    "attributes": lambda thing: bool(thing.attributes or thing.unknown_attributes),
}
"""Whether an object has the field at all, for every field that a format may not carry; boxes alone survive as such."""


def _merged(sample: Sample) -> int:
    """How many objects are of the class of another."""
    return len(sample.objects) - len({thing.category for thing in sample.objects})


OF_IMAGES: Mapping[str, Callable[[Sample], int]] = {
    "source": lambda sample: int(sample.source is not None),
    "void": lambda sample: int(sample.void is not None),
    "instances": _merged,
}
"""How often an image has what a format may not carry. "instances" are objects apart from others of their class."""

FIELDS = (*HAS, *OF_IMAGES, "ignored")


def _count(counts: dict[str, int], objects: Sequence[Object], names: Mapping[str, str] | None = None) -> None:
    """Count each object's class, by its new name where ``names`` has one."""
    for thing in objects:
        name = names.get(thing.category, thing.category) if names else thing.category
        counts[name] = counts.get(name, 0) + 1


def _add(counts: dict[str, int], others: Mapping[str, int]) -> None:
    for name, count in others.items():
        counts[name] = counts.get(name, 0) + count
