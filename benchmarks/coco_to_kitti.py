"""COCO to KITTI of 20,000 pictures, beside ``orjson.loads`` of the file and writing the label bytes; peak memory.

The COCO file is that of ``tltpipe prepare``: polygons, and 294 keypoints to an item as the official conversion has
them, 85 MB in all.
"""

from __future__ import annotations

import commands
import corpus
import floors
from measure import in_turn, judge, options, run, told
from memory import peak

TARGET = 2.0
MOST = 400
"""Megabytes."""

if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        once = bench.workspace("once")
        run(commands.prepare(once))
        document = once / "COCO" / "train.json"
        packed = floors.pack(once / "Original-Data" / "train" / "label", bench.scratch / "labels")

        def figure(name: object) -> commands.Argv:
            return commands.convert(document, bench.scratch / f"figure{name}", of="coco", to="kitti")

        duel = in_turn(
            figure,
            lambda number: floors.command(floors.loads, document, packed, bench.folder(f"floor{number}")),
            rounds=said.rounds,
        )
        size = document.stat().st_size / 1e6
        floor = f"orjson.loads of the {size:.0f} MB, write the labels"
        judge("COCO -> KITTI", duel, floor=floor, target=TARGET, per=said.pictures)
        found = peak(figure("memory"))
        print(f"  peak memory: {found}")
        told(f"{found.together:.0f} MB", f"{MOST} MB", met=found.together <= MOST)
