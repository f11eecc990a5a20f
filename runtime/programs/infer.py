"""tlt-infer: a trained model on pictures; annotated copies, labels and COCO results out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.inference import crops
from runtime.inference.backends import ModelRequest, device_of, gpu_by_number, kind_of
from runtime.inference.loaded import BATCH, ON_SHEET
from runtime.inference.request import FirstStage, InferRequest
from runtime.inference.result_names import result_names
from runtime.inference.run import infer
from runtime.machine import threads
from runtime.shell import picture_lists, program
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from runtime.tasks import Presents
    from specs import Spec

SHEETS = (".jpg", ".jpeg", ".png")
LOOKED_INTO = 100
"""Of so many pictures it is made sure that no annotations lie where labels go."""


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments), arguments)


def parser() -> argparse.ArgumentParser:
    parser = program.Parser(
        "tlt-infer",
        description="Draw what a trained model predicts, and write it: a detector's as KITTI labels or COCO results. "
        "Pixels are taken as stored: an EXIF rotation is not applied.",
    )
    parser.add_network("what the model is")
    parser.add_argument(
        "-i", "--input", "--image_dir", dest="input", required=True, nargs="+", metavar="PATH",
        help='images, folders with all below, patterns such as "a/**/*.jpg"; - reads a list from standard input',
    )  # fmt: skip
    parser.add_argument(
        "-m", "--model_path", required=True, metavar="MODEL", help="checkpoint of tlt-train, or what tlt-export wrote"
    )
    parser.add_argument(
        "-e", "--experiment_spec_file", "--experiment_spec", dest="spec", metavar="SPEC",
        help="training spec; without, the checkpoint's own, or the JSON beside an exported model",
    )  # fmt: skip
    parser.add_argument("-k", "--key", metavar="KEY", help="opens an encrypted checkpoint")
    parser.add_argument("-o", "--output", metavar="DIR", help="gets the annotated copies")
    parser.add_argument(
        "-l", "--labels", metavar="DIR",
        help="gets a file for each picture: a detector's KITTI lines of 16 columns, the index PNG of a label map",
    )  # fmt: skip
    parser.add_argument(
        "--cutouts", metavar="DIR",
        help="networks that classify pixels: gets a PNG for each class of a picture, with nothing but its pixels",
    )  # fmt: skip
    parser.add_argument(
        "-r", "--results_dir", metavar="DIR", help="gets images_annotated/, labels/ and status.json: TAO's -o and -l"
    )
    parser.add_argument("--coco", metavar="FILE", help="gets all detections in COCO's results format")
    parser.add_argument("--coco_ids", metavar="FILE", help="COCO annotations: ids of pictures and classes are theirs")
    parser.add_argument(
        "--class_map", nargs="+", default=[], metavar="FILE",
        help="COCO annotations: --coco has their ids of classes, and of those pictures that are in one of them",
    )  # fmt: skip
    parser.add_argument("--sheet", metavar="FILE", help=f"gets the first {ON_SHEET} annotated pictures side by side")
    parser.add_argument(
        "-t", "--threshold", type=float, metavar="SCORE", help="lowest score shown (default: the spec's, or 0.3)"
    )
    parser.add_argument(
        "-b", "--batch_size", type=int, metavar="N", help=f"pictures a batch (default: the spec's, or {BATCH})"
    )
    parser.add_argument(
        "--ten_crop", action="store_true",
        help="classifiers: the mean over the middle and the corners of an image and their mirror images",
    )  # fmt: skip
    crops.add_options(parser)
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:1 (default: a GPU if there is one)")
    parser.add_argument("--gpus", type=int, default=1, metavar="N", help="0 for the CPU, as --device cpu")
    parser.add_argument(
        "--gpu_index", type=int, nargs="+", default=[], metavar="I", help="which one, as --device cuda:I"
    )
    threads.add_option(parser)
    parser.add_argument("--strict-tlt", action="store_true", help="read the spec as NVIDIA's programs do")
    parser.add_argument("--json", action="store_true", help="a summary as JSON on standard output, and nothing else")
    parser.accept_wrapper()
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Infer; nothing heavy is imported before command line, spec and pictures are known to be good."""
    import specs

    if arguments.threshold is not None and not 0 < arguments.threshold < 1:
        raise UsageError(f"-t must lie between 0 and 1, not {arguments.threshold:g}", hint=program.THRESHOLD)
    spec = specs.parse(program.host(arguments.spec), arguments.network) if arguments.spec else None
    if spec is not None and arguments.strict_tlt:
        spec = replace(spec, strict=True)
    request = read(arguments, spec)
    for warning in spec.warnings if spec else ():
        program.warn(warning)
    log = program.StatusLog(program.host(arguments.results_dir) if arguments.results_dir else None, append=True)
    with log.failures("Inference"):
        log.write("STARTED", f"Starting {arguments.network.upper()} Inference.")
        losses = infer(request)
        log.write("SUCCESS", "Inference finished successfully.", kpi={"losses": losses.as_json()})


def read(arguments: argparse.Namespace, spec: Spec | None) -> InferRequest:
    """What ``arguments`` ask for. Raises UsageError, DataError for the pictures, ModelError for the file's kind."""
    from runtime import networks, tasks
    from runtime.inference import cascade_task, ten_crop
    from runtime.inference.backends import needs_detector

    device = device_of(arguments.device) if arguments.device else gpu_by_number(arguments.gpus, arguments.gpu_index)
    if arguments.batch_size is not None and arguments.batch_size < 1:
        raise UsageError(f"--batch_size is 1 or more, not {arguments.batch_size}")
    if arguments.coco_ids and not arguments.coco:
        raise UsageError("--coco_ids says how --coco numbers things", hint="give --coco FILE, too")
    if arguments.coco_ids and arguments.class_map:
        raise UsageError("--coco_ids and --class_map both number things", hint="give one of them")
    model = program.host(arguments.model_path)
    kind_of(model)
    results = program.host(arguments.results_dir) if arguments.results_dir else None

    def place(text: str | None, below: str | None = None) -> Path | None:
        return program.host(text) if text else results / below if results and below else None

    network = networks.load(arguments.network)
    task: Presents = tasks.load(network.TASK)
    recipe = network.recipe(spec) if spec else None
    opening = ModelRequest(arguments.network, recipe, arguments.key, device, arguments.threads)
    first = first_stage(arguments, opening, task)
    if first is not None:
        task = cascade_task.presented(task)
    elif tasks.given_objects(task) is not None:
        raise needs_detector(model)
    request = InferRequest(
        opening=opening,
        model=model,
        names=result_names(
            picture_lists.find(arguments.input, apart=place(arguments.output, "images_annotated")),
            [program.host(text) for text in arguments.input],
            suffix=task.writers()["labels"].suffix if "labels" in task.writers() else "",
        ),
        threshold=arguments.threshold,
        batch=arguments.batch_size,
        drawn=place(arguments.output, "images_annotated"),
        labels=place(arguments.labels, "labels"),
        coco=place(arguments.coco),
        coco_ids=place(arguments.coco_ids),
        class_maps=tuple(program.host(text) for text in arguments.class_map),
        sheet=place(arguments.sheet),
        json=arguments.json,
        first=first,
        ten_crop=arguments.ten_crop,
        cutouts=place(arguments.cutouts),
    )
    if arguments.cutouts:
        tasks.cuts_out(task)
    if arguments.ten_crop:
        ten_crop.averaging(task)
    if not (request.outputs or request.json):
        raise UsageError("nothing is asked for", hint="-o DIR for annotated copies, -l, --coco, --sheet, or -r for all")
    require_writers(request)
    require_files_of_their_own(request)
    if request.labels:
        writer = task.writers()["labels"]
        for name in islice(request.names.values(), LOOKED_INTO):
            if (path := request.labels / name.label).is_file():
                writer.require_no_annotations(path)
    if request.drawn and request.drawn.resolve() in {path.parent.resolve() for path in request.pictures}:
        what = "the annotated copies would replace the pictures"
        raise UsageError(what, where=request.drawn, hint="choose another -o")
    return request


def first_stage(arguments: argparse.Namespace, opening: ModelRequest, second: Presents) -> FirstStage | None:
    """The model before the one that ``opening`` opens, which is of the task ``second``; if there is one. Raises
    UsageError, ModelError."""
    chosen = crops.read(arguments)
    if chosen is None:
        return None
    from runtime import networks, tasks
    from runtime.inference.backends import network_of
    from runtime.inference.cascade_task import require_boxes

    require_boxes(second, program.host(arguments.model_path))
    if tasks.given_objects(second) is not None:
        crops.require_none(arguments, opening.network)
    path = program.host(arguments.cascade)
    name = network_of(path, arguments.key)
    task = tasks.load(networks.load(name).TASK)
    require_boxes(task, path, first=True)
    request = replace(opening, network=name, recipe=None)
    return FirstStage(path, request, arguments.cascade_threshold, chosen)


def require_writers(request: InferRequest) -> None:
    """Raise UsageError for a format that results of this task cannot have."""
    known = request.task.writers()
    for option, name, path in (("-l", "labels", request.labels), ("--coco", "coco", request.coco)):
        if path is not None and name not in known:
            what = f"{option}: results of this network have no such format"
            raise UsageError(what, hint=f"known: {', '.join(known) or 'none'}")


def require_files_of_their_own(request: InferRequest) -> None:
    """Raise UsageError for a file that is a folder or one of the pictures, labels that are, and a sheet of another
    kind."""
    for option, path, usual in (("--coco", request.coco, "results.json"), ("--sheet", request.sheet, "sheet.jpg")):
        if path is not None and path.is_dir():
            raise UsageError(f"{option} names a folder", where=path, hint=f"name a file, such as {path / usual}")
        if (
            path is not None
            and path.exists()
            and any(path.samefile(each) for each in request.pictures if each.exists())
        ):
            raise UsageError(f"{option} would replace a picture", where=path, hint="choose another name")
    if request.labels and request.task.writers()["labels"].suffix in SHEETS:
        folder = request.labels.resolve()
        if any(folder / name.label == path.resolve() for path, name in request.names.items()):
            raise UsageError("-l would replace a picture", where=request.labels, hint="choose another folder")
    if request.sheet and request.sheet.suffix.lower() not in SHEETS:
        known = ", ".join(SHEETS)
        raise UsageError(
            "--sheet writes JPEG or PNG, by the name", where=request.sheet, hint=f"end it in one of {known}"
        )
