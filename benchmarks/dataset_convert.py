"""``tlt-dataset-convert`` of 20,000 KITTI frames, with two processes and with one.

Beside the floor that reads the labels and 4 KiB of each picture and writes the bytes of an earlier conversion, in one
process; and beside what NVIDIA's converter does on a machine of this kind.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import commands
import corpus
import floors
import kitti
from kitti_to_tfrecords import join
from measure import Duel, judge_speed, options, round_robin, run, told

import specs
from specs.dataset_convert import Convert
from tltpipe.files import write_text

OF_FLOOR, SCALING = 0.5, 1.7
NVIDIA = 8 * 1164
"""Frames a second: eight times those of NVIDIA's converter."""


def spec_of(root: Path, path: Path) -> Path:
    """The conversion spec ``path`` for the frames in ``root``."""
    places = {"root_directory_path": str(root), "image_dir_name": "image", "label_dir_name": "label"}
    write_text(path, specs.render("dataset_convert", "kitti.conf.j2", Convert(), **places, image_extension="jpg"))
    return path


if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        root = kitti.prepared(bench)
        spec, count = spec_of(root, bench.scratch / "convert.conf"), kitti.count(root)
        run(commands.dataset_convert(spec, bench.folder("once") / "frames"))
        records = join(bench.scratch / "once", bench.scratch / "bytes")
        floor, one, two = round_robin(
            lambda number: floors.command(floors.labels_and_heads, root, records, bench.folder(f"floor{number}")),
            lambda number: commands.dataset_convert(spec, bench.folder(f"one{number}") / "frames", workers=1),
            lambda number: commands.dataset_convert(spec, bench.folder(f"two{number}") / "frames"),
            rounds=said.rounds,
        )
        other = f"read labels and 4 KiB of pictures, write {records.stat().st_size / 1e6:.0f} MB, one process"
        judge_speed("tlt-dataset-convert", Duel(two, floor), other=other, target=OF_FLOOR, per=count)
        speed = count / median(two)
        told(f"{speed:,.0f} frames/s", f"{NVIDIA:,}", met=speed >= NVIDIA, bound="least")
        judge_speed("tlt-dataset-convert, two processes", Duel(two, one), other="one", target=SCALING, per=count)
