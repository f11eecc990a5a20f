"""tltpipe split: a data set divided so that no side knows the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.commands import choices
from orchestrator.commands.convert import FORCE, FROM, PAINTING, TASK, WORKERS, as_json, show_losses
from orchestrator.commands.options import Parallel
from tltpipe import storage
from tltpipe.errors import UsageError
from tltpipe.workers import preload_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from converters.partition.report import Leaks, Report
    from orchestrator.screen.console import Console

TO = typer.Option(
    "--to", help="Format to write (default: that of SRC; coco where that cannot be written).", show_default=False
)
RATIO = typer.Option("--ratio", help="Share of each split (default: 0.8,0.2).", show_default=False)
NAMES = typer.Option(
    "--names", help="Names of the splits (default: train,validation and, with three, test).", show_default=False
)
COUNT = typer.Option("--count", help="NAME=N: number of images in this split. Repeatable.", show_default=False)
SPLIT = typer.Option("--split", help="Divide this split of SRC. Repeatable.", show_default=False)
ALL = typer.Option("--all", help="Divide all splits of SRC together.")
NEAR = typer.Option("--near", help="Keep near-duplicates in one split; decodes every image.")
DISTANCE = typer.Option(min=0, max=12, help="Bits of 63 by which near-duplicates may differ.")
IDENTITY = typer.Option("--no-identity", help="Do not keep garments and identical images together.")
STRATIFY = typer.Option("--no-stratify", help="Divide by name alone, without balancing the classes.")
GROUP = typer.Option(
    "--group-by",
    metavar="REGEX",
    help="Keep images together whose names give the same first group (or match).",
    show_default=False,
)
FOLDS = typer.Option(
    "--folds", min=2, max=100, help="K folders for cross-validation: fold_0, fold_1, ...", show_default=False
)
SEED = typer.Option(help="Seed of the division: any text.", show_default=False)
LIST = typer.Option("--list-only", help="Write only the report and a list of images for each split.")
REPORT = typer.Option("--report-only", help="Only report what leaks between the splits of SRC.")


def split(
    options: Parallel,
    source: Annotated[str, typer.Argument(metavar="SRC", help=choices.ANYWHERE, show_default=False)],
    target: Annotated[
        str | None, typer.Argument(metavar="DST", help="Folder or URL to make.", show_default=False)
    ] = None,
    ratio: Annotated[str | None, RATIO] = None,
    names: Annotated[str | None, NAMES] = None,
    count: Annotated[list[str] | None, COUNT] = None,
    split: Annotated[list[str] | None, SPLIT] = None,
    pool: Annotated[bool, ALL] = False,
    near: Annotated[bool, NEAR] = False,
    distance: Annotated[int, DISTANCE] = 4,
    no_identity: Annotated[bool, IDENTITY] = False,
    no_stratify: Annotated[bool, STRATIFY] = False,
    group_by: Annotated[str | None, GROUP] = None,
    folds: Annotated[int | None, FOLDS] = None,
    seed: Annotated[str, SEED] = "",
    from_: Annotated[str | None, FROM] = None,
    to: Annotated[str | None, TO] = None,
    images: Annotated[list[str] | None, choices.IMAGES] = None,
    task: Annotated[str | None, TASK] = None,
    painting: Annotated[str | None, PAINTING] = None,
    list_only: Annotated[bool, LIST] = False,
    report_only: Annotated[bool, REPORT] = False,
    crowd: Annotated[choices.Crowd, choices.CROWD] = choices.Crowd.KEEP,
    skip_bad: Annotated[bool, choices.SKIP] = False,
    allow_loss: Annotated[bool, choices.LOSS] = False,
    workers: Annotated[int | None, WORKERS] = None,
    force: Annotated[bool, FORCE] = False,
) -> None:
    """Split a data set into train, validation, ...: classes in proportion, no garment and no image in two splits."""
    preload_for(source, "converters.partition.work", workers=workers)
    from converters.partition import Rules, sizes, work
    from converters.transfer.selection import Selection

    how, apart = choices.images(images)
    rules = Rules(not no_stratify, not no_identity, near, distance, seed, group_by)
    if report_only:
        report = work.judge_at(
            storage.local(source, options.console.progress),
            source_format=from_,
            images=apart,
            rules=rules,
            skip_bad=skip_bad,
            workers=workers,
            progress=options.console.progress,
        )
        if options.json:
            options.console.json(report.as_json())
            return
        show(options.console, report)
        return
    if crowd is choices.Crowd.DROP and list_only:
        raise UsageError("--crowd drop changes nothing with --list-only, which writes no annotations")
    if target is None:
        raise UsageError("DST missing", hint="tltpipe split SRC DST, or tltpipe split --report-only SRC")
    if folds and (ratio or names or count):
        raise UsageError("--folds makes parts of one size", hint="leave --ratio, --names and --count out")
    shares, counts = (sizes.folds(folds), {}) if folds else sizes.asked(ratio, names, count or ())
    with choices.output(target, options.console.progress, replace=force) as made:
        done = work.split(
            storage.local(source, options.console.progress),
            made.path,
            shares=shares,
            counts=counts,
            rules=rules,
            source_format=from_,
            images=apart,
            splits=tuple(split or ()),
            pool=pool,
            format=to,
            pictures=how,
            options={name: value for name, value in (("task", task), ("painting", painting)) if value},
            lists=list_only,
            folds=bool(folds),
            replace=made.replace,
            selection=Selection(crowd=crowd.value),
            skip_bad=skip_bad,
            allow_loss=allow_loss,
            workers=workers,
            progress=options.console.progress,
        )
    if options.json:
        told = {name: as_json(summary) for name, summary in done.splits.items()}
        about = {"from": done.source_format, "to": done.format, "target": target}
        options.console.json(about | {"losses": done.losses.as_json(), "report": done.report.as_json(), "splits": told})
        return
    options.console.put(f"{source} ({done.source_format}) -> {target} ({done.format or 'lists of pictures'})")
    show(options.console, done.report)
    options.console.put(f"report: {target}/{work.REPORT}")
    show_losses(options.console, done.losses)


def show(console: Console, report: Report) -> None:
    """Sizes, the share of every class, what leaks, and what else to know."""
    console.table(("split", "pictures", "share", "items"), list(_sizes(report)))
    if rows := list(_classes(report)):
        console.put("")
        console.table(("class", "items", *report.splits, "off by, points"), rows)
    columns = {**report.before, "this split": report.leaks}
    console.put("")
    console.table(("on two sides", *columns), list(_leaks(list(columns.values()))))
    for leak in (report.leaks.garments, report.leaks.identical, report.leaks.alike):
        if leak is not None and leak.examples:
            console.put(f"  {', '.join(leak.examples[:3])}{', ...' if leak.count > 3 else ''}")
    groups = report.groups
    sizes = ", ".join(f"{count:,} of {size}" for size, count in groups.sizes.items())
    console.put(f"\n{groups.count:,} groups of pictures that belong together, by their pictures: {sizes}")
    for note in report.notes:
        console.put(f"note: {note}")
    if report.left_out:
        console.put(f"{report.left_out:,} pictures left out")
    if report.not_found:
        console.put(f"{report.not_found:,} pictures are not there and were compared with none")


def _sizes(report: Report) -> Iterator[tuple[str, ...]]:
    for name, side in report.splits.items():
        yield name, f"{side.pictures:,}", f"{100 * side.share:.2f} %", f"{side.items:,}"


def _classes(report: Report) -> Iterator[tuple[str, ...]]:
    """How each class with items is shared out, and how far the furthest split is from what it was to have."""
    sides = list(report.splits.values())
    asked = [side.asked / sum(side.asked for side in sides) for side in sides]
    for name in sides[0].classes:
        if items := sum(side.classes[name] for side in sides):
            shares = [side.classes[name] / items for side in sides]
            off = max(abs(share - wanted) for share, wanted in zip(shares, asked, strict=True))
            yield name, f"{items:,}", *(f"{100 * share:.2f} %" for share in shares), f"{100 * off:.2f}"


def _leaks(columns: list[Leaks]) -> Iterator[tuple[str, ...]]:
    yield "garments", *(f"{leaks.garments.count:,}" for leaks in columns)
    yield "identical pictures", *(f"{leaks.identical.count:,}" for leaks in columns)
    unknown = "not looked at"
    yield "pictures that look alike", *(f"{leaks.alike.count:,}" if leaks.alike else unknown for leaks in columns)
    yield "pictures concerned", *(f"{leaks.pictures:,}" for leaks in columns)
