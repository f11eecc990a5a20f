"""A second ``tltpipe prepare`` with nothing changed, beside one ``os.stat`` of every picture, annotation and label."""

from __future__ import annotations

import commands
import corpus
import floors
from measure import in_turn, judge, options, run

TARGET = 3.0

if __name__ == "__main__":
    said = options(__doc__, rounds=9)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        workspace = bench.workspace("once")
        again = commands.prepare(workspace)
        run(again)
        folders = [workspace / "Original-Data" / "train" / part for part in ("image", "annos", "label")]
        duel = in_turn(lambda _: again, lambda _: floors.command(floors.stats, *folders), rounds=said.rounds)
        judge("prepare again", duel, floor="os.stat of every file", target=TARGET, per=said.pictures)
