"""Files that lie among the pictures and annotations of a data set and belong to none of its pictures.

What is known of the pictures are check sums of their names, four bytes each, so that one listing of each folder is all
that it takes.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from converters.files import listing
from converters.model import classes
from converters.model.splits import Place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sums = array[int] | NDArray[np.uint32]

ANNOTATIONS = frozenset(("json", "txt", "xml"))
"""Extensions of files that each say what is on one picture."""

_BLOCK = 65_536


def _none() -> Sums:
    return array("I")


@dataclass(frozen=True)
class Claim:
    """What belongs to one split: where it lies, and check sums of the ``names`` of its pictures (``Sample.id``).

    ``paths`` are check sums of picture files without extension, which need not be called after the name. ``labels``:
    files of annotations may be strays, too; where their names are all among ``names`` nobody needs to look.
    """

    place: Place
    names: Sums
    paths: Sums = field(default_factory=_none)
    labels: bool = True


@dataclass(frozen=True)
class Stray:
    """A file that no claim fits: ``path`` below ``folder``, in the folders of the claim with that number."""

    folder: Path
    path: str
    claim: int

    @property
    def extension(self) -> str:
        return self.path.rpartition(".")[2].lower()

    @property
    def name(self) -> str:
        """Its whole path, without the extension."""
        return f"{self.folder}/{self.path.rpartition('.')[0]}"


def checksum(name: str, start: int = 0) -> int:
    """That of a name; ``start`` is the one of what stands before it."""
    return crc32(name.encode("utf-8", "surrogatepass"), start)


def packed_checksum(name: str) -> bytes:
    """As ``checksum``, in four bytes: of a large number of names no more is held, nor handed over."""
    return checksum(name).to_bytes(4, "little")


def checksums(packed: bytearray) -> array[int]:
    """Those that ``packed`` holds, one after the other."""
    sums = array("I", packed)
    if sys.byteorder == "big":
        sums.byteswap()
    return sums


def strays(claims: Sequence[Claim], *, besides: Sequence[Path] = ()) -> Iterator[Stray]:
    """All strays of the folders of ``claims``, each of which is listed once; none of what lies in ``besides``.

    A picture counts wherever none is known by that name; another file only among such that do belong to a picture.
    Raises DataError for a folder that cannot be read.
    """
    for folder in _outermost(_looked_into(claim) for claim in claims):
        inner = [
            _Inner(f"{below}/"[len(f"{folder}/") :], number, claim)
            for number, claim in enumerate(claims)
            for below in _looked_into(claim)
            if below == folder or below.is_relative_to(folder)
        ]
        others = [each for each in besides if each.is_relative_to(folder)]
        for path in _strays(folder, inner):
            if not any((folder / path).is_relative_to(other) for other in others):
                yield Stray(folder, path, _owner(path, inner))


def outside(root: Path, claims: Sequence[Claim], *, besides: Sequence[Path] = ()) -> list[Path]:
    """The pictures that lie below ``root``, but in no folder of ``claims`` and in none of ``besides``.

    Nothing where the pictures of a split lie in ``root`` itself: then ``strays`` has them. A folder in ``root`` with a
    class map of its own is another data set, made of this one.
    """
    known = [folder for claim in claims for folder in folders(claim.place)]
    if any(root.is_relative_to(folder) for folder in known):
        return []
    others = (path for path in root.iterdir() if (path / classes.NAME).is_file())
    made = [path for path in others if not any(folder.is_relative_to(path) for folder in known)]
    return [root / path for path in listing.files(root, listing.PICTURES, without=[*known, *besides, *made])]


def folders(place: Place) -> list[Path]:
    """Those that hold the pictures, and annotations with a file for each of them."""
    found = [place.images] if place.images.is_dir() else []
    # A file for each picture lies in a folder of its own; one file for all is no folder.
    return [*found, place.annotations] if place.annotations.is_dir() else found


def _looked_into(claim: Claim) -> list[Path]:
    found = folders(claim.place)
    return found if claim.labels else [folder for folder in found if folder == claim.place.images]


def meet(one: Place, other: Place) -> bool:
    """Whether two splits have a folder in common, or one within the other's."""
    pairs = ((a, b) for a in folders(one) for b in folders(other))
    return any(a.is_relative_to(b) or b.is_relative_to(a) for a, b in pairs)


@dataclass(frozen=True)
class _Inner:
    """A folder of a claim, as the ``start`` of paths below the outermost one."""

    start: str
    number: int
    claim: Claim


def _owner(path: str, inner: Sequence[_Inner]) -> int:
    """The claim whose folder is the nearest one around ``path``."""
    around = [each for each in inner if path.startswith(each.start)] or inner
    return max(around, key=lambda each: len(each.start)).number


def _outermost(every: Iterable[Sequence[Path]]) -> list[Path]:
    known = sorted({folder for some in every for folder in some})
    return [folder for folder in known if not any(folder.is_relative_to(o) and folder != o for o in known)]


def _strays(folder: Path, inner: Sequence[_Inner]) -> Iterator[str]:
    pictures, known = listing.PICTURES | listing.UNSUPPORTED, _Known.to(folder, inner)
    unclaimed = [path for _, free in known.blocks(folder, pictures | ANNOTATIONS) for path in free if _counts(path)]
    others = frozenset(path.rpartition(".")[2].lower() for path in unclaimed) - pictures
    belonging = (path for paths, free in known.blocks(folder, others) for path in set(paths).difference(free))
    counted = pictures | {path.rpartition(".")[2].lower() for path in belonging if _counts(path)}
    return (path for path in unclaimed if path.rpartition(".")[2].lower() in counted)


def _counts(path: str) -> bool:
    """Whether this is not what programs leave behind."""
    return not path.rpartition("/")[2].startswith("_")


@dataclass(frozen=True)
class _Known:
    """Check sums of what the claims in a folder have: names, for each ``start`` of a path, and ``whole`` paths, which
    begin with the check sum ``top``."""

    names: Sequence[tuple[str, array[int]]]
    whole: array[int]
    top: int

    @classmethod
    def to(cls, folder: Path, inner: Sequence[_Inner]) -> _Known:
        starts = dict.fromkeys(each.start for each in inner)
        names = [(start, _joined(each.claim.names for each in inner if each.start == start)) for start in starts]
        return cls(names, _joined(each.claim.paths for each in inner), checksum(f"{folder}/"))

    def blocks(self, folder: Path, extensions: frozenset[str]) -> Iterator[tuple[list[str], list[str]]]:
        """Paths of the files below ``folder``, a block at a time, and those of them that belong to no picture."""
        files = listing.files(folder, extensions) if extensions else iter(())
        # All that is known is gone through once a block, of which there are never many.
        while block := list(islice(files, max(_BLOCK, sum(len(sums) for _, sums in self.names) // 8))):
            yield block, self._free(block)

    def _free(self, paths: list[str]) -> list[str]:
        for start, names in self.names:
            sums = [checksum(path[len(start) :].rpartition(".")[0]) for path in paths]
            free = set(sums).difference(names)
            paths = [p for p, own in zip(paths, sums, strict=True) if own in free or not p.startswith(start)]
        if paths and self.whole:
            sums = [checksum(path.rpartition(".")[0], self.top) for path in paths]
            free = set(sums).difference(self.whole)
            paths = [path for path, own in zip(paths, sums, strict=True) if own in free]
        return paths


def _joined(some: Iterable[Sums]) -> array[int]:
    return array("I", b"".join(sums.tobytes() for sums in some))
