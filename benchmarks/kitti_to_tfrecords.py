"""KITTI to TFRecords of 20,000 pictures, beside reading the labels and 4 KiB of each picture and writing the bytes.

The bytes are those of an earlier conversion, in one file.
"""

from __future__ import annotations

from pathlib import Path

import commands
import corpus
import floors
from measure import in_turn, judge, options, run

TARGET = 3.0


def join(folder: Path, into: Path) -> Path:
    """All files below ``folder`` in one."""
    with into.open("wb") as out:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                out.write(path.read_bytes())
    return into


if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        once = bench.workspace("once")
        run(commands.prepare(once))
        split = once / "Original-Data" / "train"
        run(commands.convert(split, bench.scratch / "records", of="kitti", to="tfrecord"))
        records = join(bench.scratch / "records", bench.scratch / "bytes")
        duel = in_turn(
            lambda number: commands.convert(split, bench.scratch / f"figure{number}", of="kitti", to="tfrecord"),
            lambda number: floors.command(floors.labels_and_heads, split, records, bench.folder(f"floor{number}")),
            rounds=said.rounds,
        )
        floor = f"read labels and 4 KiB of pictures, write {records.stat().st_size / 1e6:.0f} MB"
        judge("KITTI -> TFRecords", duel, floor=floor, target=TARGET, per=said.pictures)
