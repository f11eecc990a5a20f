"""``tltpipe spec check`` alone, and against 200,000 frames in a workspace, start-up included.

    python benchmarks/spec_check.py [FOLDER] [--frames 200000]

The records are those of ``tlt-dataset-convert``, with the summary that it leaves, and without: then a part of them is
read, and the command says so. Images are hard links. The third figure is of folders of KITTI labels and images.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import BIN, best_of, run
from PIL import Image

from converters.tfrecords import examples, records, summary
from specs import render, tunables

ALONE, WITH_DATA = 0.3, 2.0
"""Seconds that are aimed at."""
CLASSES = [f"class_{number}" for number in range(13)]
FOLDS, SHARDS = 2, 20
LINKS = 20_000
"""Names that one file has at most: file systems have a limit."""
SIZE = 288


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="where the data are made, and used again")
    parser.add_argument("--frames", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = (options.folder or Path(scratch)).absolute()
        make(root, options.frames)
        spec = write_spec(root, "tlt2", tfrecords_path="/workspace/TFRecords/train-*", validation_fold=0)
        folders = write_spec(root, "tlt3", label_directory_path="/workspace/labels")
        figure("alone", [BIN / "tltpipe", "spec", "check", spec], ALONE)
        data = ("--data", root)
        figure(f"{options.frames:,} records, summary", [BIN / "tltpipe", "spec", "check", spec, *data], WITH_DATA)
        present = root / "TFRecords" / f".train{summary.END}"
        aside = present.rename(root / "aside.json")
        figure(f"{options.frames:,} records, none", [BIN / "tltpipe", "spec", "check", spec, *data], WITH_DATA)
        aside.rename(present)
        figure(f"{options.frames:,} labels", [BIN / "tltpipe", "spec", "check", folders, *data], WITH_DATA)


def figure(name: str, argv: list[str | Path], target: float) -> None:
    seconds = best_of(3, lambda: run(argv))
    print(f"{name}: {seconds:.2f} s | target {target:g} s: {'met' if seconds <= target else 'missed'}", flush=True)


def write_spec(root: Path, dialect: str, **paths: object) -> Path:
    names = {"image_directory_path": "/workspace/images", "image_extension": "jpg", "validation_tfrecords_path": None}
    names |= {"validation_label_directory_path": None, "validation_image_directory_path": None}
    text = render("ssd", f"train.{dialect}.conf.j2", tunables("ssd")(), **{**names, **paths}, classes=CLASSES)
    path = root / f"train.{dialect}.conf"
    path.write_text(text)
    return path


def make(root: Path, frames: int) -> None:
    """Records, labels and images of so many frames, unless they are there."""
    done = root / f"made-{frames}"
    if done.exists():
        return
    for name in ("TFRecords", "images", "labels"):
        (root / name).mkdir(parents=True, exist_ok=True)
    first = root / "images" / "000000.jpg"
    for number in range(frames):
        path = root / "images" / f"{number:06d}.jpg"
        if number % LINKS:
            os.link(first, path)
        else:
            first = path
            Image.new("RGB", (SIZE, SIZE), (number % 256, 90, 90)).save(path)
    names = [records.shard_name("train", fold=n % FOLDS, folds=FOLDS, shard=n // FOLDS, shards=SHARDS // FOLDS)
             for n in range(SHARDS)]  # fmt: skip
    for number, name in enumerate(names):
        records.write_records(root / "TFRecords" / name, labelled(root, range(number, frames, SHARDS)))
    whole = {name: summary.scan(root / "TFRecords" / name, most_frames=frames, most_bytes=1 << 40) for name in names}
    summary.write(root / "TFRecords", "train", whole)
    done.touch()


def labelled(root: Path, numbers: range) -> Iterator[bytes]:
    """The records of these frames, whose label files are written along with them."""
    chance = random.Random(numbers.start)
    for number in numbers:
        objects = [
            (chance.choice(CLASSES), (chance.uniform(0, 100), chance.uniform(0, 100), chance.uniform(120, SIZE), 200.0))
            for _ in range(chance.randint(1, 3))
        ]
        lines = [
            f"{name} 0.00 0 0.00 {' '.join(f'{side:.2f}' for side in box)}{' 0.00' * 7}\n" for name, box in objects
        ]
        (root / "labels" / f"{number:06d}.txt").write_text("".join(lines))
        columns = dict.fromkeys(examples.NUMBERS, [0.0] * len(objects))
        columns |= {
            f"target/coordinates_{corner}": [box[place] for _, box in objects]
            for place, corner in enumerate(examples.CORNERS)
        }
        yield examples.encode_record((f"{number:06d}", SIZE, SIZE), [name for name, _ in objects], [*columns.values()])


if __name__ == "__main__":
    main()
