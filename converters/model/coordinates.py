"""Whether coordinates count pixels, as they do inside, or are shares of the image's width and height.

A file in pixels that holds shares reads without a fault: its boxes are all smaller than a pixel. No data set is like
that, so it is an error, unless the user says what the coordinates are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import structs

from converters.model import Box, Pictures, Sample, Wrapped, geometry, rules
from converters.model.findings import Findings
from tltpipe.errors import DataError, UsageError

KINDS = ("pixels", "shares")


@dataclass
class Evidence:
    """What the boxes of a split, or of a chunk of it, say.

    ``pixels``: one of them is a pixel large, or reaches beyond the first pixel and is. ``shares`` is the place of the
    first that is smaller. A box of exactly the first pixel, or the whole image in shares, says nothing.
    """

    pixels: bool = False
    shares: str = ""

    def look(self, sample: Sample) -> None:
        """Take the boxes of ``sample`` into account; not worth calling once ``pixels`` is set."""
        for thing in sample.objects:
            box = thing.box
            small = box.right - box.left < 1 and box.bottom - box.top < 1
            if not small and (box.right > 1 or box.bottom > 1):
                self.pixels = True
                return
            if not self.shares and (small or box.right < 1 or box.bottom < 1):
                self.shares = str(sample.where(thing))

    def merge(self, other: Evidence) -> None:
        self.pixels = self.pixels or other.pixels
        self.shares = self.shares or other.shares

    def judge(self) -> None:
        """Raises DataError where all boxes are smaller than a pixel."""
        if self.shares and not self.pixels:
            what = "all boxes of this split are smaller than a pixel, as if their coordinates were shares from 0 to 1"
            hint = (
                "tltpipe convert SRC DST --coordinates shares scales them by the image's size "
                "(data.coordinates in tltpipe.yaml); pixels takes them as they are"
            )
            raise DataError(what, where=self.shares, hint=hint, code=rules.SHARES.code)


@dataclass(frozen=True)
class Declared(Wrapped):
    """Pictures of which the user says what their ``coordinates`` are."""

    coordinates: str

    def load(self, key: Any, findings: Findings) -> Sample:
        sample = self.pictures.load(key, findings)
        if self.coordinates == "pixels":
            return sample
        across, down = sample.width, sample.height
        objects = tuple(
            structs.replace(
                geometry.scaled(thing, across, down), box=_rounded(geometry.scaled_box(thing.box, across, down))
            )
            for thing in sample.objects
        )
        ignored = tuple(_rounded(geometry.scaled_box(box, across, down)) for box in sample.ignored)
        return structs.replace(sample, objects=objects, ignored=ignored)


def _rounded(box: Box) -> Box:
    """Without the noise of the multiplication: a ten-thousandth of a pixel is more than shares have."""
    return Box(*(round(value, 4) for value in (box.left, box.top, box.right, box.bottom)))


def declared(pictures: Pictures, coordinates: str) -> Declared:
    """``pictures`` with ``coordinates`` as the user calls them. Raises UsageError for another word than ``KINDS``."""
    if coordinates not in KINDS:
        raise UsageError(f'coordinates cannot be "{coordinates[:40]}"', hint=f"choose from {', '.join(KINDS)}")
    return Declared(pictures, coordinates)
