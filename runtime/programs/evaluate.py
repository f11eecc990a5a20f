"""tlt-evaluate: how well a trained model does on the validation split of a spec."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.inference import backends as models
from runtime.inference.backends import ModelRequest
from runtime.machine import threads
from runtime.shell import program
from tltpipe.errors import DataError, UsageError

if TYPE_CHECKING:
    from runtime.data.recipe import Recipe
    from runtime.data.split import Split
    from runtime.evaluation.given_boxes import GivenBoxes
    from runtime.evaluation.kept import Draw
    from runtime.tasks import Metrics, Scores, Task
    from specs import Spec
    from tltpipe.progress import Progress

FOLDER, SHEET = "evaluation", "val_batch.jpg"
Say = Callable[[str], None]
"""Shows a line, or not."""


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments), arguments)


def parser() -> argparse.ArgumentParser:
    parser = program.Parser(
        "tlt-evaluate",
        description="Measure a model on the validation data of a spec, a detector's average precision by NVIDIA's rule "
        "and COCO's, and draw what goes wrong.",
    )
    parser.add_network("what the model is")
    parser.add_argument(
        "-e", "--experiment_spec_file", "--experiment_spec", required=True, metavar="SPEC", help="training spec"
    )
    parser.add_argument("-m", "--model_path", metavar="MODEL", help="checkpoint of tlt-train, or what tlt-export wrote")
    parser.add_argument(
        "--results", nargs="+", default=[], metavar="FILE",
        help="measure what is in these files, COCO results of landmarks, all together, in place of a model (-m)",
    )  # fmt: skip
    parser.add_argument("-k", "--key", metavar="KEY", help="opens an encrypted checkpoint")
    parser.add_argument(
        "-r", "--results_dir", metavar="DIR",
        help="gets status.json and evaluation/ (default: the folder of MODEL, or of the first FILE)",
    )  # fmt: skip
    parser.add_argument(
        "-t", "--threshold", type=float, metavar="SCORE",
        help="lowest score that counts in the tables (default: where the mean F1 is best)",
    )  # fmt: skip
    parser.add_argument(
        "--class_map", nargs="+", default=[], metavar="FILE",
        help="COCO annotations: classes are in the order of the first, and --coco has their ids",
    )  # fmt: skip
    parser.add_argument("--coco", action="store_true", help="keep detections and objects as two COCO files, too")
    parser.add_argument(
        "-i",
        "--image_dir",
        metavar="DIR",
        help="images to evaluate on (default: the spec's validation data); with -l",
    )
    parser.add_argument("-l", "--label_dir", metavar="DIR", help="KITTI labels of the images of -i")
    parser.add_argument(
        "--boxes", metavar="FILE",
        help="COCO results of a detector: a network that is shown one object at a time is measured on these boxes "
        "(default: the annotated ones)",
    )  # fmt: skip
    parser.add_argument(
        "--boxes_threshold", type=float, metavar="SCORE", help="lowest score of a box of --boxes (default: all)"
    )
    parser.add_argument("-b", "--batch_size", type=int, metavar="N", help="images a batch (default: the spec's)")
    parser.add_argument("--json", action="store_true", help="print evaluation.json instead of tables")
    parser.add_argument("--no-plots", action="store_true", help="draw nothing")
    parser.add_argument("--strict-tlt", action="store_true", help="count as NVIDIA to the letter (docs/strict.md)")
    parser.add_argument("--gpus", type=int, default=1, metavar="N", help="0 for the CPU (default 1, if there is one)")
    parser.add_argument("--gpu_index", type=int, nargs="+", default=[], metavar="I", help="which one")
    threads.add_option(parser)
    parser.accept_wrapper()
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Evaluate; torch, if the model needs it, is imported only once the spec is known to be good."""
    import specs

    _require_options_that_fit(arguments)
    spec = specs.parse(program.host(arguments.experiment_spec_file), arguments.network, strict=arguments.strict_tlt)
    for warning in spec.warnings:
        program.warn(warning)
    results = results_of(arguments)
    log = program.StatusLog(results, append=True)
    with log.failures("Evaluation"):
        log.write("STARTED", f"Starting {arguments.network.upper()} evaluation.")
        scores = evaluate(arguments, spec, results)
        log.write("SUCCESS", "Evaluation finished successfully.", kpi=scores.plain)


def _require_options_that_fit(arguments: argparse.Namespace) -> None:
    """Raises UsageError."""
    if arguments.threshold is not None and not 0 < arguments.threshold < 1:
        raise UsageError(f"-t must lie between 0 and 1, not {arguments.threshold:g}", hint=program.THRESHOLD)
    if bool(arguments.image_dir) != bool(arguments.label_dir):
        raise UsageError("-i and -l belong together: images, and the labels of these", hint="give both, or neither")
    if arguments.batch_size is not None and arguments.batch_size < 1:
        raise UsageError(f"-b must be 1 or more, not {arguments.batch_size}")
    if bool(arguments.results) == bool(arguments.model_path):
        given = "both -m and --results" if arguments.results else "neither -m nor --results"
        raise UsageError(f"{given}: what is to be measured?", hint="give a model, or files of results")
    if arguments.results and arguments.boxes:
        raise UsageError("--boxes has no effect on --results", hint="leave it out: the boxes are those of the files")
    if arguments.boxes_threshold is not None and not arguments.boxes:
        raise UsageError("--boxes_threshold has no effect without --boxes", hint="name a file of detections")
    if arguments.boxes_threshold is not None and not 0 <= arguments.boxes_threshold <= 1:
        raise UsageError(f"--boxes_threshold must lie between 0 and 1, not {arguments.boxes_threshold:g}")


def results_of(arguments: argparse.Namespace) -> Path | None:
    """Where results go: as asked for, else beside the model or the first file of results; None where nothing can be
    written there."""
    if arguments.results_dir:
        return program.host(arguments.results_dir)
    model = program.host(arguments.results[0] if arguments.results else arguments.model_path)
    if not model.is_file():
        return None  # said when it is opened
    if os.access(model.parent, os.W_OK):
        return model.parent
    program.warn(f"{model.parent} is read-only: the tables are printed, nothing is kept (-r DIR keeps it)")
    return None


@dataclass(frozen=True)
class Evaluated:
    """``metrics`` of all of ``split``. ``name`` is that of what was measured, ``boxes`` of the file that boxes of
    samples come from; ``values`` are for evaluation.json, ``draw`` writes a sheet of the first images."""

    metrics: Metrics
    split: Split
    name: str
    values: Mapping[str, Any]
    boxes: str | None = None
    draw: Draw | None = None


def evaluate(arguments: argparse.Namespace, spec: Spec, results: Path | None) -> Scores:
    """Print the scores of every class, and the rest, and keep them in ``results``."""
    from runtime import networks, tasks
    from runtime.evaluation import kept
    from runtime.tasks import ReportOptions

    say: Say = (lambda _line: None) if arguments.json else program.say
    network = networks.load(arguments.network)
    task, recipe = tasks.load(network.TASK), _chosen(network.recipe(spec), arguments)
    if arguments.results:
        done = _of_results(arguments, task, recipe, say)
    else:
        done = _of_model(arguments, task, recipe, say, results)
    maps = tuple(program.host(text) for text in arguments.class_map)
    report = done.metrics.report(done.split, ReportOptions(done.name, arguments.threshold, maps, done.boxes))
    for line in report.lines():
        say(line)
    values: dict[str, Any] = {
        "network": recipe.name,
        "task": network.TASK,
        **kept.as_json(report.scores),
        **report.values(),
    }
    values |= {"spec": str(spec.source), **done.values}
    if results is not None:

        def draw(folder: Path) -> list[Path]:
            return [*report.draw(folder), *(done.draw(folder) if done.draw else ())]

        drawn = None if arguments.no_plots else draw
        kept.keep(results / FOLDER, report, values, coco=arguments.coco, draw=drawn, say=say)
    if arguments.json:
        program.say(kept.text(values).rstrip("\n"))
    return report.scores


def _of_model(arguments: argparse.Namespace, task: Task, recipe: Recipe, say: Say, results: Path | None) -> Evaluated:
    """What the model of the command line makes of the validation data."""
    from runtime import tasks
    from runtime.data import frames
    from runtime.evaluation import chunks, samples, validation
    from runtime.inference import drawn_images
    from tltpipe import progress

    if arguments.boxes and tasks.given_objects(task) is None:
        what = (
            f"--boxes is for networks that are shown one object at a time: {arguments.network} finds its boxes itself"
        )
        raise UsageError(what, hint="leave --boxes out")
    path = program.host(arguments.model_path)
    device = models.gpu_by_number(arguments.gpus, arguments.gpu_index)
    request = ModelRequest(arguments.network, recipe, arguments.key, device, arguments.threads)
    model = models.open(path, request)
    show = progress.for_stream()
    split = _validation_data(recipe, model.classes, task, show)
    say(f"evaluation  {frames.describe(split)}")
    given = _given_boxes(arguments, recipe, model.classes, split)
    shown = given.samples if given else split
    for line in given.lines() if given else ():
        say(line)
    say(f"model       {path.name}: {model.name}, {model.about}")
    began = time.monotonic()
    metrics = task.metrics(model.classes, recipe)
    boxes = program.host(arguments.boxes) if arguments.boxes else None
    work = chunks.shared(path, request, shown, model.classes, results and results / FOLDER, boxes)
    if work is not None:
        seen = chunks.run_validation(work, recipe, shown, metrics, progress=show, truth=split)
    else:
        seen = validation.run_validation(
            lambda batch: (model(batch.images), 0.0), task, recipe, shown, metrics, model.classes,
            progress=show, examples=validation.EXAMPLES, truth=split,
        )  # fmt: skip
    took = time.monotonic() - began

    def draw(folder: Path) -> list[Path]:
        title = f"{path.name}: targets, each beside its predictions"
        own = tasks.presented(task, recipe.names, recipe.inference.threshold)
        drawn_images.save(samples.sheet(seen.examples, own, model.classes, title=title), folder / SHEET)
        return [folder / SHEET]

    values: dict[str, Any] = {"network": model.name, "ran_on": "; ".join(seen.ran_on) or model.about}
    values |= {"boxes_from": given.values()} if given else {}
    values |= {"seconds": round(took, 3), "pictures_per_second": round(shown.samples / max(took, 1e-9), 1)}
    return Evaluated(metrics, split, path.name, values, given.path.name if given else None, draw)


def _of_results(arguments: argparse.Namespace, task: Task, recipe: Recipe, say: Say) -> Evaluated:
    """What files say of the validation data."""
    from runtime.data import frames
    from runtime.tasks import TakesResults
    from tltpipe import progress

    metrics = task.metrics(recipe.classes, recipe)
    if not isinstance(metrics, TakesResults):
        what = f"--results is for networks that predict landmarks, which {arguments.network} does not"
        raise UsageError(what, hint="give a model with -m")
    paths = [program.host(text) for text in arguments.results]
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("--results names a file twice, whose results would count twice", hint="name each file once")
    split = _validation_data(recipe, recipe.classes, task, progress.for_stream())
    say(f"evaluation  {frames.describe(split)}")
    metrics.judge(split)
    for note in metrics.take(paths):
        program.warn(note)
    name = paths[0].name if len(paths) == 1 else f"{len(paths)} files of results"
    say(f"results     {', '.join(map(str, paths))}")
    return Evaluated(metrics, split, name, {"results": [*map(str, paths)]})


def _validation_data(recipe: Recipe, classes: Sequence[str], task: Task, show: Progress) -> Split:
    """What is true of the images, with warnings on it. Raises DataError where there is none."""
    from runtime import tasks
    from runtime.data import frames

    split = frames.validation(recipe, classes, tasks.fields(task, recipe), progress=show)
    if split is None:
        section = recipe.data.section
        hint = f"add {recipe.data.held_out_fields} to {section}"
        raise DataError("this spec has no validation data", where=recipe.where(section), hint=hint)
    for note in split.notes:
        program.warn(note)
    return split


def _given_boxes(
    arguments: argparse.Namespace, recipe: Recipe, classes: Sequence[str], split: Split
) -> GivenBoxes | None:
    """The boxes of the command line, with a warning where their classes look like others. Raises DataError."""
    from runtime.data import detections
    from runtime.evaluation import given_boxes

    if not arguments.boxes:
        return None
    path, threshold = program.host(arguments.boxes), arguments.boxes_threshold or 0.0
    found = given_boxes.read(path, threshold, recipe, classes, split)
    if (warning := detections.disagreement(found.samples, split)) is not None:
        program.warn(f"{path}: {warning}")
    return found


def _chosen(recipe: Recipe, arguments: argparse.Namespace) -> Recipe:
    """``recipe`` with the validation data and the batch size of the command line."""
    from runtime.data.recipe import Source

    if arguments.image_dir:
        source = Source(program.host(arguments.image_dir), program.host(arguments.label_dir), "kitti")
        recipe = replace(recipe, data=replace(recipe.data, validation=(source,), fold=None))
    if arguments.batch_size is not None:
        recipe = replace(recipe, evaluation=replace(recipe.evaluation, batch_size=arguments.batch_size))
    return recipe
