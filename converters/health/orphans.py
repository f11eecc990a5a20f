"""Files that lie among the pictures and annotations of a data set and belong to none of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from converters import listing, rules
from converters.findings import Findings
from converters.formats import Place
from converters.health.gathering import Split
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ANNOTATIONS = frozenset(("json", "txt", "xml"))
"""Extensions of files that each say what is on one picture."""

_BLOCK = 4096


def orphans(places: Mapping[str, Place], splits: Sequence[Split], root: Path) -> Findings:
    """Look once into every folder of pictures or annotations of ``splits``; names are told below ``root``.

    A picture counts wherever none is known by that name; another file only among such that do belong to a picture.
    """
    findings = Findings()
    read = {path for split in splits for path in split.dataset.pictures.inputs}
    for folder in _outermost(_folders(places[split.name]) for split in splits):
        claims = [
            (f"{inner}/"[len(f"{folder}/") :], split.names)
            for split in splits
            for inner in _folders(places[split.name])
            if inner == folder or inner.is_relative_to(folder)
        ]
        try:
            for path in _orphans(folder, claims):
                if folder / path not in read:  # class names and lists may lie among the labels
                    findings.add(rules.ORPHAN, os.path.relpath(folder / path, root))
        except DataError as problem:
            findings.add(rules.by_code(problem.code), problem)
    return findings


def _folders(place: Place) -> list[Path]:
    found = [place.images] if place.images.is_dir() else []
    # A file for each picture lies in a folder of its own; one file for all is no folder.
    return [*found, place.annotations] if place.annotations.is_dir() else found


def _outermost(folders: Iterable[Sequence[Path]]) -> list[Path]:
    every = sorted({folder for some in folders for folder in some})
    return [folder for folder in every if not any(folder.is_relative_to(o) and folder != o for o in every)]


Claims = Sequence[tuple[str, "NDArray[np.uint32]"]]
"""Folders, as the start of a path, and the names known there."""


def _orphans(folder: Path, claims: Claims) -> Iterator[str]:
    lost = list(_lost(folder, claims))
    others = {path.rpartition(".")[2].lower() for path in lost} - listing.PICTURES
    wanted = listing.PICTURES | (_belonging(folder, claims, others) if others else set())
    return (path for path in lost if path.rpartition(".")[2].lower() in wanted)


def _lost(folder: Path, claims: Claims) -> Iterator[str]:
    """Paths below ``folder`` of files that no name of ``claims`` fits."""
    for paths in _blocks(folder, listing.PICTURES | ANNOTATIONS):
        unclaimed = ~_claimed(paths, claims)
        yield from (path for path, lost in zip(paths, unclaimed.tolist(), strict=True) if lost)


def _belonging(folder: Path, claims: Claims, extensions: set[str]) -> set[str]:
    """Those of ``extensions`` of which a file that belongs to a picture lies in ``folder``."""
    found: set[str] = set()
    for paths in _blocks(folder, frozenset(extensions)):
        claimed = _claimed(paths, claims).tolist()
        found |= {path.rpartition(".")[2].lower() for path, mine in zip(paths, claimed, strict=True) if mine}
    return found


def _claimed(paths: Sequence[str], claims: Claims) -> NDArray[np.bool_]:
    claimed = np.zeros(len(paths), dtype=bool)
    for start, names in claims:
        stems = (path[len(start) :].rpartition(".")[0] if path.startswith(start) else "" for path in paths)
        sums = (crc32(stem.encode("utf-8", "surrogatepass")) for stem in stems)
        claimed |= np.isin(np.fromiter(sums, np.uint32, len(paths)), names)
    return claimed


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
