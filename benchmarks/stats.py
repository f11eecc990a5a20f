"""``tltpipe stats`` of a DeepFashion2 split of 20,000 pictures, beside reading and parsing them in two processes."""

from __future__ import annotations

import commands
import corpus
import floors
from measure import in_turn, judge, options

TARGET = 4.0

if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        duel = in_turn(
            lambda _: commands.stats(bench.split),
            lambda _: floors.command(floors.parsed, bench.split),
            rounds=said.rounds,
        )
        judge("stats", duel, floor="parse annotations, read 4 KiB of pictures", target=TARGET, per=said.pictures)
