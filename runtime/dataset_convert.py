"""tlt-dataset-convert: KITTI folders or COCO files in, TFRecord shards out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime import program

if TYPE_CHECKING:
    from runtime.conversion import Annotated, Plan, Source
    from runtime.conversion.modifier import Modifier
    from runtime.conversion.shards import Prefix
    from runtime.conversion.tally import Tally
    from specs import Spec
    from tltpipe.progress import Bar

CLASS_MAP_HINT = (
    "For the dataset_config in the experiment_spec, please use labels in the tfrecords file, "
    "while writing the classmap.\n"
)


@dataclass(frozen=True)
class Shard:
    """One record file to be: its name, its number in the fold, its frames."""

    name: str
    number: int
    frames: Sequence[Any]


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments))


def parser() -> argparse.ArgumentParser:
    parser = program.Parser("tlt-dataset-convert", description="Convert a KITTI or COCO data set to TFRecord shards.")
    parser.add_argument("-d", "--dataset_export_spec", required=True, metavar="SPEC", help="conversion spec")
    parser.add_argument(
        "-o", "--output_filename", required=True, metavar="PREFIX", help="what the names of the record files begin with"
    )
    parser.add_argument(
        "-f", "--validation_fold", type=int, metavar="FOLD", help="fold that the sample modifier leaves alone"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="tell of every file, class and box left out")
    parser.add_argument("-r", "--results_dir", metavar="DIR", help="gets status.json")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Convert as the spec says; the record files appear together, at the end."""
    from runtime.conversion.shards import Prefix

    prefix = Prefix.of(program.host_text(arguments.output_filename))
    status = program.StatusLog(program.host(arguments.results_dir) if arguments.results_dir else None)
    with status.failures("Dataset convert"):
        status.write("STARTED", "Starting Object Detection Dataset Convert.")
        import specs

        spec = specs.parse(program.host(arguments.dataset_export_spec), "DatasetExportConfig")
        for warning in spec.warnings:
            program.warn(warning)
        _convert(spec, prefix, status, arguments)
        status.write("SUCCESS", "Dataset convert finished successfully.")


def _convert(spec: Spec, prefix: Prefix, status: program.StatusLog, arguments: argparse.Namespace) -> None:
    from runtime.conversion import coco, kitti
    from runtime.conversion.modifier import modifier

    source: Source = kitti.open_source(spec) if spec.is_set("kitti_config") else coco.open_source(spec)
    status.write("STARTED", f"Instantiating a {source.kind} converter")
    status.write("RUNNING", "Generating partitions")
    plan = source.plan()
    for text, figures in plan.notes:
        if arguments.verbose:
            program.say(text)
        status.write("RUNNING", text, kpi=figures)
    fold, last = arguments.validation_fold, len(plan.frames) - 1
    if fold is not None and not 0 <= fold <= last:
        program.warn(f"-f {fold}: there is no such fold, the folds are 0 to {last}")
    samples = modifier(spec, folds=plan.folds, validation_fold=fold)
    tally, written, removed = _write(source, plan, samples, prefix, status=status, verbose=arguments.verbose)
    _conclude(tally, status, verbose=arguments.verbose)
    if removed:
        shown = ", ".join(removed[:3]) + (", ..." if len(removed) > 3 else "")
        program.say(f"removed {len(removed)} files of an earlier conversion: {shown}")
    objects = f"{tally.objects.total()} objects of {len(tally.objects)} classes"
    records = f"{tally.written.total()} records in {len(written)} files"
    program.say(f"wrote {records}, {objects}, to {prefix.folder}: {written[0]} ...")


def _write(
    source: Source, plan: Plan, samples: Modifier, prefix: Prefix, *, status: program.StatusLog, verbose: bool
) -> tuple[Tally, list[str], list[str]]:
    """Write all files; return what was counted, the names written, and the names of earlier files taken away."""
    from converters.records import write_records
    from runtime.conversion import shards
    from runtime.conversion.tally import Tally
    from tltpipe.progress import for_stream

    tally = Tally()
    with shards.staged(prefix) as staging:
        with for_stream().bar("convert", total=sum(map(len, plan.frames))) as bar:
            for fold in range(len(plan.frames)):
                before = tally.objects.copy()
                for shard in _shards(plan, fold, prefix):
                    told = f"Writing partition {fold}, shard {shard.number}"
                    status.write("RUNNING", told)
                    if verbose:
                        program.say(told)
                    frames = _annotated(source, shard.frames, bar)
                    write_records(staging / shard.name, tally.records(frames, samples, fold))
                if verbose:
                    _say_objects(tally.objects - before)
        shards.write_warnings(staging, prefix, tally.dropped)
        written = sorted(path.name for path in staging.iterdir())
        removed = shards.stale(prefix, set(written))
    return tally, written, removed


def _shards(plan: Plan, fold: int, prefix: Prefix) -> Iterator[Shard]:
    """The files of one fold, in order."""
    from converters.records import shard_name
    from runtime.conversion import partition
    from tltpipe.errors import UsageError

    frames, count = plan.frames[fold], plan.shards[fold]
    for number, (start, end) in enumerate(partition.shard_bounds(len(frames), count)):
        name = shard_name(prefix.stem, fold=fold, folds=plan.folds, shard=number, shards=count)
        if not name:
            hint = "end -o in the beginning of a file name, or set num_partitions or num_shards"
            raise UsageError("the one record file would have no name", where=str(prefix), hint=hint)
        yield Shard(name, number, frames[start:end])


def _annotated(source: Source, frames: Sequence[Any], bar: Bar) -> Iterator[Annotated]:
    for frame in frames:
        yield source.annotate(frame)
        bar.advance()


def _conclude(tally: Tally, status: program.StatusLog, *, verbose: bool) -> None:
    """What was written: objects by class, and what each class is called in the records.

    ``status.json`` has it all, as NVIDIA tells it; the console has it when ``verbose``.
    """
    if verbose:
        program.say("Cumulative object statistics")
        _say_objects(tally.objects)
    status.write("RUNNING", "Cumulative object statistics", categorical={"num_objects": dict(tally.objects)})
    names = "".join(f"\n{given.encode()!r}: {stored.encode()!r}" for given, stored in tally.renamed.items())
    class_map = f"Class map. \nLabel in GT: Label in tfrecords file {names}"
    for text in (class_map, CLASS_MAP_HINT):
        status.write("RUNNING", text)
        if verbose:
            program.say(text.rstrip("\n"))
    if tally.dropped:
        program.warn(f"{len(tally.dropped)} boxes of no area were left out; the _warning.json file lists them")
        for key, box in tally.dropped.items() if verbose else ():
            program.say(f"left out: {key} {box}")
    if tally.scores:
        program.warn(f"{tally.scores} label lines had a 16th column (a score); it was dropped")
    status.write("SUCCESS", "TFRecords generation complete.")


def _say_objects(objects: Mapping[str, int]) -> None:
    program.say("Wrote the following numbers of objects:")
    for name, count in sorted(objects.items()):
        program.say(f"{name.encode()!r}: {count}")
    program.say("")
