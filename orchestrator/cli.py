"""The commands: each reads its options, calls one function, shows the answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator import choices, inspect_command, spec_command
from orchestrator.check_command import check
from orchestrator.convert_command import convert
from orchestrator.fetch_command import fetch
from orchestrator.options import Options, command
from orchestrator.split_command import split
from orchestrator.stats_command import stats, view
from tltpipe import __version__
from tltpipe.errors import HostError, UsageError

if TYPE_CHECKING:
    from orchestrator.pipeline import Result

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


@app.command()
@command
def prepare(
    options: Options,
    classes: Annotated[str | None, choices.CLASSES] = None,
    rename: Annotated[list[str] | None, choices.RENAME] = None,
    max_occlusion: Annotated[int | None, choices.OCCLUSION] = None,
    min_size: Annotated[float | None, choices.SIZE] = None,
    max_zoom: Annotated[int | None, choices.ZOOM] = None,
    only_source: Annotated[list[str] | None, choices.SOURCE] = None,
    subset: Annotated[int | None, choices.SUBSET] = None,
    keep_empty: Annotated[bool | None, choices.EMPTY] = None,
    skip_bad: Annotated[bool | None, choices.SKIP] = None,
) -> None:
    """Turn raw annotations into COCO files and KITTI labels, all splits in one pass; the specs are rendered too.

    What to take can be set for all commands in the data section of tltpipe.yaml.
    """
    chosen: dict[str, Any] = {
        "classes": [name.strip() for name in classes.split(",")] if classes else None,
        "rename": rename or None,
        "max_occlusion": max_occlusion,
        "min_size": min_size,
        "max_zoom": max_zoom,
        "sources": only_source or None,
        "subset": subset,
        "keep_empty": keep_empty,
        "skip_bad": skip_bad,
    }
    _stages(options, ["prepare"], **{f"data.{key}": value for key, value in chosen.items()})


@app.command()
@command
def augment(options: Options) -> None:
    """Augment and resize the pictures into a KITTI folder."""
    _stages(options, ["augment"])


@app.command()
@command
def tfrecords(
    options: Options,
    more: Annotated[list[str] | None, inspect_command.MORE] = None,
    inspect: Annotated[str | None, inspect_command.INSPECT] = None,
    records: Annotated[int | None, inspect_command.RECORDS] = None,
    draw: Annotated[Path | None, inspect_command.DRAW] = None,
    images: Annotated[Path | None, inspect_command.IMAGES] = None,
    count: Annotated[int | None, inspect_command.COUNT] = None,
) -> None:
    """Convert the KITTI folders to TFRecord shards; or, with --inspect, look into records.

    An inspection needs no workspace: it counts, verifies every check sum, prints records, or draws some.
    """
    asked = inspect_command.Inspection(inspect, more, records, draw, images, count)
    if asked:
        inspect_command.inspect(options, asked)
    else:
        _stages(options, ["tfrecords"])


GPUS = typer.Option(help="GPUs to train on; without any, our programs train on the CPU.", show_default=False)
KEY = typer.Option(help="Key of NVIDIA's encrypted models.", envvar="TLTPIPE_KEY", show_envvar=True, show_default=False)


@app.command()
@command
def train(
    options: Options,
    gpus: Annotated[int | None, GPUS] = None,
    key: Annotated[str | None, KEY] = None,
    fresh: Annotated[bool, typer.Option(help="Start over instead of going on from the newest checkpoint.")] = False,
    start: Annotated[
        Path | None, typer.Option("--from", help="Model to start from: a pruned one, or pretrained weights.")
    ] = None,
) -> None:
    """Train the network; an interrupted training goes on from its newest checkpoint."""
    weights: dict[str, Any] = {"train.weights": start and str(start.absolute() if start.exists() else start)}
    _stages(options, ["train"], force=fresh, gpus=gpus, key=key, **weights)


@app.command()
@command
def evaluate(options: Options, key: Annotated[str | None, KEY] = None) -> None:
    """Average precision of the newest checkpoint, per class, on the validation data."""
    _stages(options, ["evaluate"], key=key)


@app.command()
@command
def infer(
    options: Options,
    pictures: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE_OR_FOLDER...", help="What to look at; patterns too, and - for a list on stdin."),
    ],
    model: Annotated[
        Path | None, typer.Option(help="Checkpoint, or what export wrote (.onnx, .pt, .pt2); the newest by default.")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="Lowest score to keep.", show_default=False)] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1; a GPU if there is one by default.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pictures looked at together.")] = None,
    key: Annotated[str | None, KEY] = None,
) -> None:
    """Find objects in pictures: drawn pictures, labels, COCO results and a sheet go to inference/."""
    from orchestrator import subjects

    first, *more = subjects.of(pictures)
    chosen: dict[str, Any] = {
        "infer.model": _named(model),
        "infer.device": device,
        "infer.batch_size": batch_size,
    }
    _stages(options, ["infer"], subject=first, subjects=tuple(more), threshold=threshold, key=key, **chosen)


@app.command()
@command
def export(
    options: Options,
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="Checkpoint to export; the newest one by default.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="onnx (the default), onnx_raw, deepstream, torchscript or pt2.")
    ] = None,
    data_type: Annotated[str | None, typer.Option(help="fp32, fp16 (deepstream) or int8 (onnx).")] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Pictures for int8; the augmented ones by default.", show_default=False)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="A fixed number of pictures a batch; any by default.")
    ] = None,
    key: Annotated[str | None, KEY] = None,
) -> None:
    """Write a model for ONNX Runtime, DeepStream or PyTorch, compare it with the original, put it in exported/.

    More can be set in the export section of tltpipe.yaml.
    """
    chosen: dict[str, Any] = {
        "export.format": format,
        "export.data_type": data_type,
        "export.calibration": _named(calibration),
        "export.static_batch_size": batch,
    }
    _stages(options, ["export"], subject=model, key=key, **chosen)


def _named(path: Path | None) -> str | None:
    """A file as it is called from here, wherever the workspace is."""
    return None if path is None else str(path.absolute() if path.exists() else path)


@app.command()
@command
def prune(
    options: Options,
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="Checkpoint to prune; the newest one by default.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Filters stay whose norm, over their layer's largest, is above it (0.1).")
    ] = None,
    criterion: Annotated[
        str | None,
        typer.Option(help="For layers that share a decision: union, intersection, arithmetic_mean, geometric_mean."),
    ] = None,
    key: Annotated[str | None, KEY] = None,
) -> None:
    """Cut filters of little weight out of a model: a smaller one goes to pruned/, to be trained again.

    More can be set in the prune section of tltpipe.yaml.
    """
    chosen: dict[str, Any] = {"prune.threshold": threshold, "prune.criterion": criterion}
    _stages(options, ["prune"], subject=model, key=key, **chosen)


STAGES = typer.Argument(help="Stages; without any, all from prepare to evaluate.", show_default=False)


@app.command()
@command
def run(
    options: Options,
    stages: Annotated[
        list[str] | None, typer.Argument(help="Stages; without any, all from prepare to evaluate.")
    ] = None,
    gpus: Annotated[int | None, GPUS] = None,
    key: Annotated[str | None, KEY] = None,
) -> None:
    """Run the whole pipeline; what is up to date is skipped."""
    _stages(options, stages, gpus=gpus, key=key)


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


def _stages(
    options: Options,
    names: list[str] | None,
    *,
    subject: Path | None = None,
    subjects: tuple[Path, ...] = (),
    force: bool = False,
    **flags: Any,
) -> None:
    """Run stages and show what came of them."""
    from orchestrator import pipeline, session

    run = session.start(
        options.workspace,
        options.console,
        flags=options.flags(**flags),
        force=options.force or force,
        render=options.render,
        subject=subject,
        subjects=subjects,
    )
    results = pipeline.execute(run, names or pipeline.every())
    if options.json:
        options.console.json({"workspace": str(run.workspace.root), "stages": [vars(result) for result in results]})
    show(options, results)


def show(options: Options, results: list[Result]) -> None:
    """The tables and counts that stages told."""
    for told in (result.told for result in results):
        if told.get("mAP") is not None:
            details = {row["class"]: row for row in told.get("classes", ())}
            options.console.precision(told["average_precision"], told["mAP"], details)
            for line in told.get("lines", ()):
                options.console.put(line)
        if "objects" in told:
            rows = [(name, str(count)) for name, count in told["objects"].items()] or [("nothing", "0")]
            options.console.table(("class", "found"), rows)
            options.console.put(f"{told['images']} pictures: {told['drawn']}")
        if told.get("exported"):
            options.console.put(f"exported: {told['exported']}")


def _answer(options: Options, told: dict[str, Any], text: str | None = None) -> None:
    """The answer as JSON where that was asked for, else as text for people."""
    if options.json:
        options.console.json(told)
    elif text is not None:
        options.console.put(text)
