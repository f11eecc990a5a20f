"""The splits of a data set: where each lies, and by which name it is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tltpipe.errors import DataError


@dataclass(frozen=True)
class Place:
    """Where one split lies: its annotations (a file or a folder) and the folder of its pictures.

    ``root`` is the whole data set, where a class map may lie.
    """

    root: Path
    annotations: Path
    images: Path


SPLITS = ("train", "validation", "test")
"""The splits that everybody has, as we call them."""

CANONICAL = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
"""What the splits are called elsewhere, in lower case."""

YEAR = re.compile(r"[_ -]?(?:19|20)[0-9]{2}$")
_SET = re.compile(r"[_ -]?(?:set|split)$")


def split_name(name: str) -> str:
    """The name by which we know the split ``name``: "Val", "valid" and "val2017" are "validation".

    Others are called what they are called.
    """
    word = _SET.sub("", YEAR.sub("", name.strip().lower()))
    return CANONICAL.get(word, name)


def only_split(name: str) -> str:
    """The name of a split that is alone, found under ``name``: training data unless that says otherwise."""
    known = split_name(name)
    return known if known in SPLITS else "train"


def by_name(found: Iterable[tuple[str, Place]]) -> dict[str, Place]:
    """What was ``found``, each under the name of its split, in order; two years of one split keep their own names.

    Raises DataError where two are the same split: one of them would be lost.
    """
    groups: dict[str, dict[str, Place]] = {}
    for name, place in found:
        group = groups.setdefault(split_name(name), {})
        if group and (name in group or not all(map(YEAR.search, (*group, name)))):
            first, other = next(iter(group.items()))
            split = split_name(name)
            same = f'"{first}" and "{name}" are both the {split} split' if first != name else f"another {split} split"
            what = f"{same}: {other.annotations}"
            hint = "rename one of them, put them together, or name the one to read"
            raise DataError(what, where=place.annotations, hint=hint)
        group[name] = place
    splits: dict[str, Place] = {}
    for name, group in groups.items():
        splits |= {name: next(iter(group.values()))} if len(group) == 1 else group
    return in_order(splits)


def in_order(splits: Mapping[str, Place]) -> dict[str, Place]:
    """``splits`` with train, validation and test first, the others by name."""
    names: Iterable[str] = sorted(splits, key=lambda name: (SPLITS.index(name) if name in SPLITS else 9, name))
    return {name: splits[name] for name in names}
