"""tltpipe landmarks: files of DeepFashion2's landmarks, and the second stage of their training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.commands import choices
from orchestrator.commands.convert import FROM, show_losses
from orchestrator.commands.options import Plain, command
from orchestrator.screen import answers
from tltpipe.losses import total

if TYPE_CHECKING:
    from converters.transfer.landmark_files import Written

app = typer.Typer(
    help="Landmarks of garments: files of 81 shared points, and a model for each category.", no_args_is_help=True
)

SOURCE = typer.Argument(metavar="SRC", help="Data set of garments: a folder or a file.", show_default=False)
TARGET = typer.Argument(metavar="DST", help="Folder to write annotations_... below.", show_default=False)
FORCE = typer.Option("--force", help="Replace files that are there.")


@app.command()
@command
def aggregate(
    options: Plain,
    source: Annotated[Path, SOURCE],
    target: Annotated[Path, TARGET],
    from_: Annotated[str | None, FROM] = None,
    images: Annotated[Path | None, choices.APART] = None,
    force: Annotated[bool, FORCE] = False,
) -> None:
    """Write annotations_agg81kps: COCO files with the 294 landmarks of garments in the 81 points that they share."""
    from converters.transfer import landmark_files

    done = landmark_files.aggregate(
        source, target, progress=options.console.progress, format=from_, images=images, replace=force
    )
    _answer(options, done)


@app.command()
@command
def split(
    options: Plain,
    source: Annotated[Path, SOURCE],
    target: Annotated[Path, TARGET],
    from_: Annotated[str | None, FROM] = None,
    images: Annotated[Path | None, choices.APART] = None,
    force: Annotated[bool, FORCE] = False,
) -> None:
    """Write annotations_per_category and annotations_per_category_agg81kps: a COCO file for each category."""
    from converters.transfer import landmark_files

    done = landmark_files.split(
        source, target, progress=options.console.progress, format=from_, images=images, replace=force
    )
    _answer(options, done)


def _answer(options: Plain, done: Mapping[str, Written]) -> None:
    losses = total(each.losses for each in done.values())
    if options.json:
        told = {
            name: {
                "files": list(map(str, each.files)),
                "without_items": each.empty,
                "losses": each.losses.as_json(),
                "findings": answers.findings(each.findings),
            }
            for name, each in done.items()
        }
        options.console.json({"losses": losses.as_json(), "splits": told})
        return
    for name, each in done.items():
        options.console.put(f"{name}: {each.losses.written}")
        for path in each.files:
            options.console.put(f"  {path}")
        if each.empty:
            options.console.put(f"  without items: {', '.join(each.empty)}")
        for finding in each.findings:
            options.console.put(f"  {finding.rule.severity} {finding}")
    show_losses(options.console, losses)
