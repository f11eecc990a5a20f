"""tltpipe convert: from any format to any other."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.commands import choices
from orchestrator.commands.options import Parallel, Plain
from orchestrator.screen import answers
from tltpipe import storage
from tltpipe.errors import UsageError
from tltpipe.workers import preload_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converters.transfer.parts import Summary
    from orchestrator.screen.console import Console
    from tltpipe.losses import Losses


class Coordinates(StrEnum):
    """What the numbers in SRC are."""

    PIXELS = "pixels"
    SHARES = "shares"


PATHS = typer.Argument(
    metavar="SRC... DST",
    help="Data set, a folder, a file or a URL, and the folder or URL to make. Several data sets are merged.",
    show_default=False,
)
FROM = typer.Option("--from", help="Format of SRC (default: detected).", show_default=False)
TO = typer.Option("--to", help="Format to write: see --formats.", show_default=False)
COORDINATES = typer.Option(help="Unit of SRC's numbers where they look wrong; shares are scaled.", show_default=False)
SPLIT = typer.Option("--split", help="Only this split. Repeatable.", show_default=False)
FORMATS = typer.Option("--formats", help="List the formats.")
TASK = typer.Option(help="What YOLO labels hold: detect, segment or pose.", show_default=False)
PAINTING = typer.Option(
    help="Objects painted first in mask_png, below the others: larger_first (default), smaller_first, annotation "
    "(as annotated) or reverse.",
    show_default=False,
)
FORCE = typer.Option("--force", help="Replace DST.")
WORKERS = typer.Option(min=1, help="Worker processes (default: one for each core).", show_default=False)


def convert(
    options: Parallel,
    paths: Annotated[list[str] | None, PATHS] = None,
    from_: Annotated[str | None, FROM] = None,
    to: Annotated[str | None, TO] = None,
    coordinates: Annotated[Coordinates | None, COORDINATES] = None,
    split: Annotated[list[str] | None, SPLIT] = None,
    images: Annotated[list[str] | None, choices.IMAGES] = None,
    classes: Annotated[str | None, choices.CLASSES] = None,
    rename: Annotated[list[str] | None, choices.RENAME] = None,
    max_occlusion: Annotated[int | None, choices.OCCLUSION] = None,
    min_size: Annotated[float, choices.SIZE] = 0,
    max_zoom: Annotated[int | None, choices.ZOOM] = None,
    only_source: Annotated[list[str] | None, choices.SOURCE] = None,
    subset: Annotated[int | None, choices.SUBSET] = None,
    keep_empty: Annotated[bool, choices.EMPTY] = False,
    crowd: Annotated[choices.Crowd, choices.CROWD] = choices.Crowd.KEEP,
    skip_bad: Annotated[bool, choices.SKIP] = False,
    allow_loss: Annotated[bool, choices.LOSS] = False,
    task: Annotated[str | None, TASK] = None,
    painting: Annotated[str | None, PAINTING] = None,
    workers: Annotated[int | None, WORKERS] = None,
    force: Annotated[bool, FORCE] = False,
    formats: Annotated[bool, FORMATS] = False,
) -> None:
    """Convert a data set between formats: labels, splits, class map and images. Several are merged."""
    for source in (paths or [])[:-1]:
        preload_for(source, "converters.transfer.transfer", workers=workers)
    import converters
    from converters.transfer.convert import convert as work
    from converters.transfer.selection import Selection, renames

    if formats:
        list_formats(options)
        return
    *sources, target = paths or [""]
    if not sources or to is None:
        lacking = "--to FORMAT" if sources else "SRC and DST"
        names = "|".join(converters.known(writing=True))
        raise UsageError(f"{lacking} missing", hint=f"tltpipe convert SRC DST --to {names}")
    how, apart = choices.images(images)
    selection = Selection(
        rename=renames(rename or []),
        classes=tuple(name.strip() for name in classes.split(",")) if classes else (),
        max_occlusion=max_occlusion,
        min_size=min_size,
        max_zoom=max_zoom,
        sources=tuple(only_source or ()),
        subset=subset,
        keep_empty=keep_empty,
        crowd=crowd.value,
    )
    progress = options.console.progress
    with choices.output(target, options.console.progress, replace=force) as made:
        done = work(
            [storage.local(source, progress) for source in sources],
            made.path,
            source_format=from_,
            images=apart,
            format=to,
            coordinates=coordinates.value if coordinates else None,
            splits=tuple(split or ()),
            selection=selection,
            pictures=how,
            options={name: value for name, value in (("task", task), ("painting", painting)) if value},
            replace=made.replace,
            skip_bad=skip_bad,
            allow_loss=allow_loss,
            workers=workers,
            progress=progress,
        )
    told = {name: as_json(summary) for name, summary in done.splits.items()}
    if options.json:
        about = {"from": done.source_format, "to": to, "target": target, "notes": list(done.notes)}
        options.console.json(about | {"losses": done.losses.as_json(), "splits": told})
        return
    for note in done.notes:
        options.console.put(f"note: {note}")
    options.console.put(f"{', '.join(sources)} ({done.source_format}) -> {target} ({to})")
    show(options.console, done.splits)
    show_losses(options.console, done.losses)


def list_formats(options: Plain) -> None:
    """Every format, and whether it is read only."""
    import converters

    every, written = converters.known(), converters.known(writing=True)
    if options.json:
        options.console.json({"formats": [{"name": n, "about": a, "writes": n in written} for n, a in every.items()]})
        return
    rows = [(name, "read, write" if name in written else "read", about) for name, about in every.items()]
    options.console.table(("format", "", "what it is"), rows)


def as_json(summary: Summary) -> dict[str, Any]:
    told = asdict(summary) | {"losses": summary.losses.as_json()}
    return told | {"findings": answers.findings(summary.findings)}


def show_losses(console: Console, losses: Losses) -> None:
    """The last lines of every command that reads and writes: what went in, what came out, what was lost and why."""
    for line in losses.lines():
        console.put(line)


def show(console: Console, splits: Mapping[str, Summary]) -> None:
    """A line a split, a table of classes, and what was dropped, left out or odd."""
    for name, done in splits.items():
        rate = f", {done.images / done.seconds:,.0f}/s" if done.seconds > 0.5 else ""
        console.put(f"{name}: {done.images} pictures, {done.items} items{rate}")
        if done.skipped:
            console.put(f"  {done.skipped} left out")
        for told, counts in (("dropped as asked", done.selected_away), ("not carried by the format", done.dropped)):
            if counts:
                console.put(f"  {told}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
        for finding in done.findings:
            console.put(f"  {finding.rule.severity} {finding}")
    names = list(next(iter(splits.values())).categories) if splits else []
    rows = [(name, *(str(done.categories[name]) for done in splits.values())) for name in names]
    if rows:
        console.table(("class", *splits), rows)
