"""``tltpipe check`` of a DeepFashion2 split of 20,000 pictures, beside the floor of ``prepare_full.py``."""

from __future__ import annotations

import commands
import corpus
import floors
from measure import in_turn, judge, options, run

TARGET = 3.5

if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        once = bench.workspace("once")
        run(commands.prepare(once))
        packed = floors.pack(once / "Original-Data" / "train" / "label", bench.scratch / "labels")
        duel = in_turn(
            lambda _: commands.check(bench.split),
            lambda number: floors.command(
                floors.annotations_and_heads, bench.split, packed, bench.folder(f"floor{number}")
            ),
            rounds=said.rounds,
        )
        floor = "read annotations and 4 KiB of pictures, write the labels"
        judge("check", duel, floor=floor, target=TARGET, per=said.pictures)
