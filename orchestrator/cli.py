"""The commands: each reads its options, calls one function, shows the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator import spec_command, stage_commands, tao_command
from orchestrator.check_command import check
from orchestrator.convert_command import convert
from orchestrator.fetch_command import fetch
from orchestrator.options import Options, command
from orchestrator.split_command import split
from orchestrator.stats_command import stats, view
from tltpipe import __version__
from tltpipe.errors import HostError, UsageError

app = typer.Typer(
    name="tltpipe",
    help="From raw detection data to a trained, evaluated TLT detector, with or without NVIDIA's containers.",
    epilog="In a folder with Original-Data/{train,validation}/{image,annos}: tltpipe run",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
image_app = typer.Typer(help="The container image of our own programs.", no_args_is_help=True)
app.add_typer(image_app, name="image")
app.add_typer(spec_command.app, name="spec")


def main() -> int:
    """The console script."""
    app()
    return 0


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tltpipe {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
@command
def init(options: Options) -> None:
    """Write tltpipe.yaml, with every setting explained. Optional: the defaults serve the usual layout."""
    from orchestrator import example
    from tltpipe import files

    path = options.workspace.absolute() / "tltpipe.yaml"
    if path.exists() and not options.force:
        raise UsageError("is there already", where=path, hint="--force writes it anew")
    files.write_text(path, example.text())
    _answer(options, {"written": str(path)}, f"wrote {path}")


@app.command()
@command
def sample(
    options: Options,
    out: Annotated[Path, typer.Argument(help="Folder to draw into, usually Original-Data.")] = Path("Original-Data"),
    train: Annotated[int, typer.Option(min=1, help="Pictures to train on.")] = 600,
    validation: Annotated[int, typer.Option(min=0, help="Pictures to validate on.")] = 120,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same bytes.")] = 1,
    size: Annotated[int, typer.Option(min=64, help="Longer side of a picture, about, in pixels.")] = 420,
) -> None:
    """Draw a sample data set: garments with boxes, landmarks and outlines, in DeepFashion2's format."""
    from orchestrator import demo

    folder = options.workspace.absolute() / out
    if folder.exists() and any(folder.iterdir()) and not options.force:
        raise UsageError("is not empty", where=folder, hint="choose another folder, or --force to replace it")
    demo.draw(folder, demo.Sample(train=train, validation=validation, seed=seed, size=size), options.console.progress)
    told = {"folder": str(folder), "train": train, "validation": validation}
    _answer(options, told, f"drew {train + validation} pictures into {folder}")


for stage_command in stage_commands.ALL:
    app.command()(command(stage_command))


@app.command()
@command
def status(options: Options) -> None:
    """What is done, what is stale and why."""
    from orchestrator import pipeline, session

    run = session.start(options.workspace, options.console, flags=options.flags())
    verdicts = pipeline.survey(run)
    _answer(options, {"workspace": str(run.workspace.root), "stages": {n: vars(v) for n, v in verdicts.items()}})
    rows = [(name, told.state, told.when or "", told.why) for name, told in verdicts.items()]
    colours = {"done": "green", "stale": "yellow", "missing": "red"}
    options.console.table(("stage", "state", "finished", "why"), rows, colours=colours)


@app.command()
@command
def doctor(options: Options) -> None:
    """Look whether this machine has what the chosen runner needs; exit code 6 if not."""
    from orchestrator import doctor as examination
    from orchestrator import session

    run = session.start(options.workspace, options.console, flags=options.flags())
    checks = examination.examine(run)
    _answer(
        options, {"runner": run.config.runner, "checks": [{**vars(check), "state": check.state} for check in checks]}
    )
    rows = [(c.name, c.state, c.found, "" if c.ok else c.hint or "") for c in checks]
    colours = {"ok": "green", "missing": "red", "absent": "yellow"}
    options.console.table(("", "", "found", "what to do"), rows, colours=colours)
    lacking = [check for check in checks if check.needed and not check.ok]
    if lacking:
        what = f"the runner {run.config.runner} lacks: {', '.join(check.name for check in lacking)}"
        raise HostError(what, hint=lacking[0].hint)


@app.command()
@command
def demo(
    options: Options,
    folder: Annotated[Path, typer.Argument(help="Folder for the demo; running again continues there.")] = Path("demo"),
) -> None:
    """Draw a sample data set, train a small detector on it, and show what it finds."""
    from orchestrator import demo as show

    told = show.play(options.workspace.absolute() / folder, options.console, flags=options.flags())
    if options.json:
        options.console.json(told)


for dataset_command in (fetch, check, stats, view, convert, split):
    app.command()(command(dataset_command))


app.command(context_settings=tao_command.RAW)(tao_command.tao)


@image_app.command("build")
@command
def build(
    options: Options,
    base_image: Annotated[str | None, typer.Option(help="Image with Python to build on.", show_default=False)] = None,
    extras: Annotated[
        str, typer.Option(help='What to install beside the data stages; "" for no PyTorch.')
    ] = "runtime,export",
    tag: Annotated[str | None, typer.Option(help="Name of the image.", show_default=False)] = None,
) -> None:
    """Build the image of our own programs with the local Docker engine."""
    from orchestrator import image

    built = image.build(options.console, tag=tag or image.TAG, base_image=base_image, extras=extras)
    if options.json:
        options.console.json({"image": tag or image.TAG, "id": built})


def _answer(options: Options, told: dict[str, Any], text: str | None = None) -> None:
    """The answer as JSON where that was asked for, else as text for people."""
    if options.json:
        options.console.json(told)
    elif text is not None:
        options.console.put(text)
