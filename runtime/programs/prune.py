"""tlt-prune: filters of little weight go, and a smaller detector is left, to be trained again."""

from __future__ import annotations

import argparse
import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.machine import device
from runtime.pruning.choice import CRITERIA, NORMALIZERS, Rule
from runtime.shell import program
from tltpipe import files
from tltpipe.errors import ModelError, UsageError

if TYPE_CHECKING:
    from runtime.pruning.layers import Fate
    from runtime.pruning.measures import Cost
    from runtime.pruning.prunable import PrunableModule

FOREIGN = {
    ".onnx": "an ONNX model", ".etlt": "an exported model", ".engine": "a TensorRT engine", ".pt2": "an exported model",
    ".hdf5": "a Keras model", ".h5": "a Keras model", ".json": "a JSON file",
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments), arguments)


def parser() -> argparse.ArgumentParser:
    parser = program.Parser("tlt-prune", description="Cut the filters of least weight out of a trained detector.")
    parser.add_network("what the model is (it says so itself)", optional=True)
    parser.add_argument("-m", "-pm", "--model", required=True, metavar="MODEL", help="checkpoint of tlt-train")
    parser.add_argument("-o", "--output_file", required=True, metavar="FILE", help="gets the pruned model")
    parser.add_argument("-k", "--key", metavar="KEY", help="of the model; the pruned one is encrypted with it, too")
    parser.add_argument("-e", "--experiment_spec_file", metavar="SPEC", help="instead of the spec inside the model")
    add = parser.add_argument_group("which filters stay").add_argument
    add(
        *("-pth", "--pruning_threshold"), type=float, default=Rule.threshold, metavar="X",
        help="those whose normalised norm is above it (default 0.1)",
    )  # fmt: skip
    add(
        *("-n", "--normalizer"), choices=NORMALIZERS, default=Rule.normalizer,
        help="divide norms by the layer's largest, or by their L2 norm over their number (default max)",
    )  # fmt: skip
    add(
        *("-eq", "--equalization_criterion"), choices=CRITERIA, default=Rule.criterion,
        help="one norm out of several, where layers share a decision (default union, the largest)",
    )  # fmt: skip
    add(
        *("-pg", "--pruning_granularity"), type=int, default=Rule.granularity, metavar="N",
        help="a multiple of so many stay (default 8)",
    )  # fmt: skip
    add(
        *("-nf", "--min_num_filters"), type=int, default=Rule.minimum, metavar="N",
        help="at least so many stay (default 16)",
    )  # fmt: skip
    add(
        *("-el", "--excluded_layers"), nargs="*", default=[], metavar="LAYER", help="convolutions that stay as they are"
    )
    parser.add_argument("--results_dir", metavar="DIR", help="gets status.json")
    parser.add_argument("--force", action="store_true", help="write over an earlier pruned model")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.accept("-v", "--verbose", why="everything is reported anyway", values=0)
    parser.accept_wrapper()
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Prune; torch is imported only once the arguments are known to be good."""
    rule = _rule(arguments)
    model, output = program.host(arguments.model), program.host(arguments.output_file)
    _check_paths(model, output, key=arguments.key, force=arguments.force)
    device.require_torch()
    log = program.StatusLog(program.host(arguments.results_dir) if arguments.results_dir else None, append=True)
    with log.failures("Pruning"):
        log.write("STARTED", "Starting pruning.")
        told = prune(arguments, rule, model, output)
        size, count = told["after"]["file_bytes"], told["after"]["parameters"]
        kpi = {"pruning_ratio": told["pruning_ratio"], "size": size, "param_count": count}
        log.write("SUCCESS", "Pruning finished successfully.", kpi=kpi)


def prune(arguments: argparse.Namespace, rule: Rule, model: Path, output: Path) -> dict[str, Any]:
    """Write the pruned model and its report, and print that; returns it."""
    from runtime.pruning import layers, report
    from runtime.pruning.prunable import prunable
    from runtime.weights import checkpoint

    spec = program.host(arguments.experiment_spec_file) if arguments.experiment_spec_file else None
    opened = checkpoint.open_model(model, key=arguments.key, network=arguments.network, spec=spec)
    loaded, detector = opened.checkpoint, prunable(opened.model, model)
    excluded = layers.resolve(arguments.excluded_layers, detector, opened.recipe.network)
    smaller, fates, weakest = _cut(detector, rule, excluded, model)
    before, after = _costs(detector, smaller)
    saved = replace(loaded, model=smaller.state_dict(), resume=None, pruned=True, metrics={})
    checkpoint.save(output, saved, arguments.key)
    told = report.document(
        model=str(model),
        sha256=files.sha256(model),
        output=str(output),
        network=loaded.network,
        rule=rule,
        excluded=sorted(excluded),
        before=replace(before, file_bytes=model.stat().st_size),
        after=replace(after, file_bytes=output.stat().st_size),
        fates=fates,
        weakest=weakest,
    )
    text = json.dumps(told, indent=2)
    files.write_text(report_of(output), text + "\n")
    if arguments.json:
        program.say(text)
        return told
    for line in report.lines(told, fates, detector.prefixes):
        program.say(line)
    if after.parameters == before.parameters:
        program.warn(report.unpruned(rule, weakest))
    program.say(f"written: {output} and {report_of(output).name}")
    again = ["tlt-train", opened.recipe.network, "-e", "SPEC", "-r", "DIR", *(["-k", "KEY"] if arguments.key else [])]
    program.say(f"to train it again: {shlex.join([*again, '-m', arguments.output_file])}")
    return told


def report_of(output: Path) -> Path:
    """The report beside a pruned model: ``pruned.pruning.json`` for ``pruned.tlt``."""
    return output.with_suffix(".pruning.json")


def _rule(arguments: argparse.Namespace) -> Rule:
    """The rule that the arguments ask for. Raises UsageError for numbers that make none."""
    rule = Rule(
        threshold=arguments.pruning_threshold,
        criterion=arguments.equalization_criterion,
        granularity=arguments.pruning_granularity,
        minimum=arguments.min_num_filters,
        normalizer=arguments.normalizer,
    )
    if not math.isfinite(rule.threshold) or rule.threshold < 0:
        raise UsageError(f"-pth must be a number from 0 on, not {rule.threshold:g}", hint="NVIDIA's default is 0.1")
    if rule.normalizer == "max" and rule.threshold >= 1:
        hint = "norms are divided by the layer's largest, so 1 would remove all; NVIDIA's default is 0.1"
        raise UsageError(f"-pth must be below 1, not {rule.threshold:g}", hint=hint)
    if rule.granularity < 1:
        raise UsageError(f"-pg must be 1 or more, not {rule.granularity}")
    if rule.minimum < 0:
        raise UsageError(f"-nf must be 0 or more, not {rule.minimum}")
    return rule


def _check_paths(model: Path, output: Path, *, key: str | None, force: bool) -> None:
    """Raises ModelError for a model of another kind, UsageError for an output that is not to be."""
    kind = FOREIGN.get(model.suffix.lower())
    if kind is not None and model.is_file():
        hint = "pass the checkpoint of tlt-train that it was made from, and export again after retraining"
        raise ModelError(f"{kind} cannot be pruned", where=model, hint=hint)
    if output.is_dir():
        raise UsageError(f"-o names a folder: {output}", hint=f"name a file, such as {output / 'pruned.tlt'}")
    if (kind := FOREIGN.get(output.suffix.lower())) is not None:
        hint = "end it in .tlt; tlt-export makes other kinds of files of it"
        raise UsageError(f"-o: a pruned model is a checkpoint, not {kind}: {output.name}", hint=hint)
    if output.exists() and model.exists() and output.samefile(model):
        raise UsageError("-o is the model itself", hint="choose another name: the whole model may be wanted again")
    written = [output, report_of(output), *([] if key else [output.with_suffix(".json")])]
    there = next((path for path in written if path.exists()), None)
    if there is not None and not force:
        raise UsageError(f"{there} exists already", hint="choose another name, or write over it with --force")


def _cut(
    detector: PrunableModule, rule: Rule, excluded: set[str], model: Path
) -> tuple[PrunableModule, list[Fate], float | None]:
    """The smaller detector, what became of every layer, and the least number of a filter that might have gone."""
    from runtime.pruning import cut, dependencies, layers
    from runtime.pruning.rule import NothingLeftError, decide, excluding, statistics

    graph = excluding(dependencies.analyse(detector), excluded, dependencies.EXCLUDED)
    try:
        decisive = statistics(graph, detector.state_dict(), rule)
        kept = decide(graph, decisive, rule)
    except NothingLeftError as nothing:
        hint = f"lower -pth, or keep at least some: -nf {Rule.minimum}"
        raise UsageError(f"with -pth {rule.threshold:g} and -nf {rule.minimum} {nothing}", hint=hint) from None
    except ValueError as fault:
        raise ModelError(str(fault), where=model, hint="its training went wrong; use an earlier checkpoint") from None
    weakest = min((float(numbers.min()) for numbers in decisive if numbers is not None), default=None)
    return cut.cut(detector, graph, kept), layers.fates(detector, graph, kept), weakest


def _costs(*detectors: PrunableModule) -> list[Cost]:
    """Of each, but for the files."""
    from runtime.nn import size
    from runtime.pruning import measures

    speeds = measures.speeds(detectors)
    return [
        measures.Cost(
            parameters=size.parameters(detector),
            weight_bytes=size.weight_bytes(detector),
            file_bytes=0,
            flops=measures.flops(detector),
            pictures_per_second=speed,
        )
        for detector, speed in zip(detectors, speeds, strict=True)
    ]
