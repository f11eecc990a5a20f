"""One pass over the pictures: what is wrong with each, and a few bytes of each for what shows only in all of them."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converters.files import listing
from converters.files.strays import checksum
from converters.health import shapes
from converters.model import Sample, rules
from converters.model.findings import Findings
from converters.model.header import Header
from converters.pictures import headers
from converters.pictures.orientation import turned_size
from tltpipe.errors import DataError

UNSEEN = -1
"""The bytes of a picture that could not be looked at."""

KINDS = {extension: format for format, extensions in listing.FORMATS.items() for extension in extensions}
"""What a picture with this extension must be."""

_MOST = 65_535  # items that are counted of one picture
_HIGHEST = (1 << 62) - 1  # pair id or style


@dataclass
class Tally:
    """What is counted: items by class; pictures that are ``broken``; those on their side annotated as ``stored``, and
    as EXIF shows them (``shown``); items that are marked as ``crowds``, and those with each attribute, by its place in
    ``attributes``. ``polygons``: some items have one."""

    classes: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    stored: int = 0
    shown: int = 0
    crowds: int = 0
    polygons: bool = False
    attributes: Counter[int] = field(default_factory=Counter)

    def merge(self, other: Tally) -> None:
        self.classes.update(other.classes)
        self.broken += other.broken
        self.stored += other.stored
        self.shown += other.shown
        self.crowds += other.crowds
        self.polygons |= other.polygons
        self.attributes.update(other.attributes)


@dataclass
class Looks:
    """Gathers a chunk. ``points``: landmarks of each category that has any; ``deep``: decode every picture.

    ``identities``: keep garments. Arrays have an entry for each picture that was read: ``names`` check sums of the
    ids and ``paths`` of the files without extension; ``bytes`` and ``heads`` as in ``images.Header``; ``sizes`` width
    times 2**32 plus height, 0 where unknown; ``items`` how many; ``hashes`` the perceptual ones, or 0 (deep only).
    ``garments`` are pairs of (pair_id, style).
    """

    points: Mapping[str, int]
    deep: bool
    annotated: bool
    identities: bool = True
    names: array[int] = field(default_factory=lambda: array("I"))
    paths: array[int] = field(default_factory=lambda: array("I"))
    bytes: array[int] = field(default_factory=lambda: array("q"))
    heads: array[int] = field(default_factory=lambda: array("I"))
    sizes: array[int] = field(default_factory=lambda: array("Q"))
    items: array[int] = field(default_factory=lambda: array("H"))
    hashes: array[int] = field(default_factory=lambda: array("Q"))
    garments: set[tuple[int, int]] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)

    def add(self, sample: Sample, findings: Findings) -> None:
        objects = sample.objects
        if self.annotated:
            findings.kinds.pop(rules.NO_LANDMARKS, None)  # counted here, for all formats alike
            shapes.judge(sample, self.points, findings)
            if sample.ignored:
                findings.add(rules.IGNORE_REGION, sample.id, count=len(sample.ignored))
        header, look = self._look(sample, findings)
        self.names.append(checksum(sample.id))
        self.paths.append(checksum(sample.image_path.rpartition(".")[0]))
        self.items.append(min(len(objects), _MOST))
        if header is None:
            self.tally.broken += 1
            self.bytes.append(UNSEEN)
            self.heads.append(0)
            self.sizes.append(0)
        else:
            self.bytes.append(header.bytes)
            self.heads.append(header.head)
            self.sizes.append(header.width << 32 | header.height)
        if self.deep:
            self.hashes.append(look)
        tally = self.tally
        for thing in objects:
            tally.classes[thing.category] += 1
            tally.crowds += thing.crowd
            if thing.polygons:
                tally.polygons = True
            if thing.attributes:
                tally.attributes.update(thing.attributes)
            if self.identities and thing.style and thing.pair_id is not None and thing.style > 0:
                self.garments.add((min(thing.pair_id, _HIGHEST), min(thing.style, _HIGHEST)))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"points": {}}  # the parent has its own

    def _look(self, sample: Sample, findings: Findings) -> tuple[Header | None, int]:
        """The header, None for a picture that cannot be used, and the perceptual hash where that is asked for."""
        path, look = sample.image_path, 0
        try:
            seen = findings.looked
            header = seen[1] if seen is not None and seen[0] == path else headers.header(path)
            if self.deep and header.whole:
                from converters.pictures import perceptual

                look = perceptual.hash64(path)
        except DataError as problem:
            findings.add(rules.by_code(problem.code), problem)
            return None, look
        if not header.whole:
            findings.add(rules.CUT_PICTURE, sample.id)
            return None, look
        findings.kinds.pop(rules.FRAMES, None)
        if header.animated:
            findings.add(rules.FRAMES, sample.id)
        if header.mode != "RGB":
            findings.add(rules.NOT_RGB, f"{sample.id} ({header.mode})")
        extension = path.rpartition(".")[2]
        kind = KINDS.get(extension) or KINDS.get(extension.lower(), header.format)
        if kind != header.format:
            findings.add(rules.OTHER_KIND, f"{sample.file_name} is a {header.format}")
        if header.orientation != 1 or (header.width, header.height) != (sample.width, sample.height):
            self._sides(sample, header, findings)
        return header, look

    def _sides(self, sample: Sample, header: Header, findings: Findings) -> None:
        """A picture that is turned, or recorded with another size."""
        recorded, stored = (sample.width, sample.height), (header.width, header.height)
        shown = turned_size(*stored, header.orientation)
        findings.kinds.pop(rules.ROTATED, None)
        if recorded not in (stored, shown):
            is_size = f"is {header.width} x {header.height}, annotated as {sample.width} x {sample.height}"
            findings.add(rules.OTHER_SIZE, f"{sample.id} {is_size}")
        elif recorded != stored:
            self.tally.shown += 1
            findings.add(rules.SIZE_AS_SHOWN, sample.id)
        else:
            self.tally.stored += recorded != shown
            findings.add(rules.ROTATED, f"{sample.id} (orientation {header.orientation})")
