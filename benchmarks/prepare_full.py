"""``tltpipe prepare`` at full scale: COCO and KITTI of 20,000 pictures, beside reading them and writing the labels.

The floor reads every annotation and the first 4 KiB of every picture and writes the label bytes, in two processes.
It writes no COCO file, which is 85 MB.
"""

from __future__ import annotations

import commands
import corpus
import floors
from measure import in_turn, judge, options, run

TARGET = 4.5

if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        once = bench.workspace("once")
        run(commands.prepare(once))
        packed = floors.pack(once / "Original-Data" / "train" / "label", bench.scratch / "labels")
        duel = in_turn(
            lambda number: commands.prepare(bench.workspace(f"figure{number}")),
            lambda number: floors.command(
                floors.annotations_and_heads, bench.split, packed, bench.folder(f"floor{number}")
            ),
            rounds=said.rounds,
        )
        floor = "read annotations and 4 KiB of pictures, write the labels"
        judge("prepare", duel, floor=floor, target=TARGET, per=said.pictures)
