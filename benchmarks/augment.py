"""``tlt-augment`` with two processes: pictures a second, beside decoding and encoding alone.

Once with a spec that only resizes to 288x288, once with one that has every transform. The floor decodes every
picture at its full size and encodes another of 288x288 for it, one of those that the same spec made.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import augment_specs
import commands
import corpus
import floors
import kitti
from measure import in_turn, judge_speed, options, run

TARGETS = {"resize": (augment_specs.RESIZE, 0.82), "every transform": (augment_specs.FULL, 0.55)}
SMALL = 64
"""Pictures that the floor encodes in turn."""


def small(folder: Path, into: Path) -> Path:
    """The first few of the pictures in ``folder``, as links in the new folder ``into``."""
    into.mkdir()
    for path in islice(sorted(folder.iterdir()), SMALL):
        (into / path.name).symlink_to(path)
    return into


if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        root = kitti.large(bench)
        count = kitti.count(root)
        print(kitti.described(root))
        for name, (tunables, target) in TARGETS.items():
            place = bench.folder(name.replace(" ", "-"))
            spec = augment_specs.written(tunables, place / "augment.conf")
            run(commands.augment(root, spec, place / "once"))
            made = small(place / "once" / "images", place / "small")

            def ours(number: int, place: Path = place, spec: Path = spec) -> commands.Argv:
                return commands.augment(root, spec, place / f"figure{number}")

            def floor(number: int, place: Path = place, made: Path = made) -> commands.Argv:
                output = place / f"floor{number}"
                output.mkdir()
                return floors.command(floors.decode_and_encode, root / "image", made, output)

            duel = in_turn(ours, floor, rounds=said.rounds)
            judge_speed(f"tlt-augment, {name}", duel, other="decode and encode alone", target=target, per=count)
