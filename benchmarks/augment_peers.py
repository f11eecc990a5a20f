"""``tlt-augment`` with every transform, beside the same written with torchvision's transforms v2 and with OpenCV.

Two processes each, the start of which counts; what starting takes is printed, too. OpenCV in three ways, of which
``augment_opencv.py`` tells: step by step is by the book.
"""

from __future__ import annotations

import sys
from pathlib import Path

import augment_specs
import commands
import corpus
import kitti
from measure import Duel, Turn, best_of, judge_speed, options, round_robin, run

TARGET = 1.5
HERE = Path(__file__).parent
PEERS: dict[str, tuple[str, ...]] = {
    "torchvision v2": ("augment_torchvision.py",),
    "OpenCV, step by step": ("augment_opencv.py", "steps"),
    "OpenCV, resized last": ("augment_opencv.py", "late"),
    "OpenCV, all in one warp": ("augment_opencv.py", "fused"),
}


def peer(program: str, *way: str) -> commands.Argv:
    return [sys.executable, HERE / program, *way]


def few(root: Path, folder: Path, count: int = 2) -> Path:
    """The first pictures of ``root`` in a data set of their own."""
    for part in ("image", "label"):
        (folder / part).mkdir()
        for path in sorted((root / part).iterdir())[:count]:
            (folder / part / path.name).symlink_to(path)
    return folder


if __name__ == "__main__":
    said = options(__doc__, rounds=3)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        root = kitti.large(bench)
        two, count = few(root, bench.folder("few")), kitti.count(root)
        spec = augment_specs.written(augment_specs.FULL, bench.scratch / "full.conf")
        print(kitti.described(root))

        def ours(number: int) -> commands.Argv:
            return commands.augment(root, spec, bench.scratch / f"ours{number}")

        def turn(index: int, argv: tuple[str, ...]) -> Turn:
            return lambda number: [*peer(*argv), root, bench.scratch / f"peer{index}-{number}"]

        took = round_robin(ours, *(turn(*each) for each in enumerate(PEERS.values())), rounds=said.rounds)
        for index, (name, seconds) in enumerate(zip(PEERS, took[1:], strict=True)):
            start = [*peer(*PEERS[name]), two, bench.scratch / f"start{index}"]
            judge_speed("tlt-augment, every transform", Duel(took[0], seconds), other=name, target=TARGET, per=count)
            print(f"  starting {name}: {best_of(1, lambda argv=start: run(argv)):.2f} s")  # type: ignore[misc]
