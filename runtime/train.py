"""tlt-train: a spec and TFRecords in, a trained detector out."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from runtime import device, program
from tltpipe import registry
from tltpipe.errors import UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments))


def parser() -> argparse.ArgumentParser:
    parser = program.Parser("tlt-train", description="Train a detector by a TLT 2.0 spec.")
    parser.add_argument("network", choices=registry.names("runtime.networks"), help="what to train")
    parser.add_argument("-e", "--experiment_spec_file", required=True, metavar="SPEC", help="training spec")
    parser.add_argument(
        "-r", "--results_dir", required=True, metavar="DIR", help="gets weights/, the log, status.json and events/"
    )
    parser.add_argument("-k", "--key", metavar="KEY", help="encrypts the checkpoints, and opens that of -m")
    parser.add_argument("--gpus", type=int, default=1, metavar="N", help="GPUs (default 1; the CPU if there is none)")
    parser.add_argument("--gpu_index", type=int, nargs="+", default=[], metavar="I", help="which ones")
    parser.add_argument(
        "-m",
        "--resume_model_weights",
        metavar="MODEL",
        help="checkpoint to start from or, with --initial_epoch, resume",
    )
    parser.add_argument(
        "--initial_epoch", type=int, default=1, metavar="N", help="first epoch to run; above 1 resumes -m (default 1)"
    )
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Train; torch is imported only once the spec is known to be good."""
    import specs

    if arguments.gpus < 0:
        raise UsageError(f"--gpus must be 0 or more, not {arguments.gpus}")
    if arguments.initial_epoch < 1:
        raise UsageError(f"--initial_epoch counts from 1, not {arguments.initial_epoch}")
    if arguments.initial_epoch > 1 and not arguments.resume_model_weights:
        raise UsageError("--initial_epoch above 1 resumes a run", hint="name its checkpoint with -m")
    spec = specs.parse(program.host(arguments.experiment_spec_file), "Experiment")
    device.require_torch()
    if device.is_lead():
        for warning in spec.warnings:
            program.warn(warning)

    from runtime import training

    weights = program.host(arguments.resume_model_weights) if arguments.resume_model_weights else None
    network = registry.load("runtime.networks", arguments.network)
    try:
        training.train(
            network,
            spec,
            program.host(arguments.results_dir),
            gpus=arguments.gpus,
            gpu_index=arguments.gpu_index,
            start=training.Start(arguments.initial_epoch, weights),
            key=arguments.key,
        )
    except training.Stopped as stopped:
        if stopped.checkpoint is not None:
            stopped.hint = f"to go on: {resume_command(arguments, stopped.checkpoint, stopped.epoch)}"
        raise


def resume_command(arguments: argparse.Namespace, checkpoint: Path, epoch: int) -> str:
    """The command that continues after ``epoch``; KEY stands for the key, which has no business in a log."""
    words = ["tlt-train", arguments.network, "--gpus", str(arguments.gpus)]
    words += ["--gpu_index", *map(str, arguments.gpu_index)] if arguments.gpu_index else []
    words += ["-e", arguments.experiment_spec_file, "-r", arguments.results_dir]
    words += ["-k", "KEY"] if arguments.key else []
    words += ["-m", str(checkpoint), "--initial_epoch", str(epoch + 1)]
    return shlex.join(words)
