"""DeepFashion's attributes, 289,222 images by 1,000 as text, 0.9 GB: beside reading the file once and doing nothing.

Both in turn in one process, in blocks of one size, with the file in the page cache and without it (its pages are given
back before each turn, which is how a data set is read for the first time). Then the peak memory of a process that reads
them, and the time of all lists together, without a floor.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import memory
import numpy as np
from measure import told

from converters.formats.deepfashion import attribute_rows, find, read

ATTRIBUTES = 1000
TARGET, MEGABYTES = 2.0, 400.0
BLOCK = 1 << 20


def name(image: int) -> str:
    """Fifty images to a garment."""
    return f"img/Sheer_Garment_{image // 50:05d}/img_{image % 50 + 1:08d}.jpg"


def written(root: Path, images: int) -> Path:
    """All lists of so many images, four attributes to each, the same on every machine; returns the large one."""
    lists, large = root / "Anno", root / "Anno" / "list_attr_img.txt"
    if large.is_file():
        return large
    for folder in (lists, root / "Eval", root / "Img" / "img"):
        folder.mkdir(parents=True)
    every = [name(image) for image in range(images)]
    rows = {
        "Anno/list_category_cloth.txt": ("category_name  category_type", [f"Kind{n}  1" for n in range(50)]),
        "Anno/list_attr_cloth.txt": ("attribute_name  attribute_type", [f"look {n}  1" for n in range(ATTRIBUTES)]),
        "Anno/list_category_img.txt": (
            "image_name  category_label",
            [f"{each}  {n % 50 + 1}" for n, each in enumerate(every)],
        ),
        "Anno/list_bbox.txt": (
            "image_name  x_1  y_1  x_2  y_2",
            [f"{each}  012 008 250 290" for each in every],
        ),
        "Eval/list_eval_partition.txt": (
            "image_name  evaluation_status",
            [f"{each}  {('train', 'val', 'test')[n % 7 % 3]}" for n, each in enumerate(every)],
        ),
    }
    for path, (columns, lines) in rows.items():
        (root / path).write_text("\n".join([str(len(lines)), columns, *lines, ""]))
    chance, usual = np.random.default_rng(0), np.frombuffer(b" -1" * ATTRIBUTES, np.uint8)
    with (lists / "list_attr_img.part").open("wb") as stream:
        stream.write(b"%d\nimage_name  attribute_labels\n" % images)
        for each in every:
            values = usual.copy()
            values[3 * chance.choice(ATTRIBUTES, 4, replace=False) + 1] = ord(" ")
            stream.write(each.encode().ljust(60) + values.tobytes() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())  # only what is on the disk can leave the page cache
    return (lists / "list_attr_img.part").rename(large)


def floor(large: Path) -> None:
    """Read the file into one buffer after the other."""
    buffer = bytearray(BLOCK)
    with large.open("rb", buffering=0) as stream:
        while stream.readinto(buffer):
            pass


def forget(large: Path) -> None:
    """Give the pages of the file back."""
    file = os.open(large, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compare(large: Path, images: int, rounds: int) -> None:
    """Print both figures and what is within the targets."""
    names = [name(image).encode() for image in range(images)]
    known = {each: place for place, each in enumerate(names)}

    def figure() -> None:
        attribute_rows.read(large, names, known, ATTRIBUTES, Path("list_category_img.txt"))

    for title, before in (("in the page cache", lambda _: None), ("from the disk", forget)):
        turns = [
            [(before(large), seconds(each))[1] for each in (lambda: floor(large), figure)] for _ in range(rounds + 1)
        ]
        ratios = [own / least for least, own in turns[1:]]
        least, own = median(pair[0] for pair in turns[1:]), median(pair[1] for pair in turns[1:])
        rate = images * ATTRIBUTES / own / 1e6
        print(f"attributes, {title}: {own:.3f} s ({rate:,.0f} million values/s) | read once: {least:.3f} s")
        told(f"ratio {median(ratios):.2f} (lowest {min(ratios):.2f})", f"{TARGET:.1f}", met=median(ratios) <= TARGET)


def listed(root: Path) -> int:
    """How many images the splits have, all lists read."""
    return sum(len(read(place).pictures.keys()) for place in find(root).values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="keep the lists here; without: in a temporary folder")
    parser.add_argument("--pictures", type=int, default=289_222)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--read", action="store_true", help="read all lists in FOLDER and do nothing else")
    said = parser.parse_args()
    if said.read:
        listed(said.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        root = said.folder or Path(scratch)
        large = written(root, said.pictures)
        print(f"{large.stat().st_size / 1e6:,.0f} MB of text, {said.pictures:,} images", flush=True)
        compare(large, said.pictures, said.rounds)
        print(f"all lists, of three splits: {seconds(lambda: listed(root)):.2f} s")
        peak = memory.peak([sys.executable, __file__, str(root), "--read"])
        told(f"peak memory with all lists {peak}", f"{MEGABYTES:.0f} MB", met=peak.together <= MEGABYTES)


if __name__ == "__main__":
    main()
