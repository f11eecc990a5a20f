"""The health of a data set, in any format: what is missing, broken, wrongly annotated, out of balance, or there twice.

``examine`` looks and tells; ``converters.health.mending.mend`` writes a copy in which what can be put right is.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from converters.files import strays
from converters.health import gathering
from converters.health.gathering import Split
from converters.health.report import Report, SplitReport
from converters.model import Dataset, rules
from converters.model.findings import Finding, Findings
from converters.model.splits import Place
from converters.transfer import opening
from tltpipe.errors import DataError
from tltpipe.progress import Progress
from tltpipe.workers import start_workers

__all__ = ["Report", "SplitReport", "examine"]


def examine(
    path: Path,
    *,
    progress: Progress,
    format: str | None = None,
    images: Path | None = None,
    deep: bool = False,
    workers: int | None = None,
) -> Report:
    """Look at every picture of the data set at ``path``: at its annotations and its header, ``deep`` at every pixel.

    What is wrong becomes a finding, also a split that cannot be opened (``Report.closed``).
    Raises UsageError and DataError as ``converters.splits`` does when nothing is found there at all.
    """
    started = time.monotonic()
    # Places are told below the data set, and names are not: only with a whole path can one be told from the other.
    whole = path.absolute()
    format, places = opening.find(whole, format, images=images)
    opened, closed = _open(whole, places, format)
    splits, seconds = _gather(opened, deep=deep, workers=workers, progress=progress)
    from converters.health.duplicates import copies  # with NumPy, which workers did not wait for

    twice = copies(splits, deep=deep, workers=workers)
    across = balance(splits)
    across.merge(twice.across)
    root = whole if whole.is_dir() else whole.parent
    if not closed:  # their pictures would seem to belong to nobody
        across.merge(orphans(places, splits, root))
    reports = dict(closed)
    for split in splits:
        split.findings.merge(twice.findings[split.name])
        reports[split.name] = _report(split, seconds[split.name], root, several=len(places) > 1)
    return Report(
        path=path,
        format=format,
        deep=deep,
        splits={name: reports[name] for name in places},
        across=_told(across, root),
        seconds=time.monotonic() - started,
        spare=twice.spare,
        # Evidence of both kinds says nothing about those pictures of which nobody can tell.
        shown=frozenset(split.name for split in splits if split.tally.shown and not split.tally.stored),
    )


Opened = Mapping[str, tuple[Dataset, Sequence[Any]]]


def _open(path: Path, places: Mapping[str, Place], format: str) -> tuple[Opened, dict[str, SplitReport]]:
    """Data set and keys of each split; what to report of those that cannot be opened."""
    opened, closed = {}, {}
    root = path if path.is_dir() else path.parent
    for name, place in places.items():
        try:
            dataset = opening.read_all(path, {name: place}, format)[name]
            opened[name] = dataset, dataset.pictures.keys()
        except DataError as problem:
            findings = Findings()
            findings.add(rules.by_code(problem.code), problem)
            closed[name] = SplitReport(0, 0, 0, {}, _told(findings, root), 0.0, closed=True)
    return opened, closed


def _gather(
    opened: Opened, *, deep: bool, workers: int | None, progress: Progress
) -> tuple[list[Split], dict[str, float]]:
    counts = [len(keys) for _, keys in opened.values()]
    if (workers or gathering.how_many(max(counts, default=0), deep=deep)) > 1:
        start_workers(gathering.gather)
    identities = len(opened) > 1 and all(dataset.joint_pairs for dataset, _ in opened.values())
    splits, seconds = [], {}
    with progress.bar("check", total=sum(counts)) as bar:
        for name, (dataset, keys) in opened.items():
            start = time.monotonic()
            split = gathering.gather(name, dataset, keys, deep=deep, identities=identities, bar=bar, workers=workers)
            splits.append(split)
            seconds[name] = time.monotonic() - start
    return splits, seconds


def _report(split: Split, seconds: float, root: Path, *, several: bool) -> SplitReport:
    return SplitReport(
        pictures=len(split.keys),
        unusable=split.unusable,
        items=split.tally.classes.total(),
        classes={name: split.tally.classes[name] for name in split.dataset.categories},
        findings=_told(split.findings, root, prefix=f"{split.name}/" if several else ""),
        seconds=seconds,
        annotated=split.dataset.annotated,
        polygons=split.tally.polygons,
    )


def _told(findings: Findings, root: Path, *, prefix: str = "") -> tuple[Finding, ...]:
    """``findings`` with places told below ``root``, and names apart from those of other splits."""
    # Whole paths are told by what stands before them; within one, the same text is the name of another folder.
    whole = re.compile(rf"(?<![^\s\"'(]){re.escape(f'{root}/')}")

    def told(example: str) -> str:
        below, count = whole.subn("", example)
        return _printable(below if count or example.startswith(prefix) else prefix + example)

    return tuple(replace(found, examples=tuple(map(told, found.examples))) for found in findings)


def _printable(text: str) -> str:
    """``text`` with whatever a terminal would obey, or could not show, spelt out: names come from anybody's files."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def orphans(places: Mapping[str, Place], splits: Sequence[Split], root: Path) -> Findings:
    """Look once into every folder of pictures or annotations of ``splits``; names are told below ``root``."""
    findings = Findings()
    read = {path for split in splits for path in split.dataset.pictures.inputs}
    claims = [strays.Claim(places[split.name], split.names, split.paths) for split in splits]
    try:
        for stray in strays.strays(claims):
            path = stray.folder / stray.path
            if path not in read:  # class names and lists may lie among the labels
                findings.add(rules.ORPHAN, os.path.relpath(path, root))
    except DataError as problem:
        findings.add(rules.by_code(problem.code), problem)
    return findings


FEW = 0.01
"""Share of all items under which a class is rare."""

_TOP = 3


def balance(splits: Sequence[Split]) -> Findings:
    """Findings about the whole that ``splits`` are."""
    findings = Findings()
    _classes([split for split in splits if split.dataset.annotated], findings)
    _attributes([split for split in splits if split.dataset.annotated], findings)
    _sizes(splits, findings)
    _garments(splits, findings)
    return findings


def _classes(splits: Sequence[Split], findings: Findings) -> None:
    names = dict.fromkeys(name for split in splits for name in split.dataset.categories)
    counts = {name: sum(split.tally.classes[name] for split in splits) for name in names}
    items = sum(counts.values())
    if not items:
        return
    for name, count in counts.items():
        if not count:
            findings.add(rules.NO_ITEMS, name)
            continue
        if count < FEW * items:
            findings.add(rules.RARE, f"{name} ({count} of {items})")
        lacking = [split.name for split in splits if not split.tally.classes[name]]
        if lacking:
            findings.add(rules.ONE_SIDED, f"{name} (not in {', '.join(lacking)})")


def _attributes(splits: Sequence[Split], findings: Findings) -> None:
    counts: dict[str, dict[str, int]] = {}
    for split in splits:
        for place, attribute in enumerate(split.dataset.attributes):
            counts.setdefault(attribute.name, {})[split.name] = split.tally.attributes[place]
    for name, own in counts.items():
        lacking = [split for split, count in own.items() if not count]
        if len(lacking) == len(own):
            findings.add(rules.NO_ITEM_HAS, name)
        elif lacking:
            findings.add(rules.ATTRIBUTE_ONE_SIDED, f"{name} (not in {', '.join(lacking)})")


def _sizes(splits: Sequence[Split], findings: Findings) -> None:
    import numpy as np

    every = np.concatenate([np.empty(0, np.uint64), *(split.sizes for split in splits)])
    sizes, counts = np.unique(every[every > 0], return_counts=True)
    if len(sizes) < 2:
        return
    for place in np.argsort(-counts, kind="stable")[:_TOP].tolist():
        width, height = divmod(int(sizes[place]), 1 << 32)
        findings.add(rules.MIXED_SIZES, f"{width} x {height} ({counts[place]})")
    if len(sizes) > _TOP:
        findings.add(rules.MIXED_SIZES, f"{len(sizes) - _TOP} others", count=len(sizes) - _TOP)


def _garments(splits: Sequence[Split], findings: Findings) -> None:
    """Each garment that two splits have, told once."""
    if not all(split.dataset.joint_pairs for split in splits):
        return
    seen: set[tuple[int, int]] = set()
    for one, other in combinations(splits, 2):
        for pair, style in _common(one, other):
            if (pair, style) not in seen:
                seen.add((pair, style))
                findings.add(rules.GARMENT_ACROSS, f"{_garment(one, pair, style)} in {one.name} and {other.name}")


def _garment(split: Split, pair: int, style: int) -> str:
    named: Callable[[int], str] | None = getattr(split.dataset.pictures, "garment", None)
    return named(pair) if named is not None else f"pair {pair} style {style}"


def _common(one: Split, other: Split) -> list[tuple[int, int]]:
    if not len(one.garments) or not len(other.garments):
        return []
    import numpy as np

    _, first, counts = np.unique(
        np.concatenate((one.garments, other.garments)), axis=0, return_index=True, return_counts=True
    )
    found: list[list[int]] = one.garments[first[counts > 1]].tolist()
    return [(pair, style) for pair, style in found]
