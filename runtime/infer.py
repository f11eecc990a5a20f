"""tlt-infer: find objects on pictures; annotated copies and KITTI label lines out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime import device, program
from tltpipe import registry
from tltpipe.errors import DataError, UsageError

if TYPE_CHECKING:
    from specs import Spec

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png"})
LISTED = 20
"""So many unreadable pictures are named at most."""


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments))


def parser() -> argparse.ArgumentParser:
    parser = program.Parser(
        "tlt-infer",
        description="Draw what a trained detector finds, and write it as KITTI labels. Pixels are taken as stored: "
        "an EXIF rotation is not applied.",
    )
    parser.add_argument("network", choices=registry.names("runtime.networks"), help="what the model is")
    parser.add_argument("-i", "--input", required=True, metavar="PATH", help="a picture or a folder of pictures")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="gets the annotated copies")
    parser.add_argument("-e", "--experiment_spec_file", required=True, metavar="SPEC", help="training spec")
    parser.add_argument("-m", "--model_path", required=True, metavar="MODEL", help="checkpoint of tlt-train")
    parser.add_argument("-k", "--key", metavar="KEY", help="opens an encrypted checkpoint")
    parser.add_argument("-l", "--labels", metavar="DIR", help="gets a KITTI file of 16 columns for each picture")
    parser.add_argument(
        "-t", "--threshold", type=float, default=0.3, metavar="SCORE", help="lowest score shown (default 0.3)"
    )
    parser.add_argument("--gpus", type=int, default=1, metavar="N", help="0 for the CPU (default 1, if there is one)")
    parser.add_argument("--gpu_index", type=int, nargs="+", default=[], metavar="I", help="which one")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Infer; torch is imported only once command line, spec and pictures are known to be good."""
    import specs

    if not 0 < arguments.threshold < 1:
        raise UsageError(f"-t must lie between 0 and 1, not {arguments.threshold:g}")
    spec = specs.parse(program.host(arguments.experiment_spec_file), "Experiment")
    pictures = find(program.host(arguments.input))
    drawn = program.host(arguments.output)
    if drawn.resolve() == pictures[0].parent.resolve():
        raise UsageError("the annotated copies would replace the pictures", where=drawn, hint="choose another -o")
    device.require_torch()
    for warning in spec.warnings:
        program.warn(warning)
    if arguments.labels:
        warn_of_shared_labels(pictures)
    infer(arguments, spec, pictures, drawn)


def find(given: Path) -> list[Path]:
    """The pictures that ``given`` names: itself, or those in the folder, sorted. Raises DataError for none."""
    if not given.exists():
        raise DataError("there is no such picture or folder", where=given)
    entries = [given] if given.is_file() else [path for path in given.iterdir() if not path.name.startswith(".")]
    pictures = sorted(path for path in entries if path.suffix.lower() in EXTENSIONS and path.is_file())
    if not pictures:
        raise DataError("no picture here", where=given, hint=f"these are read: {', '.join(sorted(EXTENSIONS))}")
    return pictures


def warn_of_shared_labels(pictures: Sequence[Path]) -> None:
    """Two pictures of one stem have one label file: the later one's."""
    for first, second in pairwise(sorted(pictures, key=lambda path: path.stem)):
        if first.stem == second.stem:
            program.warn(f"{first.name} and {second.name} share one label file, {first.stem}.txt")


def infer(arguments: argparse.Namespace, spec: Spec, pictures: Sequence[Path], drawn: Path) -> None:
    """Draw and label ``pictures``; one that cannot be read does not keep the others from being done.

    Raises DataError at the end when there were such.
    """
    from runtime import checkpoint
    from runtime.detection import Detecting
    from tltpipe import progress

    network: Any = registry.load("runtime.networks", arguments.network)
    model = program.host(arguments.model_path)
    labels = program.host(arguments.labels) if arguments.labels else None
    detector: Any = checkpoint.open_detector(network, spec, model, key=arguments.key)[0]
    classes = network.classes(spec)
    where = device.one(arguments.gpus, arguments.gpu_index)
    program.say(f"device      {device.describe(where, wanted=arguments.gpus)}")

    detect = Detecting(detector, spec, classes, threshold=arguments.threshold, drawn=drawn, labels=labels, device=where)
    batch = spec.message.eval_config.batch_size
    found = 0
    unreadable: list[DataError] = []
    with progress.for_stream().bar("infer", total=len(pictures)) as bar:
        for start in range(0, len(pictures), batch):
            for done in detect(pictures[start : start + batch]):
                if isinstance(done, DataError):
                    unreadable.append(done)
                else:
                    found += done
                bar.advance()
    program.say(f"found {found} objects on {len(pictures) - len(unreadable)} images")
    program.say(f"annotated copies in {drawn}" + (f", labels in {labels}" if labels else ""))
    if unreadable:
        raise _failure(unreadable)


def _failure(errors: Sequence[DataError]) -> DataError:
    """One error for all pictures that could not be read."""
    if len(errors) == 1:
        return errors[0]
    listed = "\n".join(f"  {error}" for error in errors[:LISTED])
    more = f"\n  and {len(errors) - LISTED} more" if len(errors) > LISTED else ""
    return DataError(f"{len(errors)} pictures could not be read; all others are done\n{listed}{more}")
