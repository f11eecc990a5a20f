"""The commands: each reads its options, calls one function, shows the answer."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.commands import landmarks, parsing, render, serve, spec, stages, tao, toolkit
from orchestrator.commands.attach import attach
from orchestrator.commands.check import check
from orchestrator.commands.convert import convert
from orchestrator.commands.fetch import fetch
from orchestrator.commands.logs import logs
from orchestrator.commands.options import Changing, Chosen, Plain, Trying, Writing, before_commands, command
from orchestrator.commands.report import report
from orchestrator.commands.schema import schema
from orchestrator.commands.split import split
from orchestrator.commands.stats import stats, view
from orchestrator.commands.status import show_leftovers, status
from orchestrator.commands.stop import stop
from orchestrator.commands.watch import watch
from tltpipe import __version__
from tltpipe.errors import HostError, UsageError
from tltpipe.interpreters import collect_seldom, import_installed_only

app = typer.Typer(
    name="tltpipe",
    help="From raw detection data to a trained, evaluated TLT detector, with or without NVIDIA's containers.",
    epilog="In a folder with Original-Data/{train,validation}/{image,annos}: tltpipe run",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
image_app = typer.Typer(help="The container image of our own programs.", no_args_is_help=True)
app.add_typer(image_app, name="image")
app.add_typer(spec.app, name="spec")
app.add_typer(landmarks.app, name="landmarks")
app.add_typer(toolkit.app, name="toolkit")
app.add_typer(render.app, name="render")


def main() -> int:
    """The console script."""
    import_installed_only()
    collect_seldom()
    if "--json" not in sys.argv[1:]:
        parsing.program(app, sys.argv[1:])()
        return 0
    try:
        return parsing.program(app, sys.argv[1:]).main(prog_name="tltpipe", standalone_mode=False) or 0
    except Exception as error:  # of whichever click typer brings along
        if not hasattr(error, "format_message"):
            raise
        return _misused(error)


def _misused(error: Any) -> int:
    """A command line that typer refuses, as the error that all commands answer with."""
    from orchestrator.screen import console

    context = getattr(error, "ctx", None)
    problem = UsageError(error.format_message(), hint=f"{context.command_path if context else 'tltpipe'} --help")
    console.error(problem)
    typer.echo(json.dumps(console.as_json(problem), indent=2))
    return problem.exit_code


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tltpipe {__version__}")
        raise typer.Exit


@app.callback()
@before_commands
def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
@command
def init(
    options: Writing,
    format: Annotated[str | None, typer.Option(help="Format of the data set (default: detected).")] = None,
    img: Annotated[str | None, stages.IMG] = None,
) -> None:
    """Write tltpipe.yaml: every setting explained, with those given here and what was detected. Optional."""
    from orchestrator.commands import schema as schemas
    from orchestrator.settings import example
    from tltpipe import files

    path = options.workspace.absolute() / "tltpipe.yaml"
    if path.exists() and not options.force:
        raise UsageError("is there already", where=path, hint="--force writes it anew")
    text, detected = example.of_workspace(path.parent, options.flags(**{"data.format": format, "image_size": img}))
    text = schemas.modeline(path) + text
    if options.dry_run:
        _answer(options, {"path": str(path), "text": text}, text.rstrip())
        return
    written = schemas.write_beside(path)
    files.write_text(path, text)
    told = {"written": str(path), "schema": str(written), **vars(detected)}
    _answer(options, told, f"wrote {path}, with {written.name} for editors")
    for name, lines in detected.notes.items() if not options.json else ():
        for line in lines:
            options.console.put(f"  {name}: {line}")


@app.command()
@command
def sample(
    options: Changing,
    out: Annotated[Path, typer.Argument(help="Folder to draw into.")] = Path("Original-Data"),
    train: Annotated[int, typer.Option(min=1, help="Number of training images.")] = 600,
    validation: Annotated[int, typer.Option(min=0, help="Number of validation images.")] = 120,
    seed: Annotated[int, typer.Option(min=0, help="Seed; the same seed draws the same bytes.")] = 1,
    size: Annotated[
        int | None,
        typer.Option(min=64, help="Longer side of an image in pixels, about (default: 300 to 512, by layout)."),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            help="deepfashion2: boxes, landmarks and outlines; deepfashion: categories, attributes, a box an image; "
            "mask_png: people, a class for each pixel; penn_fudan: people, boxes and masks."
        ),
    ] = "deepfashion2",
    test: Annotated[int, typer.Option(min=0, help="Number of test images; deepfashion2 has none.")] = 0,
) -> None:
    """Draw a sample data set: garments, or people who wear them, with annotations."""
    from orchestrator.commands import demo

    folder = options.workspace.absolute() / out
    if folder.exists() and any(folder.iterdir()) and not options.force:
        raise UsageError("is not empty", where=folder, hint="choose another folder, or --force to replace it")
    if options.dry_run:
        _answer(options, {"folder": str(folder)}, f"would draw {train + validation + test} images into {folder}")
        return
    chosen = demo.Sample(train=train, validation=validation, seed=seed, size=size, test=test, layout=layout)
    demo.draw(folder, chosen, options.console.progress)
    told = {"folder": str(folder), "train": train, "validation": validation, "test": test}
    _answer(options, told, f"drew {train + validation + test} images into {folder}\n{_after_sample(out, layout)}")


def _after_sample(folder: Path, layout: str) -> str:
    """What to do with a sample data set."""
    if layout == "deepfashion2" and folder == Path("Original-Data"):
        return "train on it: tltpipe run; or write a spec for it: tltpipe spec new --from Original-Data -o train.conf"
    return f"look at it: tltpipe stats {shlex.quote(str(folder))}"


for stage_command in (*stages.ALL, status):
    app.command()(command(stage_command))


@app.command()
@command
def clean(options: Writing) -> None:
    """Remove what earlier runs left behind: trainings that were set aside, unfinished work.

    Work that an interrupted stage would resume from stays, unless --force.
    """
    from orchestrator import pipeline, session
    from orchestrator.jobs import leftovers
    from orchestrator.pipeline import live_jobs

    run = session.start(options.workspace, options.console, flags=options.flags())
    workspace = run.workspace
    found = leftovers.find(workspace)
    going = [each for each in found if options.force or each.resumes is None]
    staying = [each for each in found if each not in going]
    if not options.dry_run and going:
        live_jobs.refuse(run)
        with pipeline.alone(workspace):
            for each in going:
                leftovers.remove(each)
    total = sum(each.size for each in going)
    told = {"removed": [vars(each) for each in going], "stay": [vars(each) for each in staying], "bytes": total}
    _answer(options, {"dry_run": options.dry_run, **told})
    if options.json:
        return
    verb = "would remove" if options.dry_run else "removed"
    show_leftovers(options, workspace, f"{verb} {leftovers.in_words(total)}" if going else "nothing to remove", going)
    if staying:
        show_leftovers(
            options, workspace, "stays, for an interrupted stage to go on from (--force removes it, too):", staying
        )


@app.command()
@command
def doctor(options: Chosen) -> None:
    """Check whether this machine has what the chosen runner needs; exit code 6 if not."""
    from orchestrator import session
    from orchestrator.commands import doctor as examination

    run = session.start(options.workspace, options.console, flags=options.flags())
    checks = examination.examine(run)
    _answer(
        options, {"runner": run.config.runner, "checks": [{**vars(check), "state": check.state} for check in checks]}
    )
    if not options.json:
        for check in checks:  # lines, since a table would cut paths
            options.console.put(f"{check.state:8} {check.name}: {check.found}")
            if not check.ok and check.hint:
                options.console.put(f"{'':8} -> {check.hint}")
    lacking = [check for check in checks if check.needed and not check.ok]
    if lacking:
        what = f"the runner {run.config.runner} lacks: {', '.join(dict.fromkeys(check.name for check in lacking))}"
        raise HostError(what, hint=lacking[0].hint or lacking[0].found)


@app.command()
@command
def demo(
    options: Trying,
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of the demo; running again continues there (default: demo, demo-KIND of another).",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            help="detection: clothes; cascade: people, then the clothes on each; segmentation: a class for each pixel."
        ),
    ] = "detection",
) -> None:
    """Draw a sample data set, train a small model on it, show its predictions and how it is served."""
    from orchestrator.commands import demo as show

    place = options.workspace.absolute() / (folder or ("demo" if kind == show.DEFAULT else f"demo-{kind}"))
    told = show.play(place, options.console, kind=kind, flags=options.flags(), dry=options.dry_run)
    if options.json:
        options.console.json(told)


for plain_command in (fetch, check, stats, view, convert, split, schema, report, watch, logs, attach, stop):
    app.command()(command(plain_command))


app.command(context_settings=tao.RAW)(tao.tao)
app.command(context_settings=tao.RAW)(serve.serve)


@image_app.command("build")
@command
def build(
    options: Plain,
    models: Annotated[
        list[Path] | None, typer.Argument(help="With --serving: exported models that the image has and serves.")
    ] = None,
    serving: Annotated[
        bool, typer.Option("--serving", help="The image that serves models, slim and without PyTorch.")
    ] = False,
    base_image: Annotated[str | None, typer.Option(help="Base image with Python.", show_default=False)] = None,
    extras: Annotated[
        str | None,
        typer.Option(
            help='Extras to install beside the data stages; "" for no PyTorch (default: runtime,export).',
            show_default=False,
        ),
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(help="Name of the image (default: tltpipe:VERSION, tltpipe-serve:VERSION).", show_default=False),
    ] = None,
) -> None:
    """Build the image of our own programs with the local Docker engine, or the one that serves models."""
    from orchestrator.commands import images

    if serving:
        if extras is not None:
            raise UsageError("--extras has no meaning with --serving", hint="leave it out")
        told = images.build_serving(options.console, models or [], tag=tag, base_image=base_image)
    else:
        if models:
            raise UsageError("only the image that serves has models in it", hint="add --serving")
        told = images.build(options.console, tag=tag, base_image=base_image, extras=extras)
    if options.json:
        options.console.json(told)


def _answer(options: Plain, told: dict[str, Any], text: str | None = None) -> None:
    """The answer as JSON where that was asked for, else as text for people."""
    if options.json:
        options.console.json(told)
    elif text is not None:
        options.console.put(text)
