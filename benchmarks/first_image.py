"""Commands of the data path on one image, beside ``tltpipe --help``: start and end, and nothing between."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

import commands
import corpus
from measure import BIN, Duel, Turn, judge, options, round_robin

TARGET = 2.0


def one_image(scratch: Path, number: int) -> Path:
    """A workspace of one image."""
    root = scratch / str(number)
    corpus.write(root / "Original-Data", pictures=1)
    return root


def turns(scratch: Path) -> dict[str, Turn]:
    """The commands by name; the one that all others are measured against comes first."""
    fixed = one_image(scratch, -1)
    return {
        "help": lambda _: [BIN / "tltpipe", "--help"],
        "prepare": lambda number: commands.prepare(one_image(scratch, number)),
        "check": lambda _: commands.check(fixed / "Original-Data"),
        "stats": lambda _: [BIN / "tltpipe", "stats", fixed / "Original-Data"],
        "convert": lambda number: commands.convert(
            fixed / "Original-Data", scratch / f"{number}.coco", of="deepfashion2", to="coco"
        ),
    }


if __name__ == "__main__":
    said = options(__doc__, rounds=15)
    with tempfile.TemporaryDirectory(dir=said.folder) as name:
        known = turns(Path(name))
        seconds = dict(zip(known, round_robin(*known.values(), rounds=said.rounds), strict=True))
    floor = seconds.pop("help")
    print(f"tltpipe --help: {median(floor):.3f} s")
    for what, each in seconds.items():
        judge(f"{what} of one image", Duel(each, floor), floor="tltpipe --help", target=TARGET, per=1)
