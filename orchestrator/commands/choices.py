"""Options that choose what of a data set to take, for every command that takes one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tltpipe import executors, storage
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from converters.transfer.placement import How
    from tltpipe.progress import Progress


class Crowd(StrEnum):
    """What becomes of regions that are marked as crowd (iscrowd, IsGroupOf)."""

    KEEP = "keep"
    DROP = "drop"


ANYWHERE = "A folder, a file, or a URL of either (s3://bucket/prefix)."
"""What a command takes as a data set."""
CLASSES = typer.Option(help="Keep these classes, in this order: a,b,c.", show_default=False)
RENAME = typer.Option(help="OLD=NEW; two classes with one new name are merged. Repeatable.", show_default=False)
OCCLUSION = typer.Option(
    min=0, max=2, help="Drop objects that are occluded more: 0 not, 1 partly, 2 largely.", show_default=False
)
SIZE = typer.Option(min=0, help="Drop boxes with a side of fewer pixels.", show_default=False)
ZOOM = typer.Option(
    min=1, max=3, help="Drop objects that are zoomed in more (DeepFashion2's 1 to 3).", show_default=False
)
SOURCE = typer.Option(help="Only pictures of this source (user, shop). Repeatable.", show_default=False)
SUBSET = typer.Option(min=1, help="Use N images of each split, chosen deterministically.", show_default=False)
EMPTY = typer.Option("--keep-empty", help="Keep images that lost all their objects, as background.")
CROWD = typer.Option(help="Crowd regions: keep (as ordinary boxes where the format has no crowd flag) or drop.")
SKIP = typer.Option("--skip-bad", help="Skip and list images that cannot be used, instead of stopping.")
LOSS = typer.Option("--allow-loss", help="Continue where a whole class or split is lost.")
APART = typer.Option("--images", help="Folder of the images (default: beside the annotations).", show_default=False)
IMAGES = typer.Option(
    "--images",
    metavar="link|copy|none|DIR",
    help="How images go along: as hard links (copies where that cannot be), copies, or not at all (default: link); "
    "or the folder that they lie in, apart from the annotations. Repeatable.",
    show_default=False,
)


def images(values: list[str] | None) -> tuple[How, Path | None]:
    """How images go along, and where they lie if not beside their annotations. Raises UsageError for other words."""
    ways: dict[str, How] = {"link": "link", "copy": "copy", "none": "none"}
    how: How = "link"
    folder: Path | None = None
    for value in values or ():
        if value in ways:
            how = ways[value]
        elif Path(value).is_dir():
            folder = Path(value)
        else:
            raise UsageError(f'--images: "{value}" is neither link, copy or none, nor a folder')
    return how, folder


def output(target: str, progress: Progress, *, replace: bool) -> AbstractContextManager[storage.Output]:
    """Where ``target``, a folder or a URL, is made: for a URL where all machines that work on it see it."""
    shared = Path.cwd() / ".tltpipe-upload" if executors.far() else None
    alone = executors.divided() is None
    return storage.output(target, progress, replace=replace, folder=shared, alone=alone)
