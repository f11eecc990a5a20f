"""The three data stages, each as its command, beside decoding and encoding every picture once on as many cores."""

import sys
import tempfile
from pathlib import Path

from measure import BIN, best_of, command, show
from PIL import Image

from converters.sample import draw
from tltpipe.progress import Silent
from tltpipe.workers import parallel_map

COUNT = 500
STAGES = ("prepare", "augment", "tfrecords")


def encode(path: Path) -> None:
    with Image.open(path) as picture:
        picture.convert("RGB").save(path.with_suffix(".again.jpg"))


def floor_of(pictures: list[Path]) -> float:
    return best_of(1, lambda: list(parallel_map(encode, pictures)))


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name)
        draw(workspace / "Original-Data", train=count, validation=0, seed=1, progress=Silent())
        pictures = sorted((workspace / "Original-Data" / "train" / "image").iterdir())
        took = {stage: best_of(1, command([BIN / "tltpipe", stage], cwd=workspace)) for stage in STAGES}
        floor = floor_of(pictures)
    for stage, seconds in took.items():
        show(stage, seconds, floor="decode and encode", floor_seconds=floor, per=count)
