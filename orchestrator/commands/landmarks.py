"""tltpipe landmarks: files of DeepFashion2's landmarks, and the second stage of their training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.commands import choices, stages
from orchestrator.commands.convert import FROM, show_losses
from orchestrator.commands.options import Options, Plain, command
from orchestrator.screen import answers
from tltpipe.errors import UsageError
from tltpipe.losses import total

if TYPE_CHECKING:
    from converters.transfer.landmark_files import Written

app = typer.Typer(
    help="Landmarks of garments: files of 81 shared points, and a model for each category.", no_args_is_help=True
)

SOURCE = typer.Argument(metavar="SRC", help="Data set of garments: a folder or a file.", show_default=False)
TARGET = typer.Argument(metavar="DST", help="Folder to write annotations_... below.", show_default=False)
FORCE = typer.Option("--force", help="Replace files that are there.")
CATEGORIES = typer.Option(help="Categories to train a model of: a,b,c (default: all).", show_default=False)
RATE = typer.Option(help="Learning rate at the start (default: the setting finetune.lr, 0.0001).", show_default=False)
EPOCHS = typer.Option(min=1, help="Passes over the objects (default: the network's num_epochs).", show_default=False)
BATCH = typer.Option(min=1, help="Objects per step on each GPU (default: the network's).", show_default=False)
JOBS = typer.Option(min=1, help="Categories that are trained at a time (default: 1).", show_default=False)
FILES = typer.Argument(metavar="RESULTS...", help="Files of results, each of other categories.", show_default=False)
OUT = typer.Option("--output", "-o", metavar="OUT", help="Results file to write.", show_default=False)


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


@app.command()
@command
def finetune(
    options: Options,
    model: Annotated[str | None, stages.MODEL] = None,
    categories: Annotated[str | None, CATEGORIES] = None,
    lr: Annotated[float | None, RATE] = None,
    epochs: Annotated[int | None, EPOCHS] = None,
    batch: Annotated[int | None, BATCH] = None,
    jobs: Annotated[int | None, JOBS] = None,
    gpus: Annotated[int | None, stages.GPUS] = None,
    key: Annotated[str | None, stages.KEY] = None,
) -> None:
    """Train a model of each category, from a checkpoint of all; evaluate their results together.

    The next call goes on where an interrupted one stopped. Results are in output/finetune.
    """
    chosen: dict[str, Any] = {
        "finetune.categories": [name.strip() for name in categories.split(",")] if categories else None,
        "finetune.lr": lr,
        "finetune.num_epochs": epochs,
        "finetune.batch_size": batch,
        "finetune.jobs": jobs,
    }
    stages.perform(options, ["finetune"], gpus=gpus, key=key, model=stages.named(model), **chosen)


@app.command()
@command
def collect(
    options: Plain,
    files: Annotated[list[Path], FILES],
    target: Annotated[Path, OUT],
    force: Annotated[bool, FORCE] = False,
) -> None:
    """Put COCO results of models that have a category each into one file, as finetune does."""
    from converters.transfer import collecting

    if target.exists() and not force:
        raise UsageError("is there already", where=target, hint="--force replaces it")
    counts = collecting.collect(files, target)
    if options.json:
        options.console.json({"written": str(target), "results": {str(path): count for path, count in counts.items()}})
        return
    for path, count in counts.items():
        options.console.put(f"{count:8,} {path}")
    options.console.put(f"{sum(counts.values()):8,} {target}")


@app.command()
@command
def ensemble(
    options: Plain,
    results: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="COCO results of landmarks.", show_default=False)
    ],
    output: Annotated[Path, OUT],
    force: Annotated[bool, FORCE] = False,
) -> None:
    """Write the mean of results for the same detections: of their landmarks, and of their scores."""
    from converters.transfer import landmark_ensembles

    count = landmark_ensembles.ensemble(results, output, replace=force)
    if options.json:
        options.console.json({"files": list(map(str, results)), "output": str(output), "results": count})
        return
    options.console.put(f"{output}: the mean of {len(results)} files, {count} results")


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
