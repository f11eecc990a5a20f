"""What a COCO file of 200,000 images with polygons and landmarks takes in memory once it is read for training, in the
parent and in its workers; beside it what pycocotools takes for the same file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import orjson
from measure import options, told
from PIL import Image

from converters.model import garments
from converters.model.findings import Findings
from runtime.data import datasets
from runtime.data.fields import BOXES
from runtime.data.keypoints import Keypoints
from runtime.data.masks import Outlines
from runtime.data.recipe import Source
from runtime.data.split import Gathered, Split
from tltpipe.progress import Silent

MOST = 1500.0
"""Megabytes that the parent may have."""
WIDTH, HEIGHT = 468, 624
OBJECTS = (1, 1, 2, 2, 2)
"""On one image after the other: 1.6 in the mean, as DeepFashion2 has them."""
CORNERS = 40
WORKERS = 2
LINKS = 50_000
"""Names that one file may have at once, in any file system."""
FIELDS = {**BOXES, "masks": Outlines(), "keypoints": Keypoints(garments.LANDMARKS)}


def records(count: int) -> Iterator[tuple[dict[str, object], list[dict[str, object]]]]:
    """An image and its annotations, as the official conversion of DeepFashion2 has them."""
    random, number = np.random.default_rng(1), 0
    for image in range(1, count + 1):
        annotations: list[dict[str, object]] = []
        for _ in range(OBJECTS[image % len(OBJECTS)]):
            number += 1
            garment = garments.CATEGORIES[number % 13]
            left, top = random.integers(0, 200, 2).tolist()
            width, height = random.integers(60, 260, 2).tolist()
            corners = (random.random((CORNERS, 2)) * (width, height) + (left, top)).round(2).ravel().tolist()
            points = np.zeros((garments.LANDMARKS, 3), np.int64)
            own = points[garment.offset : garment.offset + garment.landmarks]
            own[:] = random.integers((left, top, 1), (left + width, top + height, 3), own.shape)
            annotations.append(
                {
                    "id": number, "image_id": image, "category_id": garment.id, "iscrowd": 0,
                    "bbox": [left, top, width, height], "area": width * height, "segmentation": [corners],
                    "num_keypoints": garment.landmarks, "keypoints": points.ravel().tolist(),
                }
            )  # fmt: skip
        yield {"id": image, "file_name": f"{image:06d}.jpg", "width": WIDTH, "height": HEIGHT}, annotations


def drawn(folder: Path, count: int) -> Path:
    """The COCO file in ``folder``, with its images beside it: one, under many names."""
    (folder / "images").mkdir(parents=True)
    names = [str(number) for number in range(1, garments.LANDMARKS + 1)]
    classes = [{"id": each.id, "name": each.name, "keypoints": names, "skeleton": []} for each in garments.CATEGORIES]
    path = folder / "instances_train.json"
    with path.open("wb") as out, tempfile.TemporaryFile(dir=folder) as spool:
        out.write(b'{"categories":%s,"images":[' % orjson.dumps(classes))
        for number, (image, annotations) in enumerate(records(count)):
            name = folder / "images" / str(image["file_name"])
            if number % LINKS == 0:
                Image.new("RGB", (WIDTH, HEIGHT)).save(first := name)
            else:
                name.hardlink_to(first)
            out.write((b"," if number else b"") + orjson.dumps(image))
            spool.writelines(b"," + orjson.dumps(each) for each in annotations)
        out.write(b'],"annotations":[')
        spool.seek(1)
        shutil.copyfileobj(spool, out, 1 << 20)
        out.write(b"]}")
    return path


def resident(kind: str) -> float:
    """Megabytes of this process, by a key of its ``smaps_rollup``."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(kind)) * 1024 / 1e6


def ours(path: Path) -> Split:
    """The file as a training reads it."""
    source = Source(path.parent / "images", path, "coco")
    dataset = datasets.opened(source, "training")
    mapping = {each.name: each.id for each in garments.CATEGORIES}
    gathered = Gathered(FIELDS, mapping, tuple(mapping), hard=True, crowds=False)
    with Silent().bar("read", total=None) as bar:
        folder = datasets.folder(source, dataset)
        gathered.take(datasets.of_dataset(dataset, folder, Findings()), folder, bar)
    return gathered.split(((len(gathered), 1.0),), ())


def _worker(split: Split, pipe: Connection) -> None:
    before = resident("Private_Dirty")
    for index in range(0, len(split), 7):
        part = split.places(index)
        for column in split.columns.values():
            column.take(np.arange(part.start, part.stop))
    pipe.send(resident("Private_Dirty") - before)


def report(what: str, path: Path) -> None:
    """Read ``path`` in this process and say what it took; called in a process of its own."""
    began = time.perf_counter()
    if what == "pycocotools":
        from pycocotools.coco import COCO

        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - it prints
        COCO(str(path))
        sys.stdout = sys.__stdout__
        print(f"pycocotools: {time.perf_counter() - began:.1f} s, {resident('Rss:'):.0f} MB")
        return
    split = ours(path)
    seconds, whole = time.perf_counter() - began, resident("Rss:")
    print(f"tltpipe: {len(split):,} images, {len(split.labels):,} objects: {seconds:.1f} s", flush=True)
    told(f"{whole:.0f} MB, of which the split {split.nbytes / 1e6:.0f} MB", f"{MOST:.0f} MB", met=whole <= MOST)
    context, grown = get_context("fork"), []
    for _ in range(WORKERS):
        here, there = context.Pipe()
        process = context.Process(target=_worker, args=(split, there))
        process.start()
        grown.append(here.recv())
        process.join()
    told(f"a worker writes {max(grown):.0f} MB of its own", "50 MB", met=max(grown) <= 50)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in ("tltpipe", "pycocotools"):
        report(sys.argv[1], Path(sys.argv[2]))
        sys.exit()
    said = options(__doc__, pictures=200_000)
    with tempfile.TemporaryDirectory(dir=said.folder) as name:
        path = drawn(Path(name), said.pictures)
        print(f"{path.stat().st_size / 1e6:,.0f} MB of JSON", flush=True)
        for what in ("tltpipe", "pycocotools"):
            subprocess.run([sys.executable, __file__, what, path], check=True)
