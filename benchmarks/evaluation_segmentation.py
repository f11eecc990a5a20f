"""mIoU of 5,000 label maps of 13 values: how fast, beside a confusion matrix by numpy's bincount.

The floor is given predictions that are as large as the stored images already, and does nothing but count. We are given
those of a network's input of 320x512 pixels, bring them to the stored size, count, and keep the worst images. Both
matrices must be equal. Seconds are those of one core that computes. What stays in memory is measured after a tenth of
the maps and after all of them.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import measure
import numpy as np
from numpy.typing import NDArray

from runtime.tasks import ImageInfo, segmentation
from runtime.tasks.segmentation.measuring import PixelMetrics

VALUES = 13
CLASSES = tuple(f"class {k}" for k in range(1, VALUES))
SIZE, INPUT = (550, 825), (320, 512)
"""Width and height of images as stored, those of CCP, and as a network sees them."""
DIFFERENT = 64
"""Maps that are not the same."""
SLOWER = 50
"""So many times fewer maps have their boundaries measured."""
TARGET = 1.5
Map = NDArray[np.uint8]


class Pair(NamedTuple):
    truth: Map
    said: Map
    """On the network's input."""
    restored: Map
    """The same at the stored size."""
    image: ImageInfo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pairs = draw()
    took: dict[str, list[float]] = {"floor": [], "tltpipe": [], "boundaries": []}
    for _ in range(options.rounds):
        began = time.process_time()
        expected = floor(repeated(pairs, options.maps))
        took["floor"].append(time.process_time() - began)
        for name in ("tltpipe", "boundaries"):
            count = options.maps if name == "tltpipe" else options.maps // SLOWER
            metrics = PixelMetrics(CLASSES, primary="mIoU", painting="larger_first", boundaries=name == "boundaries")
            began = time.process_time()
            add(metrics, pairs, count)
            took[name].append(time.process_time() - began)
            assert name == "boundaries" or (metrics.matrix == expected).all()
    duel = measure.Duel(tuple(took["tltpipe"]), tuple(took["floor"]))
    size = "{}x{}".format(*SIZE)
    what = f"mIoU of {options.maps:,} maps of {size}"
    measure.judge(what, duel, floor="numpy's bincount", target=TARGET, per=options.maps)
    each = min(took["boundaries"]) / (options.maps // SLOWER) * 1000
    print(f"with boundary F1: {each:.1f} ms a map")
    grown(pairs, options.maps)


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grown(pairs: list[Pair], maps: int) -> None:
    """Print what memory grows by from a tenth of the maps to all of them."""
    metrics = PixelMetrics(CLASSES, primary="mIoU", painting="larger_first", boundaries=False)
    add(metrics, pairs, maps // 10)
    before = resident()
    add(metrics, pairs, maps - maps // 10)
    print(f"memory: {(resident() - before) / 2**20:+.1f} MiB from {maps // 10:,} to {maps:,} maps")


def draw() -> list[Pair]:
    """Large areas with ragged edges, of which the model gets some wrong; a strip nobody judged."""
    random, pairs = np.random.default_rng(0), []
    for number in range(DIFFERENT):
        truth = areas(random, SIZE)
        truth[:8] = 255
        said = np.array(cv2.resize(areas(random, (8, 12)), INPUT, interpolation=cv2.INTER_NEAREST), np.uint8)
        seen = cv2.resize(truth, INPUT, interpolation=cv2.INTER_NEAREST)
        right = (random.random(seen.shape) < 0.9) & (seen != 255)
        said[right] = seen[right]
        image = ImageInfo(f"{number}.jpg", SIZE, INPUT[::-1])
        pairs.append(Pair(truth, said, segmentation.restore({"map": said}, image)["map"], image))
    return pairs


def areas(random: np.random.Generator, size: tuple[int, int]) -> Map:
    coarse = random.random((9, 6, VALUES), np.float32)
    coarse[..., 0] += 0.4
    layers = [np.ascontiguousarray(coarse[..., k]) for k in range(VALUES)]
    stack = np.stack([cv2.resize(layer, size, interpolation=cv2.INTER_CUBIC) for layer in layers])
    return np.asarray(stack.argmax(axis=0), np.uint8)


def repeated(pairs: list[Pair], count: int) -> Iterator[Pair]:
    return (pairs[number % len(pairs)] for number in range(count))


def floor(pairs: Iterator[Pair]) -> NDArray[np.int64]:
    matrix = np.zeros((VALUES, VALUES), np.int64)
    for pair in pairs:
        judged = pair.truth != 255
        places = pair.truth[judged].astype(np.int64) * VALUES + pair.restored[judged]
        matrix += np.bincount(places, minlength=VALUES**2).reshape(VALUES, VALUES)
    return matrix


def add(metrics: PixelMetrics, pairs: list[Pair], count: int) -> None:
    for pair in repeated(pairs, count):
        target: dict[str, Any] = {"stored_map": pair.truth}
        metrics.update([{"map": pair.said}], [target], [pair.image])


if __name__ == "__main__":
    main()
