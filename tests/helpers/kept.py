"""Samples and records that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.model import Sample
from converters.model.findings import Findings
from converters.tfrecords.examples import Bytes, Feature, Floats, Integers, encode_record
from tltpipe.errors import DataError


@dataclass(frozen=True)
class Kept:
    """``samples`` as the pictures of a data set; the key is the place, and those at ``broken`` cannot be read."""

    samples: Sequence[Sample]
    inputs: Sequence[Path] = ()
    broken: Sequence[int] = ()

    def keys(self) -> Sequence[int]:
        return range(len(self.samples))

    def name(self, key: int) -> str:
        return self.samples[key].id

    def load(self, key: int, findings: Findings) -> Sample:  # noqa: ARG002
        if key in self.broken:
            raise DataError("is broken", where=self.samples[key].image)
        return self.samples[key]


FEATURES: dict[str, Feature] = {
    "frame/id": Bytes([b"images/train/000001"]),
    "frame/height": Integers([288]),
    "frame/width": Integers([300]),
    "target/object_class": Bytes([b"shorts", "café".encode()]),
    "target/truncation": Floats([0.1, 0.0]),
    "target/occlusion": Integers([3, -1]),
    "target/coordinates_x1": Floats([1.5, -2.25]),
    "target/coordinates_y1": Floats([2.5, 0.0]),
    "target/coordinates_x2": Floats([99.1, 300.0]),
    "target/coordinates_y2": Floats([77.7, 1000.37]),
}
"""A record of two objects."""


def skirt(number: int) -> bytes:
    """A record of a skirt on the picture ``images/<number, six digits>``, of 80 x 60 pixels."""
    columns = [[value] for value in (0.0, 0.0, 0.0, 10.0, 12.25, 60.0, 40.1, *[0.0] * 7)]
    return encode_record((f"images/{number:06d}", 60, 80), ["skirt"], columns)
