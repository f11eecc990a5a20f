"""``tlt-augment`` with one process and with two.

What two processes gain is printed for decoding and encoding alone as well: no program gains more on this machine.
"""

from __future__ import annotations

import augment_specs
import commands
import corpus
import floors
import kitti
from augment import small
from measure import Duel, judge_speed, options, round_robin, run

TARGET = 1.8

if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        root = kitti.large(bench)
        count = kitti.count(root)
        print(kitti.described(root))
        for name, tunables in (("resize", augment_specs.RESIZE), ("every transform", augment_specs.FULL)):
            place = bench.folder(name.replace(" ", "-"))
            spec = augment_specs.written(tunables, place / "augment.conf")
            run(commands.augment(root, spec, place / "once"))
            made = small(place / "once" / "images", place / "small")

            def ours(number: int, workers: int) -> commands.Argv:
                return commands.augment(root, spec, place / f"{workers}-{number}", workers=workers)  # noqa: B023

            def floor(number: int, workers: int) -> commands.Argv:
                output = place / f"floor{workers}-{number}"  # noqa: B023
                output.mkdir()
                return floors.command(floors.decode_and_encode, root / "image", made, output, str(workers))  # noqa: B023

            one, two, floor_one, floor_two = round_robin(
                lambda number: ours(number, 1),
                lambda number: ours(number, 2),
                lambda number: floor(number, 1),
                lambda number: floor(number, 2),
                rounds=said.rounds,
            )
            judge_speed(f"tlt-augment, {name}, two processes", Duel(two, one), other="one", target=TARGET, per=count)
            judge_speed("decoding and encoding alone, two", Duel(floor_two, floor_one), other="one", per=count)
