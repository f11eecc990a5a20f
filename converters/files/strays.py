"""Files that lie among the pictures and annotations of a data set and belong to none of its pictures.

What is known of the pictures are check sums of their names, four bytes each, so that one listing of each folder is all
that it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from converters.files import listing
from converters.model import classes
from converters.model.splits import Place

ANNOTATIONS = frozenset(("json", "txt", "xml"))
"""Extensions of files that each say what is on one picture."""

_BLOCK = 4096


def _none() -> NDArray[np.uint32]:
    return np.empty(0, np.uint32)


@dataclass(frozen=True)
class Claim:
    """What belongs to one split: where it lies, and check sums of the ``names`` of its pictures (``Sample.id``).

    ``paths`` are check sums of picture files without extension, which need not be called after the name. ``labels``:
    files of annotations may be strays, too; where their names are all among ``names`` nobody needs to look.
    """

    place: Place
    names: NDArray[np.uint32]
    paths: NDArray[np.uint32] = field(default_factory=_none)
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


def unpacked_checksums(packed: bytearray) -> NDArray[np.uint32]:
    """Those that ``packed`` holds, one after the other."""
    return np.frombuffer(packed, "<u4")


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
    pictures = listing.PICTURES | listing.UNSUPPORTED
    unclaimed = list(_unclaimed(folder, inner, pictures))
    others = {path.rpartition(".")[2].lower() for path in unclaimed} - pictures
    counted = pictures | (_belonging(folder, inner, others) if others else set())
    return (path for path in unclaimed if path.rpartition(".")[2].lower() in counted)


def _unclaimed(folder: Path, inner: Sequence[_Inner], pictures: frozenset[str]) -> Iterator[str]:
    """Paths below ``folder`` of files that no name fits."""
    for paths in _blocks(folder, pictures | ANNOTATIONS):
        free = ~_claimed(folder, paths, inner)
        yield from (path for path, is_free in zip(paths, free.tolist(), strict=True) if is_free)


def _belonging(folder: Path, inner: Sequence[_Inner], extensions: set[str]) -> set[str]:
    """Those of ``extensions`` of which a file that belongs to a picture lies in ``folder``."""
    found: set[str] = set()
    for paths in _blocks(folder, frozenset(extensions)):
        claimed = _claimed(folder, paths, inner).tolist()
        found |= {path.rpartition(".")[2].lower() for path, mine in zip(paths, claimed, strict=True) if mine}
    return found


def _claimed(folder: Path, paths: Sequence[str], inner: Sequence[_Inner]) -> NDArray[np.bool_]:
    claimed = np.zeros(len(paths), dtype=bool)
    for start, names in _merged(inner):
        length = len(start)
        sums = (checksum(path[length:].rpartition(".")[0]) if path.startswith(start) else 0 for path in paths)
        claimed |= np.isin(np.fromiter(sums, np.uint32, len(paths)), names)
    files = [each.claim.paths for each in inner if len(each.claim.paths)]
    if files and not claimed.all():
        top = checksum(f"{folder}/")
        whole = np.fromiter((checksum(path.rpartition(".")[0], top) for path in paths), np.uint32, len(paths))
        claimed |= np.isin(whole, np.concatenate(files))
    return claimed


def _merged(inner: Sequence[_Inner]) -> list[tuple[str, NDArray[np.uint32]]]:
    """The names known in each folder."""
    found: dict[str, list[NDArray[np.uint32]]] = {}
    for each in inner:
        found.setdefault(each.start, []).append(each.claim.names)
    return [(start, np.concatenate(names)) for start, names in found.items()]


def _blocks(folder: Path, extensions: frozenset[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for path in listing.files(folder, extensions):
        if not path.rpartition("/")[2].startswith("_"):
            block.append(path)
        if len(block) == _BLOCK:
            yield block
            block = []
    if block:
        yield block
