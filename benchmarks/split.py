"""``tltpipe split`` of 20,000 pictures of DeepFashion2, beside parsing them once and writing the same files.

The floor parses every annotation, reads 4 KiB of every picture and links it, in two processes, and writes the bytes of
the two COCO documents.
"""

from __future__ import annotations

import commands
import corpus
import floors
from measure import in_turn, judge, options, run

TARGET = 4.0

if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        once = bench.folder("once")
        run(commands.split(bench.split, once))
        documents = sorted((once / "annotations").iterdir())
        duel = in_turn(
            lambda number: commands.split(bench.split, bench.folder(f"figure{number}")),
            lambda number: floors.command(floors.parsed, bench.split, bench.folder(f"floor{number}"), *documents),
            rounds=said.rounds,
        )
        floor = "parse annotations, read 4 KiB of pictures, link these, write the documents"
        judge("split", duel, floor=floor, target=TARGET, per=said.pictures)
