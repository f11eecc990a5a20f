"""tlt-evaluate: how well a trained model does on the validation split of a spec."""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.inference import backends as models
from runtime.inference.backends import ModelRequest
from runtime.machine import threads
from runtime.shell import program
from tltpipe import registry
from tltpipe.errors import DataError, UsageError
from tltpipe.files import writable, write_text

if TYPE_CHECKING:
    from runtime.data.recipe import Recipe
    from runtime.data.split import Split
    from runtime.evaluation.given_boxes import GivenBoxes
    from runtime.tasks import Report, Scores, Task
    from specs import Spec
    from tltpipe.progress import Progress

FOLDER, SHEET = "evaluation", "val_batch.jpg"
Draw = Callable[[Path], list[Path]]
"""Writes images below a folder and returns them."""


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
    parser.add_argument("network", choices=registry.names("runtime.networks"), help="what the model is")
    parser.add_argument(
        "-e", "--experiment_spec_file", "--experiment_spec", required=True, metavar="SPEC", help="training spec"
    )
    parser.add_argument(
        "-m", "--model_path", required=True, metavar="MODEL", help="checkpoint of tlt-train, or what tlt-export wrote"
    )
    parser.add_argument("-k", "--key", metavar="KEY", help="opens an encrypted checkpoint")
    parser.add_argument(
        "-r", "--results_dir", metavar="DIR", help="gets status.json and evaluation/ (default: the model's folder)"
    )
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

    if arguments.threshold is not None and not 0 < arguments.threshold < 1:
        raise UsageError(f"-t must lie between 0 and 1, not {arguments.threshold:g}", hint=program.THRESHOLD)
    if bool(arguments.image_dir) != bool(arguments.label_dir):
        raise UsageError("-i and -l belong together: images, and the labels of these", hint="give both, or neither")
    if arguments.batch_size is not None and arguments.batch_size < 1:
        raise UsageError(f"-b must be 1 or more, not {arguments.batch_size}")
    if arguments.boxes_threshold is not None and not arguments.boxes:
        raise UsageError("--boxes_threshold has no effect without --boxes", hint="name a file of detections")
    if arguments.boxes_threshold is not None and not 0 <= arguments.boxes_threshold <= 1:
        raise UsageError(f"--boxes_threshold must lie between 0 and 1, not {arguments.boxes_threshold:g}")
    spec = specs.parse(program.host(arguments.experiment_spec_file), arguments.network, strict=arguments.strict_tlt)
    for warning in spec.warnings:
        program.warn(warning)
    results = results_of(arguments)
    log = program.StatusLog(results, append=True)
    with log.failures("Evaluation"):
        log.write("STARTED", f"Starting {arguments.network.upper()} evaluation.")
        scores = evaluate(arguments, spec, results)
        log.write("SUCCESS", "Evaluation finished successfully.", kpi=scores.plain)


def results_of(arguments: argparse.Namespace) -> Path | None:
    """Where results go: as asked for, else beside the model; None where nothing can be written there."""
    if arguments.results_dir:
        return program.host(arguments.results_dir)
    model = program.host(arguments.model_path)
    if not model.is_file():
        return None  # said when it is opened
    if os.access(model.parent, os.W_OK):
        return model.parent
    program.warn(f"{model.parent} is read-only: the tables are printed, nothing is kept (-r DIR keeps it)")
    return None


def evaluate(arguments: argparse.Namespace, spec: Spec, results: Path | None) -> Scores:
    """Print the scores of every class, and the rest, and keep them in ``results``."""
    from runtime import networks, tasks
    from runtime.data import frames
    from runtime.evaluation import samples, validation
    from runtime.inference import drawn_images
    from runtime.tasks import ReportOptions
    from tltpipe import progress

    say: Callable[[str], None] = (lambda _line: None) if arguments.json else program.say
    network = networks.load(arguments.network)
    task, recipe = tasks.load(network.TASK), _chosen(network.recipe(spec), arguments)
    if arguments.boxes and tasks.given_objects(task) is None:
        what = (
            f"--boxes is for networks that are shown one object at a time: {arguments.network} finds its boxes itself"
        )
        raise UsageError(what, hint="leave --boxes out")
    path = program.host(arguments.model_path)
    place = models.gpu_by_number(arguments.gpus, arguments.gpu_index)
    model = models.open(path, ModelRequest(arguments.network, recipe, arguments.key, place, arguments.threads))
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
    seen = validation.run_validation(
        lambda batch: (model(batch.images), 0.0), task, recipe, shown, metrics, model.classes,
        progress=show, examples=validation.EXAMPLES, truth=split,
    )  # fmt: skip
    took = time.monotonic() - began
    maps = tuple(program.host(text) for text in arguments.class_map)
    report = metrics.report(
        split, ReportOptions(path.name, arguments.threshold, maps, given.path.name if given else None)
    )
    for line in report.lines():
        say(line)
    values = {"network": model.name, "task": network.TASK, **as_json(report.scores), **report.values()}
    values |= {"spec": str(spec.source), "ran_on": model.about}
    values |= {"boxes_from": given.values()} if given else {}
    values |= {
        "seconds": round(took, 3),
        "pictures_per_second": round(shown.samples / max(took, 1e-9), 1),
    }
    if results is not None:

        def draw(folder: Path) -> list[Path]:
            """Charts and images of the task, and a sheet of the first images."""
            title = f"{path.name}: targets, each beside its predictions"
            own = tasks.presented(task, recipe.names, recipe.inference.threshold)
            sheet = samples.sheet(seen.examples, own, model.classes, title=title)
            drawn_images.save(sheet, folder / SHEET)
            return [*report.draw(folder), folder / SHEET]

        keep(results / FOLDER, report, values, coco=arguments.coco, draw=None if arguments.no_plots else draw, say=say)
    if arguments.json:
        program.say(text(values).rstrip("\n"))
    return report.scores


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


def as_json(scores: Scores) -> dict[str, Any]:
    """``scores`` as evaluation.json has them: figures without a group stand at the top, too; None is what could not be
    measured."""

    def known(values: Mapping[str, float]) -> dict[str, float | None]:
        return {name: None if math.isnan(value) else value for name, value in values.items()}

    figures = known(scores.figures)
    return {
        "primary": scores.primary,
        **{name: figures[name] for name in scores.plain},
        "figures": figures,
        "per_class": {column: known(values) for column, values in scores.per_class.items()},
    }


def _chosen(recipe: Recipe, arguments: argparse.Namespace) -> Recipe:
    """``recipe`` with the validation data and the batch size of the command line."""
    from runtime.data.recipe import Source

    if arguments.image_dir:
        source = Source(program.host(arguments.image_dir), program.host(arguments.label_dir), "kitti")
        recipe = replace(recipe, data=replace(recipe.data, validation=(source,), fold=None))
    if arguments.batch_size is not None:
        recipe = replace(recipe, evaluation=replace(recipe.evaluation, batch_size=arguments.batch_size))
    return recipe


def keep(
    folder: Path, report: Report, values: dict[str, Any], *, coco: bool, draw: Draw | None, say: Callable[[str], None]
) -> None:
    """Write ``evaluation.json``, its tables as CSV and the images that ``draw`` writes; with ``coco`` targets and
    predictions, too."""
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if coco:
            written, ids = report.write_coco(folder)
            say(f"COCO        {describe(written)}: {ids}")
        drawn: list[Path] = []
        if draw is not None and importlib.util.find_spec("matplotlib") is None:
            program.warn("no charts: matplotlib is not installed (pip install matplotlib)")
        elif draw is not None:
            drawn = draw(folder)
        values["pictures_drawn"] = [path.name for path in drawn]
        path, written = folder / "evaluation.json", list[Path]()
        write_text(path, text(values))
        for name, rows in tables(values).items():
            written.append(folder / f"{name}.csv")
            write_text(written[-1], as_csv(rows))
    say(f"kept        {folder}: {describe([path, *written, *drawn])}")


def tables(values: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """What of ``Report.values`` are rows of a table, those that there are."""
    below = [values[name] for name in ("all", "mean") if name in values]
    found = {"classes": [*values.get("classes", ()), *below], "attributes": [*values.get("attributes", ())]}
    return {name: rows for name, rows in found.items() if rows}


def text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """``rows`` with the columns of the first; empty where a row has no value."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*rows[0]], restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def describe(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)
