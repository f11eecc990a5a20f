"""What grows with a data set, far beyond what lies on this disk: generated names and boxes, no images.

    names     memory of the process that hands out the images, for their names
    journal   as many entries as a journal has at most: note, read and remove them
    coco      a COCO file put together from a journal: seconds, bytes, memory for each image
    folder    so many files in one folder: create, open by name, list

Each is measured on what fits here, and shown for a hundred million images. FOLDER is on the file system in question.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from memory import peak

from converters.model import Box, Dataset, Object, Sample
from converters.model.findings import Findings
from converters.transfer import outputs, transfer
from converters.transfer.parts import Part
from tltpipe.executors import VARIABLE
from tltpipe.executors import Part as Done
from tltpipe.journal import ENTRIES, Journal
from tltpipe.progress import Silent

MANY = 100_000_000
Key = tuple[str, ...]


@dataclass(frozen=True)
class Generated:
    """``count`` images of one or two boxes each, under keys such as folders of labels have."""

    count: int

    @property
    def inputs(self) -> Sequence[Path]:
        return ()

    def keys(self) -> list[Key]:
        return [(f"{number:09d}", "jpg") for number in range(self.count)]

    def name(self, key: Key) -> str:
        return key[0]

    def load(self, key: Key, _: Findings) -> Sample:
        number = int(key[0])
        boxes = (Box(1.0, 2.0, 100.0 + number % 400, 300.0), Box(50.0, 60.0, 90.0, 95.0))
        things = tuple(Object("vest", box, origin=1) for box in boxes[: 1 + number % 2])
        return Sample(key[0], f"/generated/{key[0]}.jpg", 640, 480, things)


def convert(count: int, folder: Path) -> None:
    target = folder / f"coco{count}"
    part = Part("train", Dataset(("vest",), Generated(count)), outputs.plan("coco", target, "train", pictures="none"))
    transfer.transfer([part], journal=folder / f".coco{count}.journal", progress=Silent(), workers=1)


def names(count: int, _: Path) -> None:
    assert len(Generated(count).keys()) == count


def child(what: str, count: int, folder: Path, **variables: str) -> tuple[float, float]:
    """Seconds and peak megabytes of a process that does ``what``."""
    argv = ["env", *(f"{name}={value}" for name, value in variables.items()), sys.executable, __file__, str(folder)]
    start = time.monotonic()
    done = peak([*argv, "--only", what, "--images", str(count)])
    return time.monotonic() - start, done.bound


def grown(what: str, few: int, many: int, folder: Path, **variables: str) -> tuple[float, float]:
    """Microseconds and bytes of memory for each image, between two numbers of them."""
    (less, low), (more, high) = (child(what, count, folder, **variables) for count in (few, many))
    return (more - less) / (many - few) * 1e6, (high - low) / (many - few) * 1e6


def journal(folder: Path) -> None:
    work = Journal(folder / ".limit.journal", "limit", folder)
    work.begin([], [], print)
    numbers = range(ENTRIES)
    note = timed(map(work.note, numbers, numbers))
    read = timed(work.entry(number, int) for number in numbers)
    gone = timed(map(Journal.forget, [work]))
    print(f"journal of {ENTRIES:,} entries: noted in {note:.1f} s, read in {read:.1f} s, removed in {gone:.1f} s")


def files(folder: Path, count: int) -> None:
    (folder / "many").mkdir()
    paths = [f"{folder}/many/{number:09d}.txt" for number in range(count)]
    created = timed(map(os.close, (os.open(path, os.O_CREAT | os.O_WRONLY) for path in paths)))
    opened = timed(map(os.close, (os.open(path, os.O_RDONLY) for path in paths)))
    listed = timed(os.scandir(folder / "many"))
    each = ", ".join(
        f"{name} {seconds / count * 1e6:.1f}"
        for name, seconds in (("create", created), ("open", opened), ("list", listed))
    )
    print(f"folder of {count:,} files, microseconds a file: {each}")


def timed(actions: Iterable[object]) -> float:
    """Seconds until the last of ``actions`` is done."""
    start = time.monotonic()
    for _ in actions:
        pass
    return time.monotonic() - start


def show(folder: Path, count: int) -> None:
    few = count // 5
    _, held = grown("names", few, count, folder)
    print(f"names: {held:.0f} bytes an image, {held * MANY / 1e9:.0f} GB for {MANY:,}", flush=True)
    begun, _ = grown("convert", few, count, folder, **{VARIABLE: "array:0/1"})
    size = sum(each.stat().st_size for each in (folder / f".coco{count}.journal").iterdir())
    seconds, memory = grown("convert", few, count, folder)
    made = sum(each.stat().st_size for each in (folder / f"coco{count}").rglob("*") if each.is_file())
    print(f"coco: records {begun:.0f} microseconds an image; journal {size / count:.0f} bytes, file {made / count:.0f}")
    print(f"  put together: {seconds:.0f} microseconds, {memory:.0f} bytes of memory an image")
    print(f"  {MANY:,}: {seconds * MANY / 3.6e9:.1f} h, {memory * MANY / 1e9:.0f} GB of memory", flush=True)
    journal(folder)
    files(folder, count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="where to write; without: a temporary folder")
    parser.add_argument("--images", type=int, default=500_000)
    parser.add_argument("--only", choices=("names", "convert"), help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.only:
        with suppress(Done):
            {"names": names, "convert": convert}[said.only](said.images, said.folder)
    else:
        with tempfile.TemporaryDirectory(dir=said.folder) as scratch:
            show(Path(scratch), said.images)
