"""tltpipe stats and tltpipe view: what is in a data set, in numbers and in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.commands import choices
from orchestrator.commands.options import Parallel, Plain
from tltpipe import storage
from tltpipe.errors import UsageError
from tltpipe.workers import preload_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converters.model import Dataset
    from orchestrator.screen.console import Console

FROM = typer.Option("--from", help="Format of DATASET (default: detected).", show_default=False)
SPLIT = typer.Option("--split", help="Only this split; repeatable (default: all).", show_default=False)
SIZE = typer.Option("--size", metavar="WxH", help="Input size of the network that anchors are fitted to.")
HTML = typer.Option("--html", metavar="FILE", help="Write a page with plots and images.", show_default=False)
WORKERS = typer.Option(min=1, help="Worker processes (default: one for each core).", show_default=False)
COUNT = typer.Option(min=1, help="Images of each split.")
CLASS = typer.Option("--class", help="Only images with this class.", show_default=False)
PICTURE = typer.Option("--picture", help="This image, by its name; repeatable.", show_default=False)
ATTRIBUTES, FEW = 10, 10
"""Attributes in a table, and items under which one is rare."""
DATASET = typer.Argument(metavar="DATASET", help=choices.ANYWHERE, show_default=False)


def stats(
    options: Parallel,
    dataset: Annotated[str, DATASET],
    from_: Annotated[str | None, FROM] = None,
    images: Annotated[Path | None, choices.APART] = None,
    split: Annotated[list[str] | None, SPLIT] = None,
    size: Annotated[str, SIZE] = "288x288",
    html: Annotated[Path | None, HTML] = None,
    skip_bad: Annotated[bool, choices.SKIP] = False,
    workers: Annotated[int | None, WORKERS] = None,
) -> None:
    """Statistics of every class and split, and SSD anchors that fit the boxes."""
    preload_for(dataset, "converters.statistics.columns", workers=workers)
    from converters.statistics import measure
    from orchestrator.settings import Settings
    from specs import drafting
    from tltpipe import files

    input_size = _size(size)
    if html is not None and html.is_dir():
        raise UsageError("this is a folder", where=html, hint="name the page itself: --html report.html")
    format, datasets = _opened(storage.local(dataset, options.console.progress), from_, split, images)
    report = measure(
        datasets,
        fit=drafting.load(Settings.network).fit,
        progress=options.console.progress,
        size=input_size,
        skip_bad=skip_bad,
        workers=workers,
    )
    if html is not None:
        from converters.statistics.page import render

        files.write_text(html, render(report, title=Path(dataset).resolve().name, format=format))
    if options.json:
        options.console.json({"format": format, **report.numbers})
        return
    show(options.console, report.numbers)
    if html is not None:
        options.console.put(f"page: {html}")


def view(
    options: Plain,
    dataset: Annotated[str, DATASET],
    out: Annotated[Path, typer.Argument(help="Folder to draw into.", show_default=False)],
    from_: Annotated[str | None, FROM] = None,
    images: Annotated[Path | None, choices.APART] = None,
    split: Annotated[list[str] | None, SPLIT] = None,
    count: Annotated[int, COUNT] = 24,
    category: Annotated[str | None, CLASS] = None,
    picture: Annotated[list[str] | None, PICTURE] = None,
    skip_bad: Annotated[bool, choices.SKIP] = False,
) -> None:
    """Draw boxes, polygons, masks and landmarks on images, and a contact sheet of them."""
    from converters.statistics.viewing import view as draw

    progress = options.console.progress
    _, datasets = _opened(storage.local(dataset, progress), from_, split, images)
    names = picture or ()
    done = draw(datasets, out, progress=progress, count=count, category=category, names=names, skip_bad=skip_bad)
    if options.json:
        options.console.json(done.as_json())
        return
    for line in done.lines(out):
        options.console.put(line)


def show(console: Console, numbers: Mapping[str, Any]) -> None:
    """A table of classes for each split, and the anchors; narrow enough for 80 columns."""
    for name, split in numbers["splits"].items():
        sizes, many = split["picture_sizes"], split["items_per_picture"]["mean"]
        told = f"{split['pictures']:,} pictures in {sizes['different']:,} sizes, {split['items']:,} items"
        console.put(f"\n{name}: {told}" + (f", {many:.2f} a picture" if split["items"] else ""))
        for count, what in ((len(split["left_out"]), "left out"), (split["without_area"], "boxes without area")):
            if count:
                console.put(f"  {count:,} {what}: tltpipe check tells more")
        if split["items"]:
            most = max(told["share"] for told in split["classes"].values())
            masked = split["all"]["mask_pixels"] > 0
            rows = [_row(title, told, most, masked=masked) for title, told in split["classes"].items()]
            last = "pixels" if masked else "occluded"
            columns = ("class", "items", "share", "", "median", "h/w", "small", last)
            console.table(columns, [*rows, _row("all", split["all"], None, masked=masked)])
        if split["attributes"] is not None:
            _show_attributes(console, split["attributes"])
    anchors = numbers["anchors"]
    if anchors is not None:
        _show_anchors(console, anchors, numbers["input"])


def _show_attributes(console: Console, told: Mapping[str, Any]) -> None:
    """The most frequent ones, and how many are rare."""
    each = sorted(told["each"].items(), key=lambda pair: -pair[1]["items"])
    console.put(f"\n{len(each):,} attributes, {told['mean']:.2f} an item")
    rows = [(name, own["group"], f"{own['items']:,}", f"{100 * own['share']:.1f}%") for name, own in each[:ATTRIBUTES]]
    console.table(("attribute", "group", "items", "share"), rows)
    rare = [f"{name} ({own['items']})" for name, own in reversed(each) if 0 < own["items"] < FEW]
    none = sum(not own["items"] for _, own in each)
    if rare:
        more = f" and {len(rare) - ATTRIBUTES:,} more" if len(rare) > ATTRIBUTES else ""
        console.put(f"  on fewer than {FEW} items: {', '.join(rare[:ATTRIBUTES])}{more}")
    if none:
        console.put(f"  on no item: {none:,}")


def _show_anchors(console: Console, anchors: Mapping[str, Any], size: Mapping[str, int]) -> None:
    from orchestrator.screen.console import blocks

    console.put(f"\nSSD anchors for {size['width']} x {size['height']}, fitted to {anchors['split']}")
    rows = []
    for title in ("default", "suggested"):
        told = anchors[title]
        recalls = [f"{100 * share:.1f}%" for share in told["all"]["recall"].values()]
        mean = told["all"]["mean_iou"]
        rows.append((title, f"{told['anchors']:,}", *recalls, f"{mean:.3f}", blocks(mean, width=12)))
    ious = [
        f"{'recall ' if number == 0 else ''}at {iou}" for number, iou in enumerate(anchors["default"]["all"]["recall"])
    ]
    console.table(("anchors", "a picture", *ious, "mean IoU", ""), rows)
    for line in anchors["spec"]:
        console.put(f"  {line}")
    for line in anchors["set"]:
        console.put(f"  {line}")


def _row(title: str, told: Mapping[str, Any], most: float | None, *, masked: bool) -> tuple[str, ...]:
    """Medians of a class and the shares that matter, the last that of pixels in ``masked`` data; ``most`` is the share
    that fills the bar."""
    from orchestrator.screen.console import blocks

    box = f"{told['width']['median']:.0f} × {told['height']['median']:.0f}" if told["width"] else ""
    aspect = f"{told['aspect_ratio']['median']:.2f}" if told["aspect_ratio"] else ""
    small, other = told["sizes"]["small"], told["mask_pixels"] if masked else 1 - told["occlusion"]["0"]
    last = [f"{100 * share:.1f}%" for share in (small, other)] if told["items"] else ["", ""]
    bar = blocks(told["share"] / most, width=6) if most else ""
    return title, f"{told['items']:,}", f"{100 * told['share']:.1f}%", bar, box, aspect, *last


def _opened(
    path: Path, format: str | None, wanted: list[str] | None, images: Path | None
) -> tuple[str, dict[str, Dataset]]:
    import tltpipe

    found = tltpipe.read(path, format, images=images)
    for name in wanted or ():
        if name not in found:
            hint = f"there are {', '.join(found)}"
            raise UsageError(f'there is no split "{name}" here', where=path, hint=hint)
    return found.format, {name: each for name, each in found.items() if not wanted or name in wanted}


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 8192 and 16 <= int(height) <= 8192):
        raise UsageError(f"--size {text}: write WIDTHxHEIGHT, such as 288x288, from 16 to 8192")
    return int(width), int(height)
