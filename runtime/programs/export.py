"""tlt-export: a trained detector as a file for other runtimes, compared with the original before it appears."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.data.recipe import OPSET
from runtime.exporting import formats, publishing, work
from runtime.exporting.work import Wanted
from runtime.machine import device
from runtime.shell import picture_lists, program
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from specs import Spec

OLDEST, NEWEST = 13, 20
ACCEPTED = {
    "engine_file": "TensorRT engines are made where they run: trtexec --onnx=MODEL --saveEngine=FILE",
    "cal_cache_file": "TensorRT writes its own; --data_type int8 calibrates for ONNX Runtime",
    "cal_data_file": "calibration reads pictures: --cal_image_dir",
    "cal_json_file": "there are no scales of quantisation-aware training to write",
    "max_batch_size": "this is for trtexec; --static_batch_size sets the model's",
    "max_workspace_size": "this is for trtexec, which makes the engine",
    "min_batch_size": "this is for trtexec; --static_batch_size sets the model's",
    "opt_batch_size": "this is for trtexec; --static_batch_size sets the model's",
    "onnx_route": "ONNX is written by PyTorch's exporter",
}
"""NVIDIA's options for TensorRT, and what to do in their place."""


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments), arguments)


def parser() -> argparse.ArgumentParser:
    parser = program.Parser("tlt-export", description="Write a trained detector for ONNX Runtime, TensorRT and others.")
    parser.add_network("what the model is")
    parser.add_argument("-m", "--model", required=True, metavar="MODEL", help="checkpoint of tlt-train")
    parser.add_argument(
        "-e", "--experiment_spec", "--experiment_spec_file", dest="spec", metavar="SPEC",
        help="training spec; without, the one that the checkpoint was trained with",
    )  # fmt: skip
    parser.add_argument("-k", "--key", metavar="KEY", help="opens an encrypted checkpoint")
    parser.add_argument(
        "-o", "--output_file", metavar="FILE", help="without, or a folder: the model's name with another suffix"
    )
    parser.add_argument(
        "--format",
        metavar="NAME",
        help=f"export format, one of the network's (default: by the suffix of -o, else {formats.DEFAULT})",
    )
    parser.add_argument("--gen_ds_config", action="store_true", help="the same as --format deepstream")
    parser.add_argument("--data_type", choices=("fp32", "fp16", "int8"), default="fp32", help="default fp32")
    parser.add_argument(
        "--static_batch_size", type=int, default=-1, metavar="N", help="pictures a batch; -1 (default): any number"
    )
    parser.add_argument(
        "--target_opset", type=int, metavar="N", help=f"of ONNX, {OLDEST} to {NEWEST} (default: the spec's, or {OPSET})"
    )
    parser.add_argument("--cal_image_dir", metavar="DIR", help="int8: pictures to measure ranges on")
    parser.add_argument("--batches", type=int, default=10, metavar="N", help="int8: so many batches (default 10)")
    parser.add_argument("--batch_size", type=int, default=16, metavar="N", help="int8: pictures a batch (default 16)")
    parser.add_argument(
        "--compare", type=int, default=1000, metavar="N",
        help="int8: validation pictures for the mAP before and after (default 1000, 0 for all)",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    parser.add_argument("--strict-tlt", action="store_true", help="read the spec as NVIDIA's programs do")
    parser.add_argument("-r", "--results_dir", metavar="DIR", help="gets status.json")
    for name, why in ACCEPTED.items():
        parser.accept(f"--{name}", why=why)
    for words in (("-s", "--strict_type_constraints"), ("--force_ptq",)):
        parser.accept(*words, why="precisions are TensorRT's to choose, when the engine is made", values=0)
    parser.accept("-v", "--verbose", why="everything is reported anyway", values=0)
    parser.accept_wrapper()
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Export; torch is imported only once the spec is known to be good."""
    import specs

    spec = specs.parse(program.host(arguments.spec), arguments.network) if arguments.spec else None
    if spec is not None and arguments.strict_tlt:
        spec = replace(spec, strict=True)
    device.require_torch()
    wanted = read(arguments, spec)
    formats.require_packages(formats.load(wanted.network, wanted.format))
    for warning in spec.warnings if spec else ():
        program.warn(warning)
    log = program.StatusLog(program.host(arguments.results_dir) if arguments.results_dir else None, append=True)
    with log.failures("Export"):
        log.write("STARTED", f"Starting {arguments.network.upper()} export.")
        work.export(wanted)
        log.write("SUCCESS", "Export finished successfully.")


def read(arguments: argparse.Namespace, spec: Spec | None) -> Wanted:
    """What ``arguments`` ask for. Raises UsageError, DataError for the calibration, ExportError for the output."""
    from runtime import networks
    from runtime.inference import backends

    model = program.host(arguments.model)
    if backends.kind_of(model) != backends.CHECKPOINTS:
        raise UsageError("this was exported already", where=model, hint="pass the checkpoint that it was made of")
    name, target = _target(arguments, model)
    if arguments.data_type not in formats.load(arguments.network, name).DATA_TYPES:
        names = sorted(formats.of_network(arguments.network))
        others = ", ".join(
            each for each in names if arguments.data_type in formats.load(arguments.network, each).DATA_TYPES
        )
        told = "TensorRT calibrates for itself" if (name, arguments.data_type) == ("deepstream", "int8") else ""
        hint = f"{told}; for ONNX Runtime: --format {others}".lstrip("; ") if others else "use fp32"
        raise UsageError(f"the format {name} is not written in {arguments.data_type}", hint=hint)
    if arguments.target_opset is not None and not OLDEST <= arguments.target_opset <= NEWEST:
        hint = f"{OPSET} suits TensorRT 8.5 and later"
        raise UsageError(f"--target_opset is {OLDEST} to {NEWEST}, not {arguments.target_opset}", hint=hint)
    if arguments.static_batch_size < 1 and arguments.static_batch_size != -1:
        raise UsageError(f"--static_batch_size is 1 or more, or -1 for any, not {arguments.static_batch_size}")
    for option in ("batches", "batch_size"):
        if getattr(arguments, option) < 1:
            raise UsageError(f"--{option} is 1 or more, not {getattr(arguments, option)}")
    if arguments.compare < 0:
        raise UsageError(f"--compare is 0 or more, not {arguments.compare}")
    publishing.require_free(target, force=arguments.force)
    return Wanted(
        network=arguments.network,
        model=model,
        recipe=networks.recipe(spec) if spec else None,
        key=arguments.key,
        target=target,
        format=name,
        data_type=arguments.data_type,
        batch=None if arguments.static_batch_size == -1 else arguments.static_batch_size,
        opset=arguments.target_opset,
        calibration=_calibration(arguments),
        calibration_batch=arguments.batch_size,
        compare=arguments.compare,
        force=arguments.force,
    )


def _target(arguments: argparse.Namespace, model: Path) -> tuple[str, Path]:
    """The format and the file."""
    from runtime.inference.backends import FOREIGN as KINDS

    name: str | None = arguments.format
    if arguments.gen_ds_config:
        if name not in (None, "deepstream"):
            raise UsageError(f"--gen_ds_config is for DeepStream, --format {name} is not", hint="leave one of them out")
        name = "deepstream"
    target = program.host(arguments.output_file) if arguments.output_file else None
    if target is not None and target.suffix.lower() in KINDS:
        what = f"{target.suffix} is {KINDS[target.suffix.lower()]}, which only NVIDIA's programs write"
        raise UsageError(what, where=target, hint="name it .onnx; DeepStream and trtexec take that (--gen_ds_config)")
    if name is None:
        name = formats.by_suffix(arguments.network, target.suffix.lower() if target else "")
    suffixes = formats.load(arguments.network, name).SUFFIXES
    if target is None or target.is_dir():
        return name, (target or model.parent) / f"{model.stem}{suffixes[0]}"
    if target.suffix.lower() in suffixes:
        return name, target
    return name, target.with_name(target.name + suffixes[0])


def _calibration(arguments: argparse.Namespace) -> tuple[Path, ...]:
    """The pictures to measure on, evenly spread over the folder."""
    if arguments.data_type != "int8":
        if arguments.cal_image_dir:
            program.warn(f"--cal_image_dir has no effect with --data_type {arguments.data_type}")
        return ()
    if not arguments.cal_image_dir:
        hint = "a few hundred pictures like those it will see"
        raise UsageError("int8 needs pictures to measure on: --cal_image_dir", hint=hint)
    found = picture_lists.find([arguments.cal_image_dir])
    wanted = arguments.batches * arguments.batch_size
    count = min(len(found), wanted)
    if count < wanted:
        asked = f"--batches {arguments.batches} x --batch_size {arguments.batch_size}"
        program.warn(f"pictures to measure ranges on: {count}, not the {wanted} of {asked}; few make a poor model")
    return tuple(found[place * len(found) // count] for place in range(count))
