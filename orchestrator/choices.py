"""Options that choose what of a data set to take, for every command that takes one."""

from __future__ import annotations

import typer

CLASSES = typer.Option(help="Keep these classes, in this order: a,b,c.", show_default=False)
RENAME = typer.Option(help="OLD=NEW; two classes with one new name are merged. Repeatable.", show_default=False)
OCCLUSION = typer.Option(
    min=0, max=2, help="Drop what is occluded more: 0 none, 1 partly, 2 largely.", show_default=False
)
SIZE = typer.Option(min=0, help="Drop boxes with a side of fewer pixels.", show_default=False)
ZOOM = typer.Option(min=1, max=3, help="Drop what is zoomed in more (DeepFashion2's 1 to 3).", show_default=False)
SOURCE = typer.Option(help="Only pictures of this source (user, shop). Repeatable.", show_default=False)
SUBSET = typer.Option(min=1, help="So many pictures of each split: the same on every machine.", show_default=False)
EMPTY = typer.Option("--keep-empty", help="Keep pictures that lost all their objects, as background.")
SKIP = typer.Option("--skip-bad", help="Leave out pictures that cannot be used, and list them, instead of stopping.")
LOSS = typer.Option("--allow-loss", help="Go on where a whole class or split is lost.")
