"""tlt-evaluate: how well a trained detector does on the validation split of a spec."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runtime import device, program
from tltpipe import registry
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from specs import Spec


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments))


def parser() -> argparse.ArgumentParser:
    parser = program.Parser("tlt-evaluate", description="Measure average precision on the validation data of a spec.")
    parser.add_argument("network", choices=registry.names("runtime.networks"), help="what the model is")
    parser.add_argument("-e", "--experiment_spec_file", required=True, metavar="SPEC", help="training spec")
    parser.add_argument("-m", "--model_path", required=True, metavar="MODEL", help="checkpoint of tlt-train")
    parser.add_argument("-k", "--key", metavar="KEY", help="opens an encrypted checkpoint")
    parser.add_argument("-r", "--results_dir", metavar="DIR", help="gets status.json with the mAP")
    parser.add_argument("--gpus", type=int, default=1, metavar="N", help="0 for the CPU (default 1, if there is one)")
    parser.add_argument("--gpu_index", type=int, nargs="+", default=[], metavar="I", help="which one")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Evaluate; torch is imported only once the spec is known to be good."""
    import specs

    spec = specs.parse(program.host(arguments.experiment_spec_file), "Experiment")
    device.require_torch()
    for warning in spec.warnings:
        program.warn(warning)
    log = program.StatusLog(program.host(arguments.results_dir) if arguments.results_dir else None, append=True)
    with log.failures("Evaluation"):
        log.write("STARTED", f"Starting {arguments.network.upper()} evaluation.")
        mean = evaluate(arguments, spec)
        log.write("SUCCESS", "Evaluation finished successfully.", kpi={"mAP": mean})


def evaluate(arguments: argparse.Namespace, spec: Spec) -> float:
    """Print the average precision of every class; returns the mean."""
    from runtime import checkpoint, frames, scoring
    from runtime import recipe as recipes
    from tltpipe import progress

    network: Any = registry.load("runtime.networks", arguments.network)
    model = program.host(arguments.model_path)
    detector: Any = checkpoint.open_detector(network, spec, model, key=arguments.key)[0]
    show = progress.for_stream()
    classes = network.classes(spec)
    recipe = recipes.of(spec)
    split = frames.validation(recipe, classes, progress=show)
    if split is None:
        hint = "add validation_fold or validation_data_source to dataset_config"
        raise DataError("this spec has no validation data", where=spec.where("dataset_config"), hint=hint)
    for note in split.notes:
        program.warn(note)
    where = device.one(arguments.gpus, arguments.gpu_index)
    program.say(f"evaluation  {frames.describe(split)}")
    program.say(f"device      {device.describe(where, wanted=arguments.gpus)}")
    result = scoring.score(detector.to(where), recipe, split, classes, device=where, progress=show).precision
    for line in scoring.table(result, decimals=3):
        program.say(line)
    return result.mean
