"""tltpipe stats and tltpipe view: what is in a data set, in numbers and in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator import choices
from orchestrator.options import Plain
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converters.model import Dataset
    from orchestrator.console import Console

FROM = typer.Option("--from", help="Format of DATASET; guessed without.", show_default=False)
SPLIT = typer.Option("--split", help="Only this split. Repeatable.", show_default=False)
SIZE = typer.Option("--size", metavar="WxH", help="Input of the network that anchors are suggested for.")
HTML = typer.Option("--html", metavar="FILE", help="Write one page with plots and pictures.", show_default=False)
WORKERS = typer.Option(min=1, help="Worker processes; all cores without.", show_default=False)
COUNT = typer.Option(min=1, help="Pictures of each split.")
CLASS = typer.Option("--class", help="Only pictures that show this class.", show_default=False)
PICTURE = typer.Option("--picture", help="This picture, by its name. Repeatable.", show_default=False)
DATASET = typer.Argument(metavar="DATASET", help="A folder or a file.", show_default=False)


def stats(
    options: Plain,
    dataset: Annotated[Path, DATASET],
    from_: Annotated[str | None, FROM] = None,
    split: Annotated[list[str] | None, SPLIT] = None,
    size: Annotated[str, SIZE] = "288x288",
    html: Annotated[Path | None, HTML] = None,
    skip_bad: Annotated[bool, choices.SKIP] = False,
    workers: Annotated[int | None, WORKERS] = None,
) -> None:
    """Numbers of every class and split, and anchors for SSD that fit the boxes."""
    from converters.statistics import measure
    from tltpipe import files

    format, datasets = _opened(dataset, from_, split)
    report = measure(datasets, progress=options.console.progress, size=_size(size), skip_bad=skip_bad, workers=workers)
    if html is not None:
        from converters.statistics.page import render

        files.write_text(html, render(report, title=dataset.resolve().name, format=format))
    if options.json:
        options.console.json({"format": format, **report.numbers})
        return
    show(options.console, report.numbers)
    if html is not None:
        options.console.put(f"page: {html}")


def view(
    options: Plain,
    dataset: Annotated[Path, DATASET],
    out: Annotated[Path, typer.Argument(help="Folder to draw into.", show_default=False)],
    from_: Annotated[str | None, FROM] = None,
    split: Annotated[list[str] | None, SPLIT] = None,
    count: Annotated[int, COUNT] = 24,
    category: Annotated[str | None, CLASS] = None,
    picture: Annotated[list[str] | None, PICTURE] = None,
) -> None:
    """Draw boxes, polygons, masks and landmarks on pictures, and a contact sheet of them."""
    from converters.viewing import view as draw

    _, datasets = _opened(dataset, from_, split)
    progress = options.console.progress
    done = draw(datasets, out, progress=progress, count=count, category=category, names=picture or ())
    if options.json:
        options.console.json({"written": list(map(str, done.written)), "sheet": done.sheet and str(done.sheet)})
        return
    options.console.put(f"{len(done.written)} pictures in {out}" + (f"; all on {done.sheet}" if done.sheet else ""))


def show(console: Console, numbers: Mapping[str, Any]) -> None:
    """A table of classes for each split, and the anchors."""
    for name, split in numbers["splits"].items():
        sizes = split["picture_sizes"]
        console.put(f"\n{name}: {split['pictures']:,} pictures, {split['items']:,} items, {sizes['different']} sizes")
        if split["left_out"]:
            console.put(f"  {len(split['left_out'])} left out")
        rows = [_row(title, told) for title, told in split["classes"].items()]
        if split["items"]:
            columns = ("class", "items", "share", "width", "height", "h/w", "small", "occluded")
            console.table(columns, [*rows, _row("all", split["all"])])
    anchors = numbers["anchors"]
    if anchors is None:
        return
    console.put(
        f"\nSSD anchors for {numbers['input']['width']} x {numbers['input']['height']}, fitted to {anchors['split']}"
    )
    found = [(title, anchors[title]) for title in ("default", "suggested")]
    iou = list(anchors["default"]["all"]["recall"])
    rows = [
        (
            title,
            str(told["anchors"]),
            *(f"{100 * told['all']['recall'][each]:.1f} %" for each in iou),
            f"{told['all']['mean_iou']:.3f}",
        )
        for title, told in found
    ]
    console.table(("anchors", "a picture", *(f"recall at {each}" for each in iou), "mean IoU"), rows)
    for line in anchors["spec"]:
        console.put(f"  {line}")


def _row(title: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    """Medians of a class and the shares that matter."""

    def median(name: str, digits: int = 0) -> str:
        return f"{told[name]['median']:.{digits}f}" if told[name] is not None else ""

    occluded = 1 - told["occlusion"].get("0", 0) if told["items"] else 0
    small = told["sizes"].get("small", 0) if told["items"] else 0
    shares = [f"{100 * value:.1f} %" for value in (told["share"], small, occluded)]
    return (
        title,
        f"{told['items']:,}",
        shares[0],
        median("width"),
        median("height"),
        median("aspect_ratio", 2),
        *shares[1:],
    )


def _opened(path: Path, format: str | None, wanted: list[str] | None) -> tuple[str, dict[str, Dataset]]:
    import converters

    found, datasets = converters.splits(path, format)
    for name in wanted or ():
        if name not in datasets:
            hint = f"there are {', '.join(datasets)}"
            raise UsageError(f'there is no split "{name}" here', where=path, hint=hint)
    return found, {name: each for name, each in datasets.items() if not wanted or name in wanted}


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 8192 and 16 <= int(height) <= 8192):
        raise UsageError(f"--size {text}: write WIDTHxHEIGHT, such as 288x288, from 16 to 8192")
    return int(width), int(height)
