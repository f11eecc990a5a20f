"""What is taken down of each picture, in worker processes."""

from __future__ import annotations

import hashlib
import os
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from converters.model import Sample, rules, validity
from converters.model.findings import Findings
from converters.pictures import image_sizes, perceptual
from tltpipe import inputs
from tltpipe.errors import DataError

UNSEEN = -1
"""The size of a picture whose file is not there."""

_HEAD = 4096


@dataclass
class Traits:
    """Gathers a chunk. ``scope`` tells the garments of data sets that number them apart.

    ``needed``: a picture whose file is missing cannot be used; ``alike``: look at the pictures too; ``listed``: keep
    their paths.
    """

    categories: Mapping[str, int]
    scope: str
    needed: bool
    alike: bool
    listed: bool
    sizes: array[int] = field(default_factory=lambda: array("q"))
    heads: array[int] = field(default_factory=lambda: array("L"))
    looks: array[int] = field(default_factory=lambda: array("Q"))
    owners: array[int] = field(default_factory=lambda: array("q"))
    kinds: array[int] = field(default_factory=lambda: array("q"))
    garment_owners: array[int] = field(default_factory=lambda: array("q"))
    garments: array[int] = field(default_factory=lambda: array("Q"))
    paths: list[str] = field(default_factory=list)
    highest_pair: int = 0

    def add(self, sample: Sample, findings: Findings) -> None:
        sample = validity.settled(image_sizes.checked(sample, findings), findings)
        size, head = _stamp(sample.image_path, findings)
        if self.needed and size == UNSEEN:
            raise DataError("this picture is missing", where=sample.image_path, hint=_HINT, code=rules.NO_PICTURE.code)
        if self.alike:
            self.looks.append(perceptual.hash64(sample.image_path) if size != UNSEEN else perceptual.FLAT)
        if self.listed:
            self.paths.append(sample.image_path)
        number = len(self.sizes)
        self.sizes.append(size)
        self.heads.append(head)
        for thing in sample.objects:
            self.owners.append(number)
            self.kinds.append(self.categories[thing.category])
            pair, style = thing.pair_id, thing.style
            if pair is not None:
                self.highest_pair = max(self.highest_pair, pair)
                if style is not None and style > 0:
                    self.garment_owners.append(number)
                    self.garments.append(_garment(self.scope, pair, style))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"categories": {}}  # the parent has its own


_HINT = "put it there, or leave such pictures out with --skip-bad"


def _stamp(path: str, findings: Findings) -> tuple[int, int]:
    """Size in bytes and a check sum of the first of them; those of equal files are equal."""
    seen = findings.looked
    if seen is not None and seen[0] == path:
        return seen[1].bytes, seen[1].head
    try:
        file = inputs.handle(path)
    except OSError:
        return UNSEEN, 0
    try:
        return os.fstat(file).st_size, zlib.crc32(os.pread(file, _HEAD, 0))
    except OSError:  # a folder
        return UNSEEN, 0
    finally:
        os.close(file)


@lru_cache(maxsize=1024, typed=True)  # images of one garment mostly follow one another
def _garment(scope: str, pair: int, style: int) -> int:
    return hashed(f"{scope}\0{pair}\0{style}")


def hashed(text: str) -> int:
    """64 bits of a hash that is the same on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
