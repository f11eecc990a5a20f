"""tlt-dataset-convert: KITTI folders or COCO files in, TFRecord shards out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runtime.shell import mounts, program
from tltpipe import machine
from tltpipe.errors import UsageError
from tltpipe.interpreters import collect_seldom
from tltpipe.workers import preload

if TYPE_CHECKING:
    from runtime.conversion import Source
    from runtime.conversion.layouts import Layout
    from runtime.conversion.shards import Prefix
    from specs import Spec
    from tltpipe.losses import Losses

NETWORKS = {
    **dict.fromkeys(("detectnet_v2", "faster_rcnn", "yolo_v3", "yolo_v4", "yolo_v4_tiny"), False),
    **dict.fromkeys(("ssd", "dssd", "retinanet"), True),
}
"""The networks of TAO's ``<network> dataset_convert``, and whether that writes records for DALI."""


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    collect_seldom()
    arguments = parser().parse_intermixed_args(argv)
    return program.run(lambda: run(arguments), arguments)


def parser() -> argparse.ArgumentParser:
    parser = program.Parser("tlt-dataset-convert", description="Convert a KITTI or COCO data set to TFRecord shards.")
    parser.add_argument(
        "network", nargs="?", metavar="NETWORK", help="as in TAO: ssd, dssd and retinanet mean --dali, others do not"
    )
    parser.add_argument("-d", "--dataset_export_spec", required=True, metavar="SPEC", help="conversion spec")
    parser.add_argument(
        "-o", "--output_filename", required=True, metavar="PREFIX", help="what the names of the record files begin with"
    )
    parser.add_argument(
        "-f", "--validation_fold", type=int, metavar="FOLD", help="fold that the sample modifier leaves alone"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="tell of every file, class and box left out")
    parser.add_argument("-r", "--results_dir", metavar="DIR", help="gets status.json")
    parser.add_argument("--dali", action="store_true", help="records with pictures and class numbers, index files too")
    parser.add_argument(
        "-c", "--class_names_file", metavar="FILE", help="with --dali: the classes, where the spec has no mapping"
    )
    parser.add_argument("--strict-tlt", action="store_true", help="with --dali: the empty feature that TAO leaves")
    parser.add_argument("--drop-scores", action="store_true", help="take labels with a 16th column, and drop that")
    parser.add_argument("--allow-loss", action="store_true", help="go on where all items of a class are lost")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    parser.accept_wrapper()
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Convert as the spec says; the record files appear together, at the end."""
    for_dali = _is_for_dali(arguments)
    if arguments.workers != 1 and machine.worker_count() > 1:
        preload("runtime.conversion.work", "runtime.conversion.kitti")  # while this process loads its own, and plans
    from runtime.conversion.shards import Prefix

    prefix = Prefix.of(mounts.host_text(arguments.output_filename))
    status = program.StatusLog(program.host(arguments.results_dir) if arguments.results_dir else None)
    with status.failures("Dataset convert"):
        status.write("STARTED", "Starting Object Detection Dataset Convert.")
        import specs

        spec = specs.parse(program.host(arguments.dataset_export_spec), "dataset_convert")
        for warning in spec.warnings:
            program.warn(warning)
        losses = _convert(spec, prefix, status, arguments, _layout(spec, arguments) if for_dali else _plain())
        status.write("SUCCESS", "Dataset convert finished successfully.", kpi=program.balance(losses))


def _is_for_dali(arguments: argparse.Namespace) -> bool:
    """Which records are wanted; raises UsageError for options that contradict each other or mean nothing."""
    network = arguments.network
    if network is not None and network not in NETWORKS:
        raise UsageError(
            f'"{network}" is no network whose data sets are converted', hint=f"known: {', '.join(NETWORKS)}"
        )
    if arguments.dali and network is not None and not NETWORKS[network]:
        raise UsageError(f"{network} reads no records for DALI", hint="leave --dali out")
    for_dali = arguments.dali or NETWORKS.get(network, False)
    for option, given in {"-c": arguments.class_names_file, "--strict-tlt": arguments.strict_tlt}.items():
        if given and not for_dali:
            raise UsageError(f"{option} says something of records for DALI alone", hint="add --dali, or leave it out")
    if arguments.workers is not None and arguments.workers < 1:
        raise UsageError(f"--workers {arguments.workers}: there must be one at least")
    if for_dali and arguments.validation_fold is not None:
        program.warn("-f has no effect on records for DALI")
        arguments.validation_fold = None
    return for_dali


def _plain() -> Layout:
    from runtime.conversion.layouts import Plain, Stored

    return Plain(Stored())


def _layout(spec: Spec, arguments: argparse.Namespace) -> Layout:
    from runtime.conversion import layouts

    file = arguments.class_names_file
    if file and spec.message.target_class_mapping:
        program.warn(f"-c {file} is not read: the spec has a target_class_mapping")
    return layouts.dali(spec, program.host(file) if file else None, strict=arguments.strict_tlt)


def _source(spec: Spec, **choices: bool) -> Source:
    if spec.is_set("kitti_config"):
        from runtime.conversion import kitti

        return kitti.open_source(spec, **choices)
    from runtime.conversion import coco

    return coco.open_source(spec)


def _convert(
    spec: Spec, prefix: Prefix, status: program.StatusLog, arguments: argparse.Namespace, layout: Layout
) -> Losses:
    from runtime.conversion import telling, work, writing
    from runtime.conversion.modifier import modifier
    from runtime.conversion.shards import INDEX

    source = _source(spec, drops_scores=arguments.drop_scores, lidar=not layout.pictures)
    status.write("STARTED", f"Instantiating a {source.kind} converter")
    status.write("RUNNING", "Generating partitions")
    plan = source.plan()
    for doubt in plan.doubts:
        program.warn(doubt)
    for text, figures in plan.notes:
        if arguments.verbose:
            program.say(text)
        status.write("RUNNING", text, kpi=figures)
    fold, last = arguments.validation_fold, len(plan.frames) - 1
    if fold is not None and not 0 <= fold <= last:
        program.warn(f"-f {fold}: there is no such fold, the folds are 0 to {last}")
    job = work.Job(source, layout, modifier(spec, folds=plan.folds, validation_fold=fold))
    workers = work.processes(sum(map(len, plan.frames)), arguments.workers)
    choices = {"verbose": arguments.verbose, "allow_loss": arguments.allow_loss}
    tally, written, removed = writing.write(job, plan, prefix, status=status, workers=workers, **choices)
    telling.conclude(tally, status, kind=source.kind, verbose=arguments.verbose)
    if removed:
        shown = ", ".join(removed[:3]) + (", ..." if len(removed) > 3 else "")
        program.say(f"removed {len(removed)} files of an earlier conversion: {shown}")
    first = next(name for name in written if not name.startswith(INDEX))
    objects = f"{tally.objects.total()} objects of {len(tally.objects)} classes"
    records = f"{tally.written.total()} records in {len(written)} files"
    program.say(f"wrote {records}, {objects}, to {prefix.folder}: {first} ...")
    plan.losses.merge(tally.losses)
    return plan.losses
