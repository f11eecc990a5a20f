"""tlt-augment: a KITTI or COCO data set in, the same pictures resized, turned and recoloured out, labels included."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.shell import folders, mounts, program
from tltpipe import machine
from tltpipe.errors import SpecError, UsageError
from tltpipe.interpreters import collect_seldom
from tltpipe.workers import preload

if TYPE_CHECKING:
    from runtime.augmenting import Source, Told
    from runtime.augmenting.recipe import Recipe
    from runtime.augmenting.work import Job
    from specs.spec import Spec

YAML = (".yaml", ".yml")


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    collect_seldom()
    arguments = parser().parse_intermixed_args(argv)
    return program.run(lambda: run(arguments), arguments)


def parser() -> argparse.ArgumentParser:
    parser = program.Parser("tlt-augment", description="Resize and augment a data set offline, labels included.")
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="with a YAML spec: values that replace its own"
    )
    parser.add_argument("-d", "--dataset-folder", metavar="DIR", help="data set root; the spec names folders below it")
    parser.add_argument(
        "-a", "--augmentation-proto", metavar="SPEC", help="augmentation spec, proto-text of TLT 2 to TAO 4"
    )
    parser.add_argument(
        "-e", "--experiment-spec", "--experiment_spec_file", metavar="YAML", help="augmentation spec, YAML of TAO 5"
    )
    parser.add_argument("-o", "--output-dataset", metavar="DIR", help="gets images/ and labels/; made if missing")
    parser.add_argument("-r", "--results_dir", metavar="DIR", help="gets status.json (with YAML: the output folder)")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="also write images_annotated/, with the moved boxes drawn"
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be read, listed in left_out.txt")
    parser.add_argument("--allow-loss", action="store_true", help="go on where all items of a class are lost")
    parser.add_argument(
        "--arithmetic",
        choices=("tao5", "tlt2"),
        default="tao5",
        help="tlt2: the older matrices, by which angles, shears and shifts move the other way (default: %(default)s)",
    )
    parser.add_argument("--antialias", action="store_true", help="let every pixel count where pictures get smaller")
    parser.add_argument(
        "--reduced-decode",
        action="store_true",
        help="with --antialias: decode a JPEG no larger than twice the output where it is only resized; faster",
    )
    parser.add_argument("--drop-outside", action="store_true", help="drop boxes that have no area left")
    parser.add_argument("--keep-names", action="store_true", help="call the output folders as the input's (TAO 3.x)")
    parser.add_argument("--seed", type=int, metavar="N", help="of values drawn from ranges (default: the spec's, 42)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    parser.accept("--batch_size", why="every process takes one image at a time")
    parser.add_argument("--default-spec", action="store_true", help="print a YAML spec with all defaults, and stop")
    parser.accept_wrapper()
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Augment every picture; the output folders appear, whole, at the end."""
    if arguments.default_spec:
        from specs.augment.tao5 import write_default

        program.say(write_default().rstrip("\n"))
        return
    if arguments.workers is not None and arguments.workers < 1:
        raise UsageError(f"--workers {arguments.workers}: there must be one at least")
    if arguments.workers != 1 and machine.worker_count() > 1:
        preload("runtime.augmenting.work", "runtime.augmenting.kitti", "runtime.augmenting.pictures")
    yaml = arguments.experiment_spec
    if yaml is None and arguments.augmentation_proto and arguments.augmentation_proto.endswith(YAML):
        yaml = arguments.augmentation_proto
    from runtime.augmenting import work
    from tltpipe.progress import for_stream

    job = _by_yaml(yaml, arguments) if yaml else _by_proto_text(arguments)
    _refuse_overwriting(job)
    results = arguments.results_dir or (str(job.output) if yaml else None)
    status = program.StatusLog(program.host(results) if results else None)
    with status.failures("Augment"):
        status.write("STARTED", "Starting Data-services Augment.")
        status.write("RUNNING", f"Arithmetic: {job.recipe.arithmetic}. Seed: {job.recipe.seed}.")
        for note in job.source.notes:
            program.warn(note)
        told = work.run(job, progress=for_stream(), workers=arguments.workers)
        _conclude(told, job, status)


def _by_proto_text(arguments: argparse.Namespace) -> Job:
    import specs
    from runtime.augmenting import recipe
    from runtime.augmenting.kitti import Kitti

    needed = {"-a": arguments.augmentation_proto, "-d": arguments.dataset_folder, "-o": arguments.output_dataset}
    missing = [name for name, given in needed.items() if not given]
    if missing:
        what = "an augmentation needs -a SPEC -d DIR -o DIR, or -e YAML"
        raise UsageError(f"{', '.join(missing)} missing", hint=f"{what}; tlt-augment --help explains the options")
    if arguments.overrides:
        raise UsageError(f'"{arguments.overrides[0]}": only a YAML spec (-e) can be overridden', hint="edit the spec")
    spec = specs.parse(program.host(arguments.augmentation_proto), "augment")
    for warning in spec.warnings:
        program.warn(warning)
    root, config = program.host(arguments.dataset_folder), spec.message.dataset_config
    image_path, label_path = mounts.host_text(config.image_path), mounts.host_text(config.label_path)
    source = Kitti(
        folders.existing(root, image_path, kind="images", field="dataset_config.image_path"),
        folders.existing(root, label_path, kind="labels", field="dataset_config.label_path"),
        spec.message.image_extension,
        arguments.keep_names,
    )
    seed = {"seed": arguments.seed} if arguments.seed is not None else {}
    told = recipe.of_proto_text(spec, **_choices(arguments), **seed)
    return _job(source, told, program.host(arguments.output_dataset), arguments)


def _by_yaml(path: str, arguments: argparse.Namespace) -> Job:
    from runtime.augmenting import recipe
    from specs.augment import tao5

    overrides = list(arguments.overrides)
    if overrides[:1] == ["generate"]:  # as behind `tao dataset augmentation`
        overrides.pop(0)
    if arguments.seed is not None:
        overrides.append(f"random_seed={arguments.seed}")
    spec = tao5.read(program.host(path), overrides)
    for warning in spec.warnings:
        program.warn(warning)
    output = arguments.output_dataset or tao5.output(spec)
    if not output:
        raise spec.error("results_dir", "nothing says where the output goes", hint="write results_dir, or give -o DIR")
    source = _source(spec, arguments)
    return _job(source, recipe.of_yaml(spec, **_choices(arguments)), program.host(output), arguments)


def _source(spec: Spec, arguments: argparse.Namespace) -> Source:
    from runtime.augmenting.coco import Coco
    from runtime.augmenting.kitti import Kitti

    root, given = program.host(arguments.dataset_folder) if arguments.dataset_folder else Path(), spec.message
    images = root / program.host(given["data.image_dir"])
    annotations = root / program.host(given["data.ann_path"])
    if not images.is_dir():
        raise spec.error("data.image_dir", f"there is no folder {images}", hint=mounts.hint(images))
    if given["data.dataset_type"] == "coco":
        if not annotations.is_file():
            raise spec.error(
                "data.ann_path", f"there is no file {annotations}", hint="a COCO file, one for all pictures"
            )
        return Coco.open(annotations, images)
    if not annotations.is_dir():
        raise spec.error("data.ann_path", f"there is no folder {annotations}", hint="the folder of the label files")
    if given["spatial_aug.rotation.refine_box.enabled"]:
        raise _no_masks(spec)
    return Kitti(images, annotations, keeps_names=arguments.keep_names)


def _no_masks(spec: Spec) -> SpecError:
    key = "spatial_aug.rotation.refine_box.enabled"
    hint = "set data.dataset_type to coco and data.ann_path to a COCO file with masks (the gt_cache is one)"
    return spec.error(key, "KITTI labels have no outlines that a box could be refined by", hint=hint)


def _choices(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "arithmetic": arguments.arithmetic,
        "antialias": arguments.antialias,
        "reduced": arguments.reduced_decode,
        "drop_outside": arguments.drop_outside,
    }


def _job(source: Source, recipe: Recipe, output: Path, arguments: argparse.Namespace) -> Job:
    from runtime.augmenting.work import Job

    choices = {"skip_bad": arguments.skip_bad, "allow_loss": arguments.allow_loss}
    return Job(source, recipe, output, draws=arguments.verbose, **choices)


def _conclude(told: Told, job: Job, status: program.StatusLog) -> None:
    from runtime.augmenting import work

    done, recipe = told.done, job.recipe
    size = "{}x{}".format(*recipe.output) if recipe.output else "own size"
    _remove_stale_drawings(job)
    program.say(f"wrote {done.images} images ({size}) and {done.boxes} boxes to {job.output}")
    if done.outside:
        what = (
            "were dropped" if recipe.drop_outside else "are lines or points now; tlt-dataset-convert drops such boxes"
        )
        program.say(f"{done.outside} boxes {what}")
    if done.scores:
        program.warn(f"{done.scores} label lines had a 16th column (a score); it was dropped")
    for name, problem in told.left_out[:5]:
        program.warn(f"{name} is left out: {problem}")
    if told.left_out:
        program.warn(f"{len(told.left_out)} pictures are left out, listed in {job.output / work.LEFT_OUT}")
    figures: dict[str, Any] = {"num_images": done.images, "num_boxes": done.boxes, "left_out": len(told.left_out)}
    figures |= program.balance(told.losses)
    status.write("SUCCESS", "Augment finished successfully.", kpi=figures)


def _refuse_overwriting(job: Job) -> None:
    ours = {target.resolve() for target in job.source.folders(job.output).values()}
    if job.source.shared:
        ours.add((job.output / job.source.shared).resolve())
    inputs: Iterable[Path] = job.source.inputs
    for path in inputs:
        if path.resolve() in ours:
            raise UsageError("the output would replace its own input", where=path, hint="choose another -o")


def _remove_stale_drawings(job: Job) -> None:
    """Drawings of an earlier run with -v do not belong to the images that now lie beside them."""
    import shutil

    drawings = job.source.folders(job.output)["annotated"]
    if not job.draws and drawings.is_dir():
        shutil.rmtree(drawings)
        program.say(f"removed {drawings}, drawn by an earlier run")
