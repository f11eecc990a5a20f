"""tltpipe fetch: a public data set, from its publisher's archives to folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.commands.options import Plain
from orchestrator.screen import answers
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from converters.fetch import Fetched

FROM = typer.Option(
    "--from", help="Folder with archives that were downloaded before.", show_default=False, file_okay=False
)
SPLIT = typer.Option(help="Split to fetch. Repeatable (default: all).", show_default=False)
PASSWORD = typer.Option(
    min=0,
    help="File descriptor to read the password from (default: TLTPIPE_DATASET_PASSWORD, else a prompt).",
)
WORKERS = typer.Option(min=1, help="Worker processes (default: one for each core).", show_default=False)


def fetch(
    options: Plain,
    name: Annotated[str, typer.Argument(help="Data set, such as deepfashion2.")],
    out: Annotated[Path, typer.Argument(help="Folder for the splits.")] = Path("Original-Data"),
    from_: Annotated[Path | None, FROM] = None,
    split: Annotated[list[str] | None, SPLIT] = None,
    password_fd: Annotated[int | None, PASSWORD] = None,
    workers: Annotated[int | None, WORKERS] = None,
) -> None:
    """Download a data set, or take its archives from disk; unpack and verify it. Run again to resume."""
    from converters import fetch as fetching
    from orchestrator.settings import password

    ask = password.asker(password_fd)
    fetched = fetching.fetch(
        name,
        out.absolute(),
        password=ask,
        source=from_.absolute() if from_ else None,
        splits=split or (),
        progress=options.console.progress,
        say=options.console.say,
        workers=workers,
    )
    wrong = [str(finding) for finding in fetched.findings if finding.rule.severity == "error"]
    hint = "the rest is in place; the archives lack these files, so fetching again brings the same"
    problem = DataError("; ".join(wrong), where=fetched.folder, hint=hint) if wrong else None
    if options.json:
        options.console.answer_json(told(fetched), problem)
        return
    show(options, fetched)
    if problem:
        raise problem


def show(options: Plain, fetched: Fetched) -> None:
    """The splits in a table, what is odd below it, what may go."""
    if fetched.did_nothing:
        options.console.put("all there already; nothing to do")
    rows = [(part.name, *(f"{count:,}" for count in part.counts.values()), str(part.folder)) for part in fetched.splits]
    kinds = fetched.splits[0].counts if fetched.splits else {}
    options.console.table(("split", *kinds, "folder"), rows)
    for finding in fetched.findings:
        options.console.put(f"{finding.rule.severity}: {finding}; {finding.rule.fix}")
    for part in fetched.splits:
        if part.left_out:
            options.console.put(
                f"{part.name}: {part.left_out} files of the archive are no part of it and were left out"
            )
    downloaded = [part.archive for part in fetched.splits if part.archive and part.archive.parent == fetched.folder]
    if downloaded:
        options.console.put(f"no longer needed: {', '.join(str(path) for path in downloaded)}")


def told(fetched: Fetched) -> dict[str, Any]:
    """The answer as JSON: paths and counts."""
    return {
        "dataset": fetched.name,
        "folder": fetched.folder,
        "did_nothing": fetched.did_nothing,
        "splits": [vars(part) for part in fetched.splits],
        "findings": answers.findings(fetched.findings),
    }
