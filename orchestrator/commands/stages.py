"""The commands that run stages: each collects what was chosen, runs one or more stages, shows what came of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.commands import choices
from orchestrator.commands import inspect as inspect_command
from orchestrator.commands.options import Options
from tltpipe.errors import UsageError
from tltpipe.workers import preload_for

if TYPE_CHECKING:
    from orchestrator.pipeline import Result

GPUS = typer.Option(help="Number of GPUs to train on (default: 1; the CPU where there is none).", show_default=False)
NODES = typer.Option(min=1, help="Number of machines to train on (default: 1).", show_default=False)
EPOCHS = typer.Option(min=1, help="Number of epochs (default: the network's num_epochs).", show_default=False)
BATCH = typer.Option(min=1, help="Images per step on each GPU (default: the network's setting).", show_default=False)
IMG = typer.Option(metavar="N|WxH", help="Size of the images (default: the setting image_size).", show_default=False)
KEY = typer.Option(
    help="Key to encrypt and decrypt models with.", envvar="TLTPIPE_KEY", show_envvar=True, show_default=False
)

MODEL = typer.Option(
    "--model",
    metavar="last|best|PATH",
    help="Checkpoint to use (default: the setting model, last).",
    show_default=False,
)
CHECKPOINT = typer.Argument(metavar="MODEL", help="The same as --model.", show_default=False)


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
    crowd: Annotated[choices.Crowd | None, choices.CROWD] = None,
    skip_bad: Annotated[bool | None, choices.SKIP] = None,
    allow_loss: Annotated[bool | None, choices.LOSS] = None,
    images: Annotated[Path | None, choices.APART] = None,
) -> None:
    """Convert raw annotations to COCO files and KITTI labels, all splits in one pass; render the specs.

    What to include can be set for all commands in the data section of tltpipe.yaml.
    """
    _start_workers(options)
    chosen: dict[str, Any] = {
        "classes": [name.strip() for name in classes.split(",")] if classes else None,
        "rename": rename or None,
        "max_occlusion": max_occlusion,
        "min_size": min_size,
        "max_zoom": max_zoom,
        "sources": only_source or None,
        "subset": subset,
        "keep_empty": keep_empty,
        "crowd": crowd.value if crowd else None,
        "skip_bad": skip_bad,
        "allow_loss": allow_loss,
        "images": None if images is None else str(images.absolute()),
    }
    perform(options, ["prepare"], **{f"data.{key}": value for key, value in chosen.items()})


def augment(options: Options) -> None:
    """Augment and resize the images into a KITTI folder."""
    perform(options, ["augment"])


def tfrecords(
    options: Options,
    more: Annotated[list[str] | None, inspect_command.MORE] = None,
    inspect: Annotated[str | None, inspect_command.INSPECT] = None,
    records: Annotated[int | None, inspect_command.RECORDS] = None,
    draw: Annotated[Path | None, inspect_command.DRAW] = None,
    images: Annotated[Path | None, inspect_command.IMAGES] = None,
    count: Annotated[int | None, inspect_command.COUNT] = None,
) -> None:
    """Convert the KITTI folders to TFRecord shards; with --inspect, inspect records.

    An inspection needs no workspace: it counts, verifies every checksum, prints records, or draws some.
    """
    asked = inspect_command.Inspection(inspect, more, records, draw, images, count)
    if asked:
        options.refuse_unused("--inspect")
        inspect_command.inspect(options, asked)
    else:
        perform(options, ["tfrecords"])


def train(
    options: Options,
    epochs: Annotated[int | None, EPOCHS] = None,
    batch: Annotated[int | None, BATCH] = None,
    img: Annotated[str | None, IMG] = None,
    gpus: Annotated[int | None, GPUS] = None,
    nodes: Annotated[int | None, NODES] = None,
    key: Annotated[str | None, KEY] = None,
    fresh: Annotated[bool, typer.Option(help="Start over instead of resuming from the newest checkpoint.")] = False,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Model to start from: a pruned model or pretrained weights (default: random weights)."
        ),
    ] = None,
) -> None:
    """Train the network; an interrupted training resumes from its newest checkpoint."""
    weights: dict[str, Any] = {"train.weights": start and str(start.absolute() if start.exists() else start)}
    perform(options, ["train"], force=fresh, gpus=gpus, nodes=nodes, key=key, **weights, **_short(epochs, batch, img))


def evaluate(
    options: Options,
    model: Annotated[str | None, MODEL] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="COCO results of a detector, for networks that are shown one object at a time (default: the annotated "
            "boxes).",
            show_default=False,
        ),
    ] = None,
    boxes_threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Lowest score of a box of --boxes (default: all).", show_default=False),
    ] = None,
    key: Annotated[str | None, KEY] = None,
) -> None:
    """Evaluate a checkpoint on the validation data, per class."""
    chosen: dict[str, Any] = {"evaluate.boxes": named(boxes), "evaluate.boxes_threshold": boxes_threshold}
    perform(options, ["evaluate"], key=key, model=named(model), **chosen)


def infer(
    options: Options,
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE_OR_FOLDER...", help="Images, folders and patterns; - reads a list from standard input."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="last|best|PATH",
            help="Checkpoint, or a model that export wrote: .onnx, .pt, .pt2 (default: the setting model, last).",
            show_default=False,
        ),
    ] = None,
    cascade: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="FIRST SECOND",
            help="Two models in place of --model: FIRST finds people, SECOND clothes in each crop; or FIRST finds "
            "clothes, SECOND the landmarks of each.",
            show_default=False,
        ),
    ] = None,
    cascade_threshold: Annotated[
        float | None, typer.Option(help="Lowest score of an object to be cropped (default: 0.3).", show_default=False)
    ] = None,
    cascade_classes: Annotated[
        str | None, typer.Option(help="Classes to be cropped, comma-separated (default: all).", show_default=False)
    ] = None,
    cascade_margin: Annotated[
        float | None,
        typer.Option(help="Share of a box's sides added around a crop (default: 0.1).", show_default=False),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Lowest score to draw and write (default: the setting threshold, 0.3).", show_default=False),
    ] = None,
    ten_crop: Annotated[
        bool | None,
        typer.Option("--ten-crop", help="Classifiers: the mean over ten views of an image.", show_default=False),
    ] = None,
    cutouts: Annotated[
        bool | None,
        typer.Option("--cutouts", help="Segmentation: also save each class cut out of each image.", show_default=False),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1 (default: a GPU where there is one).")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images per batch (default: the program's).")] = None,
    key: Annotated[str | None, KEY] = None,
) -> None:
    """Run a model on images: annotated images, labels, COCO results and a contact sheet go to inference/.

    More can be set in the infer section of tltpipe.yaml.
    """
    from orchestrator.commands import subjects

    if cascade is not None and model is not None:
        raise UsageError("--cascade names both models", hint="leave --model out")
    first, *more = subjects.of(pictures)
    chosen: dict[str, Any] = {
        "infer.cascade": cascade and named(cascade[0]),
        "infer.model": named(cascade[1] if cascade else model),
        "infer.cascade_threshold": cascade_threshold,
        "infer.cascade_classes": [name.strip() for name in cascade_classes.split(",")] if cascade_classes else None,
        "infer.cascade_margin": cascade_margin,
        "infer.ten_crop": ten_crop,
        "infer.cutouts": cutouts,
        "infer.device": device,
        "infer.batch_size": batch_size,
    }
    perform(options, ["infer"], subject=first, subjects=tuple(more), threshold=threshold, key=key, **chosen)


def export(
    options: Options,
    checkpoint: Annotated[str | None, CHECKPOINT] = None,
    model: Annotated[str | None, MODEL] = None,
    format: Annotated[
        str | None,
        typer.Option(help="Of those of the network: onnx, onnx_decoded, onnx_raw, deepstream, pt2 (default: onnx)."),
    ] = None,
    data_type: Annotated[
        str | None, typer.Option(help="fp32, fp16 (ONNX) or int8 (ONNX but for deepstream) (default: fp32).")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Folder of images to calibrate int8 on (default: the training images).", show_default=False),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Fixed number of images per batch (default: any).")] = None,
    key: Annotated[str | None, KEY] = None,
    serving: Annotated[
        bool, typer.Option("--serving", help="Build the image that serves the ONNX model, too.")
    ] = False,
) -> None:
    """Export a model for ONNX Runtime, DeepStream or PyTorch to exported/, and compare it with the original.

    More can be set in the export section of tltpipe.yaml.
    """
    chosen: dict[str, Any] = {
        "export.format": format,
        "export.data_type": data_type,
        "export.calibration": named(calibration),
        "export.static_batch_size": batch,
    }
    results = perform(options, ["export"], key=key, model=_one(checkpoint, model), **chosen)
    if serving and not options.dry_run:
        from orchestrator.commands import images

        exported = [options.workspace / each.told["exported"] for each in results if each.stage == "export"]
        images.build_serving(options.console, exported)


def named(path: Path | str | None) -> str | None:
    """A file as it is called from here, wherever the workspace is; a word, or a path in the workspace, as it is."""
    if path is None or path in ("last", "best"):
        return path if path is None else str(path)
    return str(Path(path).absolute() if Path(path).exists() else path)


def _one(checkpoint: str | None, model: str | None) -> str | None:
    """The checkpoint named as an argument or as an option. Raises UsageError for both."""
    if checkpoint is not None and model is not None:
        raise UsageError("MODEL and --model both name a checkpoint", hint="give one of them")
    return named(model if checkpoint is None else checkpoint)


def prune(
    options: Options,
    checkpoint: Annotated[str | None, CHECKPOINT] = None,
    model: Annotated[str | None, MODEL] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Keep filters whose normalised norm exceeds this (default: 0.1).")
    ] = None,
    criterion: Annotated[
        str | None,
        typer.Option(
            help="For coupled layers: union, intersection, arithmetic_mean or geometric_mean (default: union)."
        ),
    ] = None,
    key: Annotated[str | None, KEY] = None,
) -> None:
    """Prune filters of little weight: the smaller model goes to pruned/, to be retrained.

    More can be set in the prune section of tltpipe.yaml.
    """
    chosen: dict[str, Any] = {"prune.threshold": threshold, "prune.criterion": criterion}
    perform(options, ["prune"], key=key, model=_one(checkpoint, model), **chosen)


def run(
    options: Options,
    stages: Annotated[
        list[str] | None, typer.Argument(help="Stages to run (default: all from prepare to evaluate).")
    ] = None,
    epochs: Annotated[int | None, EPOCHS] = None,
    batch: Annotated[int | None, BATCH] = None,
    img: Annotated[str | None, IMG] = None,
    gpus: Annotated[int | None, GPUS] = None,
    nodes: Annotated[int | None, NODES] = None,
    key: Annotated[str | None, KEY] = None,
) -> None:
    """Run the whole pipeline, or STAGES and those they need; stages that are up to date are skipped."""
    _start_workers(options)
    perform(options, stages, needs=True, gpus=gpus, nodes=nodes, key=key, **_short(epochs, batch, img))


def _start_workers(options: Options) -> None:
    """Let those of prepare start while specs are settled, where it has not finished yet and has much to read."""
    from orchestrator.jobs.workspace import Workspace

    done = Workspace(options.workspace).receipts / "prepare.json"
    if not options.dry_run and (options.force or not done.exists()):
        writers = "converters.formats.coco.writing", "converters.formats.kitti"
        preload_for(options.workspace, "converters.transfer.transfer", *writers)


def _short(epochs: int | None, batch: int | None, img: str | None) -> dict[str, Any]:
    """The settings that the short options mean."""
    return {"network.epochs": epochs, "network.batch": batch, "image_size": img}


def perform(
    options: Options,
    names: list[str] | None,
    *,
    subject: Path | None = None,
    subjects: tuple[Path, ...] = (),
    force: bool = False,
    needs: bool = False,
    **flags: Any,
) -> list[Result]:
    """Run stages and show what came of them."""
    from orchestrator import pipeline, session
    from orchestrator.screen import answers

    run = session.start(
        options.workspace,
        options.console,
        flags=options.flags(**flags),
        force=options.force or force,
        render=options.render,
        dry=options.dry_run,
        subject=subject,
        subjects=subjects,
    )
    results = pipeline.execute(run, names or None, with_needed=needs)
    if options.json:
        options.console.json({"workspace": str(run.workspace.root), "stages": answers.stages(results)})
    show(options, results)
    return results


def show(options: Options, results: list[Result]) -> None:
    """The tables and counts of the stages that have some."""
    from orchestrator import pipeline

    for result in results:
        stage = pipeline.load(result.stage)
        if hasattr(stage, "show"):
            stage.show(options.console, result.told)


ALL = (prepare, augment, tfrecords, train, evaluate, infer, export, prune, run)
"""In the order of the work."""
