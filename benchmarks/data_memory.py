"""Peak memory of ``tlt-augment`` and ``tlt-dataset-convert``, all processes together, at 2,000 frames and at 20,000.

What is judged is the largest sum of proportional set sizes, of which pages shared by processes are a part but once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import augment_specs
import commands
import corpus
import kitti
from dataset_convert import spec_of
from measure import options, told
from memory import Peak, peak

GROWTH = 50
"""Megabytes from a tenth of the frames to all of them, up or down."""
CONVERT = 250
"""Megabytes that the conversion may take."""


def judge(what: str, small: Path, whole: Path, command: Callable[[Path], commands.Argv]) -> float:
    """Print the peaks, and whether they are near each other; return the larger one."""
    found = list[Peak]()
    for root in (small, whole):
        found.append(peak(command(root)))
        print(f"{what}, {kitti.count(root):,} frames: {found[-1]}", flush=True)
    apart = abs(found[1].together - found[0].together)
    told(f"{apart:.0f} MB apart", f"{GROWTH} MB", met=apart <= GROWTH)
    return max(each.together for each in found)


if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        whole = kitti.prepared(bench)
        small = kitti.frames(bench, whole, count=said.pictures // 10)
        for name, tunables in (("resize", augment_specs.RESIZE), ("every transform", augment_specs.FULL)):
            spec = augment_specs.written(tunables, bench.scratch / f"{name}.conf")
            output = bench.folder(name.replace(" ", "-"))
            judge(
                f"tlt-augment, {name}",
                small,
                whole,
                lambda root: commands.augment(root, spec, output / root.name),  # noqa: B023
            )
        most = judge(
            "tlt-dataset-convert",
            small,
            whole,
            lambda root: commands.dataset_convert(
                spec_of(root, bench.scratch / f"{root.name}.conf"), bench.folder(f"records-{root.name}") / "frames"
            ),
        )
        told(f"{most:.0f} MB", f"{CONVERT} MB", met=most <= CONVERT)
