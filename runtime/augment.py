"""tlt-augment: a KITTI folder in, the same images resized, turned and recoloured out, with their labels."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runtime import folders, program
from tltpipe.errors import DataError, UsageError

if TYPE_CHECKING:
    from runtime.augmentation import Done, Pair, Recipe

ANY_EXTENSION = (".png", ".jpg", ".jpeg")
IMAGES, LABELS, ANNOTATED = "images", "labels", "images_annotated"
# Below this many images a second process costs more than it gives.
WORTH_PROCESSES = 16


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments))


def parser() -> argparse.ArgumentParser:
    parser = program.Parser("tlt-augment", description="Resize and augment a KITTI data set offline, labels included.")
    parser.add_argument(
        "-d", "--dataset-folder", required=True, metavar="DIR", help="data set root; the spec names folders below it"
    )
    parser.add_argument("-a", "--augmentation-proto", required=True, metavar="SPEC", help="augmentation spec")
    parser.add_argument(
        "-o", "--output-dataset", required=True, metavar="DIR", help="gets images/ and labels/; made if missing"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help=f"also write {ANNOTATED}/, with the moved boxes drawn"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    parser.add_argument("--batch_size", type=int, help=argparse.SUPPRESS)  # NVIDIA's; says nothing here
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Augment every pair of image and label; the output folders appear, whole, at the end."""
    import specs
    from runtime import augmentation

    spec = specs.parse(program.host(arguments.augmentation_proto), "AugmentorConfig")
    for warning in spec.warnings:
        program.warn(warning)
    recipe = augmentation.recipe(spec)
    root, output = program.host(arguments.dataset_folder), program.host(arguments.output_dataset)
    config = spec.message.dataset_config
    image_path, label_path = program.host_text(config.image_path), program.host_text(config.label_path)
    images = folders.existing(root, image_path, kind="images", field="dataset_config.image_path")
    labels = folders.existing(root, label_path, kind="labels", field="dataset_config.label_path")
    _refuse_overwriting(output, (images, labels))
    pairs = _pairs(images, labels, spec.message.image_extension)
    done = _augment_all(recipe, pairs, output, verbose=arguments.verbose, workers=arguments.workers)
    _tell(done, recipe, output)


def _augment_all(recipe: Recipe, pairs: Sequence[Pair], output: Path, *, verbose: bool, workers: int | None) -> Done:
    from runtime.augmentation import Done, Folders, augment
    from tltpipe import progress
    from tltpipe.files import parallel_map, staged

    existed = output.exists()
    workers = 1 if workers is None and len(pairs) < WORTH_PROCESSES else workers
    try:
        with ExitStack() as stack:
            targets = Folders(
                stack.enter_context(staged(output / IMAGES)),
                stack.enter_context(staged(output / LABELS)),
                stack.enter_context(staged(output / ANNOTATED)) if verbose else None,
            )
            work = parallel_map(partial(augment, recipe, targets), pairs, workers=workers)
            done = sum(progress.track(progress.for_stream(), work, "augment", total=len(pairs)), start=Done())
    except BaseException:
        if not existed:
            folders.remove_if_empty(output)
        raise
    if not verbose:
        _remove_stale_drawings(output)
    return done


def _tell(done: Done, recipe: Recipe, output: Path) -> None:
    size = "{}x{}".format(*recipe.output) if recipe.output else "own size"
    program.say(f"wrote {done.images} images ({size}) and {done.boxes} boxes to {output}")
    if done.outside:
        program.say(f"{done.outside} boxes are lines or points now; tlt-dataset-convert drops such boxes")
    if done.scores:
        program.warn(f"{done.scores} label lines had a 16th column (a score); it was dropped")


def _refuse_overwriting(output: Path, inputs: Iterable[Path]) -> None:
    ours = {(output / name).resolve() for name in (IMAGES, LABELS, ANNOTATED)}
    for folder in inputs:
        if folder.resolve() in ours:
            raise UsageError("the output would replace its own input", where=folder, hint="choose another -o")


def _pairs(images: Path, labels: Path, extension: str) -> list[Pair]:
    """Images with a label file of the same stem, sorted by name; what has no partner is counted and told."""
    from runtime.augmentation import Pair

    wanted = _extensions(extension)
    names = folders.names(images)
    pictures = [name for name in names if Path(name).suffix.lower() in wanted]
    by_stem: dict[str, str] = {}
    for name in pictures:
        other = by_stem.setdefault(Path(name).stem, name)
        if other != name:
            raise DataError(f'"{other}" and "{name}" would share one label file', where=images, hint="rename one")
    texts = {name.removesuffix(".txt") for name in folders.names(labels) if name.endswith(".txt")}
    if not by_stem.keys() & texts:
        raise _no_pairs(images, labels, names, wanted=wanted, pictures=len(pictures))
    _tell_unpaired(len(by_stem.keys() - texts), "images have no label file", images)
    _tell_unpaired(len(texts - by_stem.keys()), "label files have no image", labels)
    return [Pair(images / name, labels / f"{stem}.txt") for stem, name in by_stem.items() if stem in texts]


def _extensions(extension: str) -> tuple[str, ...]:
    """Lower-case extensions with their dot; ``extension`` is the spec's, with or without dot, "" for any known."""
    return (f".{extension.lower().lstrip('.')}",) if extension.strip(".") else ANY_EXTENSION


def _tell_unpaired(count: int, what: str, folder: Path) -> None:
    if count:
        program.warn(f"{folder}: {count} {what} and are left out")


def _no_pairs(images: Path, labels: Path, names: Sequence[str], *, wanted: Sequence[str], pictures: int) -> DataError:
    looked_for = " or ".join(wanted)
    if pictures:
        hint = f"an image x{wanted[0]} belongs to a label file x.txt in {labels}"
        return DataError(f"none of the {pictures} images ({looked_for}) has a label file", where=images, hint=hint)
    return folders.no_images(images, names, looked_for=looked_for)


def _remove_stale_drawings(output: Path) -> None:
    """Drawings of an earlier run with -v do not belong to the images that now lie beside them."""
    import shutil

    if (output / ANNOTATED).is_dir():
        shutil.rmtree(output / ANNOTATED)
        program.say(f"removed {output / ANNOTATED}, drawn by an earlier run")
