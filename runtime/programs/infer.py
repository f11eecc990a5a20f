"""tlt-infer: find objects on pictures; annotated copies, KITTI label lines and COCO results out."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime import networks
from runtime.inference.backends import Wanted, device_of, gpu_by_number, kind_of
from runtime.inference.result_names import ResultName, result_names
from runtime.machine import threads
from runtime.shell import picture_lists, program
from tltpipe import registry
from tltpipe.errors import DataError, UsageError
from tltpipe.losses import Losses

if TYPE_CHECKING:
    from PIL import Image

    from runtime.inference.backends import Model
    from runtime.tasks.detection.coco_results import Ids
    from specs import Spec

LISTED = 20
"""So many unreadable pictures are named at most."""
SHEETS = (".jpg", ".jpeg", ".png")
ON_SHEET = 24
"""Pictures of a contact sheet."""
LOOKED_INTO = 100
"""Of so many pictures it is made sure that no annotations lie where labels go."""
ANNOTATED = 15
"""Columns of a KITTI file without scores."""
BATCH = 8
"""Pictures a batch where nothing says otherwise."""


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments), arguments)


def parser() -> argparse.ArgumentParser:
    parser = program.Parser(
        "tlt-infer",
        description="Draw what a trained detector finds, and write it as KITTI labels or COCO results. Pixels are "
        "taken as stored: an EXIF rotation is not applied.",
    )
    parser.add_argument("network", choices=registry.names("runtime.networks"), help="what the model is")
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
    parser.add_argument("-l", "--labels", metavar="DIR", help="gets a KITTI file of 16 columns for each picture")
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
        "-t", "--threshold", type=float, default=0.3, metavar="SCORE", help="lowest score shown (default 0.3)"
    )
    parser.add_argument(
        "-b", "--batch_size", type=int, metavar="N", help=f"pictures a batch (default: the spec's, or {BATCH})"
    )
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


@dataclass(frozen=True)
class Task:
    """The command line once it is known to make sense. Paths are None for what is not wanted."""

    wanted: Wanted
    model: Path
    names: Mapping[Path, ResultName]
    """The pictures, in order, and what their results are called."""
    threshold: float
    batch: int
    drawn: Path | None
    labels: Path | None
    coco: Path | None
    coco_ids: Path | None
    class_maps: tuple[Path, ...]
    sheet: Path | None
    json: bool

    @property
    def pictures(self) -> Sequence[Path]:
        return tuple(self.names)


@dataclass
class Tally:
    """What was found so far."""

    classes: Counter[str] = field(default_factory=Counter)
    images: int = 0
    unreadable: list[DataError] = field(default_factory=list)
    thumbnails: list[Image.Image] = field(default_factory=list)


def run(arguments: argparse.Namespace) -> None:
    """Infer; nothing heavy is imported before command line, spec and pictures are known to be good."""
    import specs

    if not 0 < arguments.threshold < 1:
        raise UsageError(f"-t must lie between 0 and 1, not {arguments.threshold:g}", hint=program.THRESHOLD)
    spec = specs.parse(program.host(arguments.spec), arguments.network) if arguments.spec else None
    if spec is not None and arguments.strict_tlt:
        spec = replace(spec, strict=True)
    task = read(arguments, spec)
    for warning in spec.warnings if spec else ():
        program.warn(warning)
    log = program.StatusLog(program.host(arguments.results_dir) if arguments.results_dir else None, append=True)
    with log.failures("Inference"):
        log.write("STARTED", f"Starting {arguments.network.upper()} Inference.")
        losses = infer(task)
        log.write("SUCCESS", "Inference finished successfully.", kpi={"losses": losses.as_json()})


def read(arguments: argparse.Namespace, spec: Spec | None) -> Task:
    """What ``arguments`` ask for. Raises UsageError, DataError for the pictures, ModelError for the file's kind."""
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

    task = Task(
        wanted=Wanted(arguments.network, spec, arguments.key, device, arguments.threads),
        model=model,
        names=result_names(
            picture_lists.find(arguments.input, apart=place(arguments.output, "images_annotated")),
            [program.host(text) for text in arguments.input],
        ),
        threshold=arguments.threshold,
        batch=arguments.batch_size or (networks.recipe(spec).evaluation.batch_size if spec else 0) or BATCH,
        drawn=place(arguments.output, "images_annotated"),
        labels=place(arguments.labels, "labels"),
        coco=place(arguments.coco),
        coco_ids=place(arguments.coco_ids),
        class_maps=tuple(program.host(text) for text in arguments.class_map),
        sheet=place(arguments.sheet),
        json=arguments.json,
    )
    if not (task.drawn or task.labels or task.coco or task.sheet or task.json):
        raise UsageError("nothing is asked for", hint="-o DIR for annotated copies, -l, --coco, --sheet, or -r for all")
    require_files_of_their_own(task)
    if task.labels:
        require_no_annotations(task.names, task.labels)
    if task.drawn and task.drawn.resolve() in {path.parent.resolve() for path in task.pictures}:
        raise UsageError("the annotated copies would replace the pictures", where=task.drawn, hint="choose another -o")
    return task


def require_files_of_their_own(task: Task) -> None:
    """Raise UsageError for a file that is a folder or one of the pictures, and a sheet of another kind."""
    for option, path, usual in (("--coco", task.coco, "results.json"), ("--sheet", task.sheet, "sheet.jpg")):
        if path is not None and path.is_dir():
            raise UsageError(f"{option} names a folder", where=path, hint=f"name a file, such as {path / usual}")
        if path is not None and path.exists() and any(path.samefile(each) for each in task.pictures if each.exists()):
            raise UsageError(f"{option} would replace a picture", where=path, hint="choose another name")
    if task.sheet and task.sheet.suffix.lower() not in SHEETS:
        known = ", ".join(SHEETS)
        raise UsageError("--sheet writes JPEG or PNG, by the name", where=task.sheet, hint=f"end it in one of {known}")


def require_no_annotations(names: Mapping[Path, ResultName], labels: Path) -> None:
    """Raise UsageError where a label file of the first pictures is there and somebody's: without scores."""
    for name in islice(names.values(), LOOKED_INTO):
        path = labels / name.label
        if not path.is_file():
            continue
        words = path.read_text("utf-8", errors="replace").partition("\n")[0].split()
        if len(words) == ANNOTATED:
            what = "these are annotations, which the labels of what is found would replace"
            raise UsageError(what, where=path, hint="choose another folder for the labels (-l, -r)")


def infer(task: Task) -> Losses:
    """Look at all pictures; one that cannot be read does not keep the others from being done. Returns their balance.

    Raises DataError at the end when there were such.
    """
    from runtime.inference import backends
    from runtime.tasks.detection import drawing

    model = backends.open(task.model, task.wanted)
    say = (lambda _line: None) if task.json else program.say
    say(f"model       {model.name}, {len(model.classes)} classes: {model.about}")
    begun = time.perf_counter()
    ids = _ids(task, model.classes) if task.coco else None
    tally = look(model, task, ids)
    seconds = time.perf_counter() - begun
    if task.sheet and tally.thumbnails:
        drawing.save(drawing.sheet(tally.thumbnails), task.sheet)
    done, objects = len(task.pictures) - len(tally.unreadable), sum(tally.classes.values())
    rate = done / seconds if seconds else 0.0
    say(f"found {objects} objects on {done} images in {seconds:.1f} s ({rate:.1f} images/s)")
    titles = {"annotated copies": task.drawn, "labels": task.labels, "COCO results": task.coco, "sheet": task.sheet}
    places = [f"{what} in {path}" for what, path in titles.items() if path]
    say(", ".join(places) or "nothing was written")
    for line in ids.about if ids else ():
        say(f"{'ids':<12}{line}")
    losses = balance(task, tally)
    for line in losses.lines():
        say(line)
    if task.json:
        told: dict[str, Any] = {
            "model": {"path": str(task.model), "network": model.name, "about": model.about},
            "threshold": task.threshold,
            "pictures": done,
            "objects": dict(tally.classes.most_common()),
            "losses": losses.as_json(),
            "unreadable": [str(error.where) for error in tally.unreadable],
            "ids": list(ids.about) if ids else [],
            "seconds": round(seconds, 3),
            "outputs": {what: str(path) for what, path in titles.items() if path},
        }
        program.say(json.dumps(told, indent=2))
    if tally.unreadable:
        raise _failure(tally.unreadable)
    return losses


def balance(task: Task, tally: Tally) -> Losses:
    """How many images there were, and how many were detected on."""
    losses = Losses()
    losses.count_read(images=len(task.pictures))
    losses.count_written(images=tally.images)
    if tally.unreadable:
        losses.lose("images that cannot be read", images=len(tally.unreadable))
    losses.require_balance()
    return losses


def _ids(task: Task, classes: Sequence[str]) -> Ids:
    """How COCO results number pictures and ``classes``. Raises DataError."""
    from runtime.tasks.detection import class_maps, coco_results

    if task.class_maps:
        return class_maps.ids(task.class_maps, task.pictures, classes)
    if task.coco_ids:
        return coco_results.of(task.coco_ids, task.pictures, classes)
    return coco_results.count(task.pictures, classes)


def look(model: Model, task: Task, ids: Ids | None) -> Tally:
    """Detect, draw and write, with a bar that shows how far it is."""
    from runtime.inference.predictor import Detecting, Outputs
    from runtime.tasks.detection import coco_results
    from tltpipe import progress

    tally = Tally()
    outputs = Outputs(task.drawn, task.labels, ON_SHEET if task.sheet else 0, task.names)
    detect = Detecting(model, threshold=task.threshold, outputs=outputs, batch=task.batch)
    with ExitStack() as lasting:
        results = lasting.enter_context(coco_results.writing(task.coco, ids)) if task.coco and ids else None
        bar = lasting.enter_context(progress.for_stream().bar("infer", total=len(task.pictures)))
        for seen in detect(task.pictures):
            if isinstance(seen, DataError):
                tally.unreadable.append(seen)
            else:
                tally.images += 1
                tally.classes.update(find.name for find in seen.finds)
                if seen.thumbnail is not None:
                    tally.thumbnails.append(seen.thumbnail)
                if results is not None:
                    results.add(seen.path, seen.finds, name=task.names[seen.path].image)
            bar.advance()
    return tally


def _failure(errors: Sequence[DataError]) -> DataError:
    """One error for all pictures that could not be read."""
    if len(errors) == 1:
        return errors[0]
    listed = "\n".join(f"  {error}" for error in errors[:LISTED])
    more = f"\n  and {len(errors) - LISTED} more" if len(errors) > LISTED else ""
    return DataError(f"{len(errors)} pictures could not be read; all others are done\n{listed}{more}")
