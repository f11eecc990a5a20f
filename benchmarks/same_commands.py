"""The command lines that ``same_outputs`` compares. Each runs in a workspace that holds the data set as ``data``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from same_inputs import WRITABLE, Input

SPEC = """dataset_config {{ image_path: "{images}" label_path: "{labels}" }}
output_image_width: 96 output_image_height: 64 output_image_channel: 3 image_extension: "auto"
spatial_config {{ flip_config {{ flip_horizontal: true }} rotation_config {{ angle: 7.0 units: "degrees" }}
translation_config {{ translate_x: 3 }} }}
color_config {{ hue_saturation_config {{ hue_rotation_angle: 20.0 }} }}
"""
YAML = """data:
  dataset_type: coco
  image_dir: data/images/train
  ann_path: data/annotations/instances_train.json
  output_dataset: out/augment-coco
  output_image_width: 96
  output_image_height: 64
spatial_aug: {rotation: {angle: [5, 20], refine_box: {enabled: true}}, flip: {flip_horizontal: true}}
"""
KITTI_RECORDS = """kitti_config { root_directory_path: "data/train" image_dir_name: "image_2" label_dir_name: "label_2"
image_extension: "auto" partition_mode: "random" num_partitions: 2 val_split: 25 num_shards: 3 }
image_directory_path: "data/train"
"""
COCO_RECORDS = """coco_config { root_directory_path: "data" img_dir_names: "images/train"
annotation_files: "annotations/instances_train.json" num_partitions: 1 num_shards: 2 }
image_directory_path: "data"
"""
SELECTED = ("--allow-loss", "--skip-bad", "--images", "none")
CONVERSIONS = {
    "classes": ("coco", "--classes", "long_sleeved_dress,top", "--rename", "long_sleeved_shirt=top", "--keep-empty"),
    "sizes": ("csv", "--min-size", "25", "--max-occlusion", "1"),
    "segment": ("yolo", "--task", "segment"),
    "pose": ("yolo", "--task", "pose"),
    "detect": ("yolo", "--task", "detect", "--crowd", "drop"),
    "painting": ("mask_png", "--painting", "smaller_first"),
    "subset": ("kitti", "--subset", "2"),
    "train": ("voc", "--split", "train"),
}


@dataclass(frozen=True)
class Command:
    """One command line; ``label`` is its row in the table of counts. What it writes is below the workspace."""

    label: str
    argv: tuple[str, ...]
    real: bool = False


def tltpipe(label: str, *argv: str, real: bool = False) -> Command:
    return Command(label, ("tltpipe", *argv), real)


def convert(format: str, *more: str, to: str = "", real: bool = False) -> Command:
    target = f"out/{to or f'convert-{format}'}"
    return tltpipe(f"convert to {format}", "convert", "data", target, "--to", format, *more, real=real)


def prepare(workspace: Path, *more: str, real: bool = False) -> Command:
    """Its workspace is ``ws``, whose raw data are a copy of the data set: labels are written into them."""
    if not (workspace / "ws").exists():
        shutil.copytree(workspace / "data", workspace / "ws/Original-Data", symlinks=True)
    return tltpipe("prepare", "prepare", "-w", "ws", *more, real=real)


def commands(given: Input, workspace: Path) -> Iterator[Command]:
    """Those for an input that lies in ``workspace`` already."""
    match given.kind:
        case "whole":
            yield from _whole(given, workspace)
        case "many":
            yield from _many(given, workspace)
        case "case":
            yield from _case(workspace)
        case "damaged":
            yield from _damaged(given, workspace)


def _whole(given: Input, workspace: Path) -> Iterator[Command]:
    yield tltpipe("check", "check", "data", "--all")
    yield tltpipe("check", "check", "data", "--json", "--strict")
    yield tltpipe("check --deep", "check", "data", "--deep", "--json")
    yield tltpipe("check --fix", "check", "data", "--fix", "out/fixed", "--allow-loss")
    yield tltpipe("stats", "stats", "data", "--html", "out/stats.html")
    yield tltpipe("stats", "stats", "data", "--json")
    yield tltpipe("split", "split", "data", "out/split", "--all", "--ratio", "0.7,0.3")
    yield tltpipe("split", "split", "data", "out/folds", "--all", "--folds", "2", "--near", "--json", "--allow-loss")
    yield tltpipe("split", "split", "data", "out/report", "--all", "--report-only")
    for format in WRITABLE:
        yield convert(format, "--allow-loss", *(() if format == "coco" else ("--images", "none")))
    yield convert("coco", "--json", to="json")
    if given.name in ("coco", "deepfashion2", "kitti", "yolo", "voc"):
        for name, (format, *more) in CONVERSIONS.items():
            yield convert(format, *more, *SELECTED, to=name)
        (workspace / "other").mkdir()
        given.put(workspace / "other/data")
        yield tltpipe("merge", "convert", "data", "other/data", "out/merged", "--to", "coco", "--json")
    yield prepare(workspace)
    yield from _programs(given, workspace)


def _programs(given: Input, workspace: Path) -> Iterator[Command]:
    """Augmentation and records, of what ``prepare`` left and, where it is their format, of the data set itself."""
    spec = workspace / "prepared.conf"
    spec.write_text(SPEC.format(images="image", labels="label"))
    prepared = "ws/Original-Data/train"
    if given.name == "deepfashion2":
        yield Command("tlt-augment", ("tlt-augment", "-d", prepared, "-a", spec.name, "-o", "out/augmented"))
        yield Command("tlt-augment", ("tlt-augment", "-d", prepared, "-a", "ws/specs/augment.conf", "-o", "out/plain"))
    if given.name == "kitti":
        spec.with_name("kitti.conf").write_text(SPEC.format(images="image_2", labels="label_2"))
        spec.with_name("records.conf").write_text(KITTI_RECORDS)
        yield Command("tlt-augment", ("tlt-augment", "-d", "data/train", "-a", "kitti.conf", "-o", "out/kitti", "-v"))
    if given.name == "coco":
        spec.with_name("augment.yaml").write_text(YAML)
        spec.with_name("records.conf").write_text(COCO_RECORDS)
        yield Command("tlt-augment", ("tlt-augment", "-e", "augment.yaml", "-r", "out/augment-coco"))
    if given.name in ("kitti", "coco"):
        for more in ((), ("-v",), ("--dali", "-c", "data/classes.txt")):
            prefix = f"out/records{''.join(more[:1])}/x"
            argv = ("tlt-dataset-convert", "-d", "records.conf", "-o", prefix, *more)
            yield Command("tlt-dataset-convert", argv)


def _many(given: Input, workspace: Path) -> Iterator[Command]:
    """By the real programs in two workers."""
    yield tltpipe("check", "check", "data", "--json", "--workers", "2", real=True)
    yield tltpipe("stats", "stats", "data", "--json", "--workers", "2", real=True)
    yield tltpipe("split", "split", "data", "out/split", "--all", "--ratio", "0.7,0.3", "--workers", "2", real=True)
    for format in ("coco", "kitti") if given.name.endswith(("coco", "deepfashion2")) else ("yolo", "tfrecord"):
        yield convert(format, "--images", "none", "--workers", "2", real=True)
    if given.name.endswith("deepfashion2"):
        yield prepare(workspace, real=True)


def _case(workspace: Path) -> Iterator[Command]:
    yield tltpipe("check", "check", "data", "--json", "--all")
    yield tltpipe("stats", "stats", "data", "--json")
    yield tltpipe("split", "split", "data", "out/split", "--all", "--ratio", "0.5,0.5")
    for format in ("coco", "kitti", "yolo"):
        yield convert(format, "--images", "none")
        yield convert(format, "--skip-bad", "--allow-loss", "--images", "none", to=f"skip-{format}")
    yield prepare(workspace)
    yield prepare(workspace, "--skip-bad", "--allow-loss")


def _damaged(given: Input, workspace: Path) -> Iterator[Command]:
    assert given.seed is not None
    yield tltpipe("check", "check", "data", "--json")
    format = WRITABLE[given.seed % len(WRITABLE)]
    yield convert("coco", "--images", "none")
    yield convert("coco", "--skip-bad", "--allow-loss", "--images", "none", to="skip-bad")
    yield convert(format, "--skip-bad", "--allow-loss", "--images", "none", to="other")
    match given.seed % 3:
        case 0:
            yield tltpipe("stats", "stats", "data", "--skip-bad", "--json")
        case 1:
            yield tltpipe("split", "split", "data", "out/split", "--all", "--ratio", "0.7,0.3", "--skip-bad")
        case _:
            yield prepare(workspace, "--skip-bad", "--allow-loss")
    argv = ("tlt-dataset-convert", "-d", "records.conf", "-o", "out/records/x", "--allow-loss")
    if (workspace / "data/train/label_2").is_dir():
        (workspace / "records.conf").write_text(KITTI_RECORDS)
        (workspace / "kitti.conf").write_text(SPEC.format(images="image_2", labels="label_2"))
        yield Command("tlt-dataset-convert", argv)
        augment = ("tlt-augment", "-d", "data/train", "-a", "kitti.conf", "-o", "out/augmented", "--skip-bad")
        yield Command("tlt-augment", augment)
    elif (workspace / "data/annotations/instances_train.json").is_file():
        (workspace / "records.conf").write_text(COCO_RECORDS)
        yield Command("tlt-dataset-convert", argv)
