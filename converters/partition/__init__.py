"""Splits of a data set: which picture is for training and which for judging, so that neither knows the other.

Pictures of one garment, and pictures that are the same or look alike, stay on one side; every class has its share on
every side; and whatever machine decides, in whatever order the files lie, decides the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from converters.model import Dataset
from converters.partition import report as reporting
from converters.partition.assignment import Groups, by_name, stratified
from converters.partition.facts import Facts, collect
from converters.partition.naming import named
from converters.partition.relations import Relation, alike, joined
from converters.partition.report import Relations, Report
from converters.partition.sizes import HALVES, targets
from converters.pictures.perceptual import DISTANCE
from converters.transfer.columns import same_bytes
from converters.transfer.merging import Joined
from converters.transfer.selection import Selection, joint
from tltpipe.errors import DataError
from tltpipe.progress import Progress

AT_RANDOM = "split at random"


@dataclass(frozen=True)
class Rules:
    """By what pictures are divided.

    ``stratify``: every class keeps its shares; without, names alone decide. ``identity``: pictures of one garment
    (pair_id, style) and identical ones stay together; with ``near`` those that look alike too (perceptual hashes up
    to ``distance`` bits apart). Pictures in whose names ``group_by``, a regular expression, finds the same text stay
    together in any case. Another ``seed`` is another split.
    """

    stratify: bool = True
    identity: bool = True
    near: bool = False
    distance: int = DISTANCE
    seed: str = ""
    group_by: str | None = None


@dataclass(frozen=True)
class Plan:
    """Which picture goes where: ``sides`` has an entry for each picture of ``facts``, a place in ``names``."""

    facts: Facts
    names: tuple[str, ...]
    sides: NDArray[np.int16]
    report: Report

    def chosen(self, name: str) -> list[int]:
        """The pictures of the split ``name``, as places in ``facts``, in the order of the data."""
        found: list[int] = np.flatnonzero(self.sides == self.names.index(name)).tolist()
        return found

    def pictures(self, name: str) -> list[str]:
        """Names of the pictures of the split ``name``."""
        return [self.facts.name(picture) for picture in self.chosen(name)]

    def datasets(self, sources: Mapping[str, Dataset]) -> dict[str, Dataset]:
        """Each split as a data set, made of the data sets that were planned for.

        Where those number their pairs apart, the pair ids of the second and further ones are moved, so that no two
        garments share one: by 100000 where five digits are in use.
        """
        return {name: self._dataset(sources, [name]) for name in self.names}

    def folds(self, sources: Mapping[str, Dataset]) -> dict[str, dict[str, Dataset]]:
        """For each split the data set that validates on it and trains on all others."""
        return {
            name: {
                "train": self._dataset(sources, [other for other in self.names if other != name]),
                "validation": self._dataset(sources, [name]),
            }
            for name in self.names
        }

    def _dataset(self, sources: Mapping[str, Dataset], names: Sequence[str]) -> Dataset:
        (whole, *_) = joint(list(sources.values()), Selection())
        apart = len(sources) > 1 and not all(dataset.joint_pairs for dataset in sources.values())
        step = 10 ** len(str(self.facts.highest_pair)) if apart else 0
        findings = tuple(found for dataset in sources.values() for found in dataset.findings)
        return replace(
            whole,
            pictures=self._pictures(names, step),
            joint_pairs=True,
            findings=findings if self.names[0] in names else (),  # said once
        )

    def _pictures(self, names: Sequence[str], step: int) -> Joined:
        facts, own = self.facts, np.flatnonzero(np.isin(self.sides, list(map(self.names.index, names))))
        places = zip(facts.source[own].tolist(), facts.place[own].tolist(), strict=True)
        return Joined(
            facts.pictures,
            tuple(map(facts.prefix, range(len(facts.sources)))),
            step,
            hashlib.blake2b(facts.ranks[own].tobytes(), digest_size=16).hexdigest(),
            [(number, facts.keys[number][place], "") for number, place in places],
        )


def plan(
    datasets: Mapping[str, Dataset],
    shares: Mapping[str, float] = HALVES,
    *,
    rules: Rules | None = None,
    counts: Mapping[str, int] | None = None,
    needed: bool = True,
    listed: bool = False,
    skip_bad: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Divide all pictures of ``datasets`` among the splits that ``shares`` names.

    ``counts`` asks for so many pictures instead of a share. ``needed``: a picture that is not there is an error;
    ``listed``: keep the paths in ``Plan.facts``.
    Raises DataError for pictures that cannot be used, unless ``skip_bad`` leaves them out, and where a split would get
    nothing; UsageError for sizes that cannot be met.
    """
    rules = rules or Rules()
    facts = collect(
        datasets,
        seed=rules.seed,
        near=rules.near,
        needed=needed,
        listed=listed,
        skip_bad=skip_bad,
        workers=workers,
        progress=progress,
    )
    wanted = targets(len(facts), shares, counts)
    names, asked = tuple(wanted), list(wanted.values())
    relations = _relations(facts, rules.distance, workers)
    single = np.arange(len(facts))
    by_names = named(facts, rules.group_by) if rules.group_by is not None else None
    together = [*(relations.all if rules.identity else ()), *([by_names.relation] if by_names else ())]
    label = joined(len(facts), together) if together else single
    groups = Groups.of(label, facts.ranks, facts.owners, facts.kinds, len(facts.categories))
    sides = (stratified if rules.stratify else by_name)(groups, asked)[label]
    for side, name in enumerate(names):
        if not (sides == side).any():
            what = f"{name} would get no picture: {groups.sizes.max():,} of {len(facts):,} belong together"
            hint = f"{_TOGETHER}{'; or lower --distance' if rules.near else ''}"
            raise DataError(what, where=datasets[facts.sources[0]].pictures.inputs[0], hint=hint)
    alone = Groups.of(single, facts.ranks, facts.owners[:0], facts.kinds[:0], 0)
    before = {AT_RANDOM: reporting.leaks(facts, relations, by_name(alone, asked))}
    if len(facts.sources) > 1:
        before = {"the source's splits": reporting.leaks(facts, relations, facts.source.astype(np.int16))} | before
    report = _report(facts, relations, sides, names, asked, groups, before=before)
    if by_names is not None:
        report = replace(report, notes=(*report.notes, by_names.note))
    if step := _pair_step(datasets, facts):
        moved = ", ".join(f"{name} by {number * step:,}" for number, name in enumerate(datasets) if number)
        report = replace(report, notes=(*report.notes, f"pair ids, numbered anew in each split, are moved: {moved}"))
    return Plan(facts, names, sides, report)


def _pair_step(sources: Mapping[str, Dataset], facts: Facts) -> int:
    """By how much pair ids of each further source are moved, so that those of two sources never meet."""
    apart = len(sources) > 1 and not all(dataset.joint_pairs for dataset in sources.values())
    return 10 ** len(str(facts.highest_pair)) if apart and facts.highest_pair else 0


_TOGETHER = "each shows a garment of the next, or is the same picture: --no-identity splits them all the same"


def judge(
    datasets: Mapping[str, Dataset],
    *,
    near: bool = False,
    distance: int = DISTANCE,
    skip_bad: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """The report on splits as they are: what leaks between ``datasets``, and each class's share in them."""
    facts = collect(datasets, near=near, needed=False, skip_bad=skip_bad, workers=workers, progress=progress)
    relations = _relations(facts, distance, workers)
    sides = facts.source.astype(np.int16)
    label = joined(len(facts), relations.all)
    groups = Groups.of(label, facts.ranks, facts.owners, facts.kinds, len(facts.categories))
    asked = np.bincount(facts.source, minlength=len(facts.sources)).tolist()
    return _report(facts, relations, sides, facts.sources, asked, groups, before={})


def _relations(facts: Facts, distance: int, workers: int | None) -> Relations:
    looks = alike(facts.looks, distance) if facts.looks is not None else None
    sources = list(zip(facts.pictures, facts.keys, strict=True))
    owners, hashes = same_bytes(facts.sizes, facts.heads, facts.source, facts.place, sources, workers=workers)
    identical = Relation(owners[hashes > 0].astype(np.int32), hashes[hashes > 0]).several()
    return Relations(facts.garments, identical, looks)


def _report(
    facts: Facts,
    relations: Relations,
    sides: NDArray[np.int16],
    names: Sequence[str],
    asked: Sequence[int],
    groups: Groups,
    *,
    before: Mapping[str, reporting.Leaks],
) -> Report:
    told, deviation = reporting.sides_told(facts, sides, names, asked)
    sizes = reporting.group_sizes(groups.sizes)
    together = np.bincount(groups.kinds, minlength=len(facts.categories)).tolist()
    notes = reporting.size_notes(told, sizes) if before else []
    notes += reporting.class_notes(told, dict(zip(facts.categories, together, strict=True)))
    return Report(
        splits=told,
        leaks=reporting.leaks(facts, relations, sides),
        before=before,
        groups=sizes,
        deviation=deviation,
        notes=tuple(notes),
        left_out=len(facts.left_out),
        not_found=facts.unseen,
    )
