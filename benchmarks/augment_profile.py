"""Where the time of ``tlt-augment`` goes: microseconds a picture for each step, in one process.

Each step's function is wrapped in a clock, whose own cost is taken off. Processor time of this thread, so that what
else the machine does counts little.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import augment_specs
import corpus
import cv2
import kitti
import simplejpeg
from measure import options

from converters.formats.kitti import rows as kitti_rows
from runtime.augmenting import pictures, pixels
from runtime.imaging import transforms
from runtime.programs import augment
from runtime.shell import folders
from specs.augment import Augment
from tltpipe import staging
from tltpipe.journal import Journal

STEPS: tuple[tuple[str, Any, str], ...] = (
    ("read the picture's file", pixels, "read"),
    ("decode: header", simplejpeg, "decode_jpeg_header"),
    ("decode", simplejpeg, "decode_jpeg"),
    ("warp", transforms.Warp, "applied"),
    ("colour", cv2, "transform"),
    ("blur", transforms, "convolve"),
    ("encode", simplejpeg, "encode_jpeg"),
    ("write picture and label files", staging, "write"),
    ("labels: read", kitti_rows, "text_of"),
    ("labels: parse", kitti_rows, "rows"),
    ("labels: move boxes", transforms, "move_boxes"),
    ("labels: render a line", kitti_rows, "render"),
    ("recipe: steps of a picture", pictures, "steps_for"),
    ("list the folders", folders, "names"),
    ("journal: note a chunk", Journal, "note"),
    ("journal: is it noted", Journal, "noted"),
    ("journal: move into place", Journal, "commit"),
)


@dataclass
class Clock:
    """Seconds and calls by step; a step inside another counts for itself alone."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    inside: list[float] = field(default_factory=list)

    def around(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            self.inside.append(0.0)
            start = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                took = time.thread_time() - start
                self.seconds[step] += took - self.inside.pop()
                self.calls[step] += 1
                if self.inside:
                    self.inside[-1] += took

        return timed

    @staticmethod
    def cost() -> float:
        """Seconds that one wrapped call costs by itself."""
        clock, times = Clock(), 20_000
        nothing = clock.around("", lambda: None)
        start = time.thread_time()
        for _ in range(times):
            nothing()
        return (time.thread_time() - start) / times


def profiled(root: Path, tunables: Augment, scratch: Path) -> tuple[Clock, float]:
    """The steps' clock, and the seconds of the whole; the program runs here, with one worker."""
    spec = augment_specs.written(tunables, scratch / "profile.conf")
    clock = Clock()
    originals = [(place, name, getattr(place, name)) for _, place, name in STEPS]
    output = scratch / f"profile{len(list(scratch.iterdir()))}"
    try:
        for step, place, name in STEPS:
            setattr(place, name, clock.around(step, getattr(place, name)))
        start = time.thread_time()
        if augment.main(["-d", str(root), "-a", str(spec), "-o", str(output), "--workers", "1"]):
            raise RuntimeError("tlt-augment failed")
        return clock, time.thread_time() - start
    finally:
        for place, name, original in originals:
            setattr(place, name, original)


def show(clock: Clock, whole: float, count: int) -> None:
    cost = Clock.cost()
    whole -= cost * sum(clock.calls.values())
    print(f"  {1e6 * whole / count:7.0f} us a picture in all, {count / whole:,.0f} pictures/s a core")
    for step, _, _ in STEPS:
        took = clock.seconds[step] - cost / 2 * clock.calls[step]
        print(f"  {1e6 * took / count:7.1f} {100 * took / whole:5.1f} %  {step}")
    rest = whole - sum(clock.seconds.values()) + cost / 2 * sum(clock.calls.values())
    print(f"  {1e6 * rest / count:7.1f} {100 * rest / whole:5.1f} %  the rest")


if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        root = kitti.large(bench)
        count = kitti.count(root)
        print(kitti.described(root))
        for name, tunables in (("resize", augment_specs.RESIZE), ("every transform", augment_specs.FULL)):
            profiled(root, tunables, bench.scratch)
            print(f"{name}:")
            show(*profiled(root, tunables, bench.scratch), count)
