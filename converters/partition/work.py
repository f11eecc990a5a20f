"""A data set divided and written: each split where its format has it, the report beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from converters.model import Dataset
from converters.model.splits import Place
from converters.partition import Plan, Rules, judge, plan
from converters.partition.facts import Facts
from converters.partition.report import Report
from converters.partition.sizes import HALVES
from converters.transfer import losing, opening, outputs, placement
from converters.transfer.convert import vacant
from converters.transfer.parts import Part, Summary
from converters.transfer.selection import Selection
from converters.transfer.transfer import transfer
from tltpipe.errors import DataError, UsageError
from tltpipe.files import atomic, write_text
from tltpipe.losses import Losses, total
from tltpipe.progress import Progress

REPORT, LEFT_OUT = outputs.REPORT, outputs.LEFT_OUT


@dataclass(frozen=True)
class Done:
    """What was read and written in which format ("lists" of pictures alone: None), and how the split turned out."""

    source_format: str
    format: str | None
    report: Report
    splits: Mapping[str, Summary]
    losses: Losses


def split(
    source: Path,
    target: Path,
    *,
    progress: Progress,
    shares: Mapping[str, float] = HALVES,
    counts: Mapping[str, int] | None = None,
    rules: Rules | None = None,
    source_format: str | None = None,
    images: Path | None = None,
    splits: Sequence[str] = (),
    pool: bool = False,
    format: str | None = None,
    pictures: placement.How = "link",
    options: Mapping[str, Any] | None = None,
    lists: bool = False,
    selection: Selection | None = None,
    folds: bool = False,
    replace: bool = False,
    skip_bad: bool = False,
    allow_loss: bool = False,
    workers: int | None = None,
) -> Done:
    """Divide the data set at ``source`` as ``plan`` does, and write it into the folder ``target``.

    Of a data set with several splits, ``splits`` are taken, or with ``pool`` all that are annotated. ``format`` is the
    source's own by default, COCO where that cannot be written. ``lists``: only a file ``<split>.txt`` with the paths
    of its pictures, relative to ``source``. ``selection`` takes items away from the sides once these are chosen.
    ``folds``: each split becomes a folder with a data set that validates on it and trains on the others. A killed run
    goes on when started again.
    Raises as ``converters.transfer.convert.convert`` and ``plan`` do.
    """
    if format is not None:
        opening.module(format, writing=True)
    source_format, places = opening.find(source, source_format, images=images)
    found = opening.read_all(source, places, source_format)
    taken = choose(found, splits, pool=pool, source=source)
    journal = vacant(source, target, replace=replace)
    planned = plan(
        taken,
        shares,
        counts=counts,
        rules=rules,
        needed=pictures != "none" and not lists,
        listed=lists,
        skip_bad=skip_bad,
        workers=workers,
        progress=progress,
    )
    roots = [source] if source.is_dir() else []
    losses = _losses(planned.facts, places, found, roots=roots, besides=[target])
    if not allow_loss:
        where = {name: dataset.pictures.inputs[0] for name, dataset in taken.items()}
        losing.refuse_wholesale(losses, (), where)
    idle = [name for name in found if pool and not splits and name not in taken]
    notes = tuple(f"{name} has no annotations and takes no part" for name in idle)
    report = changed(planned.report, notes=planned.report.notes + notes)
    texts = {target / REPORT: report_text(report, source_format, tuple(taken), rules or Rules())}
    if planned.facts.left_out:
        texts[target / LEFT_OUT] = "".join(planned.facts.left_out)
    if lists:
        for name in shares:
            with atomic(target / f"{name}.txt", "wb") as stream:
                stream.write(os.fsencode(_list(planned, name, source)))
        for path, text in texts.items():
            write_text(path, text)
        return Done(source_format, None, report, {}, total(losses.values()))
    format = format or (source_format if source_format in opening.formats(writing=True) else "coco")
    sets = planned.folds(taken) if folds else {"": planned.datasets(taken)}
    parts, old = [], [path for root in _roots(target) for path in outputs.former(root, pictures=pictures)]
    for folder, datasets in sets.items():
        categories = next(iter(datasets.values())).categories
        texts |= outputs.texts(format, target / folder, categories, list(datasets))
        for name, dataset in datasets.items():
            made = outputs.plan(format, target / folder, name, pictures=pictures, options=options)
            parts.append(Part(f"{folder}/{name}" if folder else name, dataset, made))
    done = transfer(
        parts,
        journal=journal,
        progress=progress,
        what="split",
        selection=selection,
        texts=texts,
        allow_loss=allow_loss,
        workers=workers,
    )
    outputs.replaced(target, old, parts, texts)
    once = {name: summary for name, summary in done.items() if not (folds and name.endswith("/train"))}
    return Done(source_format, format, report, done, _joined(total(losses.values()), once))


def _roots(target: Path) -> list[Path]:
    """Where earlier work may have left a data set: in ``target``, or one in each of its folds."""
    return [target, *sorted(path for path in target.glob("fold_*") if path.is_dir())]


def _losses(
    facts: Facts, places: Mapping[str, Place], found: Mapping[str, Dataset], **options: Sequence[Path]
) -> dict[str, Losses]:
    """The balance of each source, with what lies there and belongs to none of its pictures."""
    sources = zip(facts.sources, facts.pictures, facts.keys, strict=True)
    claims = [losing.claim(places[name], pictures, losing.names(pictures, keys)) for name, pictures, keys in sources]
    idle = [(places[name], dataset.pictures) for name, dataset in found.items() if name not in facts.sources]
    strays = losing.count_strays(claims, facts.pictures, idle, **options)
    return {
        name: total((facts.losses.get(name, Losses()), each)) for name, each in zip(facts.sources, strays, strict=True)
    }


def _joined(planned: Losses, done: Mapping[str, Summary]) -> Losses:
    """The balance from the source to what was written; what was planned and is not there is a fault of ours."""
    written = total(summary.losses for summary in done.values())
    found = changed(planned, written=written.written, classes_written=written.classes_written)
    found.merge(Losses(lost=written.lost, classes_lost=written.classes_lost))
    found.require_balance()
    return found


def judge_at(
    source: Path,
    *,
    progress: Progress,
    source_format: str | None = None,
    images: Path | None = None,
    rules: Rules | None = None,
    skip_bad: bool = False,
    workers: int | None = None,
) -> Report:
    """The report on the splits that are at ``source``; of ``rules`` what looks alike counts.

    Raises UsageError where there is but one.
    """
    rules = rules or Rules()
    _, found = opening.splits(source, source_format, images=images)
    if len(found) < 2:
        what = f"this holds one split, {', '.join(found)}: nothing can leak"
        raise UsageError(what, where=source, hint="tltpipe split SRC DST divides it")
    return judge(found, near=rules.near, distance=rules.distance, skip_bad=skip_bad, workers=workers, progress=progress)


def choose(found: Mapping[str, Dataset], splits: Sequence[str], *, pool: bool, source: Path) -> dict[str, Dataset]:
    """The splits to divide anew: the only one, those named, or all with annotations. Raises UsageError."""
    splits = [opening.known(name, found, source) for name in splits]
    if splits:
        return {name: dataset for name, dataset in found.items() if name in splits}
    if len(found) > 1 and not pool:
        hint = f"--split NAME to divide one of them ({', '.join(found)}), or --all to divide them together"
        raise UsageError("this holds several splits", where=source, hint=hint)
    if len(found) == 1:
        return dict(found)
    taken = {name: dataset for name, dataset in found.items() if dataset.annotated}
    if not taken:
        raise DataError("nobody says what is on these pictures", where=source)
    return taken


def report_text(report: Report, format: str, sources: Sequence[str], rules: Rules) -> str:
    """The file: how it was divided, and how that turned out; the same bytes for the same split."""
    asked = {name: getattr(rules, name) for name in ("stratify", "identity", "near", "distance", "seed")}
    asked |= {"group_by": rules.group_by} if rules.group_by is not None else {}
    told = {"source": {"format": format, "splits": list(sources)}, "rules": asked} | report.as_json()
    return json.dumps(told, indent=2) + "\n"


def _list(planned: Plan, name: str, source: Path) -> str:
    root = source if source.is_dir() else source.parent
    paths = (Path(planned.facts.paths[picture]) for picture in planned.chosen(name))
    return "".join(f"{path.relative_to(root) if path.is_relative_to(root) else path}\n" for path in paths)
