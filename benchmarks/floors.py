# ruff: noqa: PTH116, PTH123, PTH208
"""The floors: what no converter can do without, done by the plainest program, with nothing checked or made of it.

Each is a command of its own, so that the start of an interpreter is on both sides of a ratio. Files are read and
written by the system's own calls, which beats ``open``. Bytes to be written come ready-made from one file (``pack``).
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from multiprocessing import Process
from pathlib import Path

HEAD = 4096
"""Bytes of a picture that are read: its header is in there."""

TEXT = 1 << 16
"""More than any annotation or label file has, and little enough for the allocator not to ask the system for it."""

LARGEST = 3 * 4096 * 4096
"""Bytes of the largest picture that is decoded."""

Labels = Sequence[tuple[str, bytes]]


def pack(labels: Path, packed: Path) -> Path:
    """Put names and bytes of the label files in ``labels`` into the one file ``packed``; return that."""
    packed.write_bytes(pickle.dumps([(path.stem, path.read_bytes()) for path in sorted(labels.iterdir())]))
    return packed


def annotations_and_heads(split: str, packed: str, out: str) -> None:
    """Read every annotation and the start of every picture, write the label bytes to ``out``; two processes."""
    labels = _unpack(packed)
    half = len(labels) // 2
    _together([Process(target=_stretch, args=(split, part, out)) for part in (labels[:half], labels[half:])])


def _stretch(split: str, labels: Labels, out: str) -> None:
    for stem, content in labels:
        _read(f"{split}/annos/{stem}.json", TEXT)
        _read(f"{split}/image/{stem}.jpg", HEAD)
        _write(f"{out}/{stem}.txt", content)


def loads(document: str, packed: str, out: str) -> None:
    """``orjson.loads`` of the file ``document``, write the label bytes to ``out``; one process."""
    import orjson

    page = orjson.loads(_whole(document))
    for stem, content in _unpack(packed):
        _write(f"{out}/{stem}.txt", content)
    del page


def records_and_heads(document: str, packed: str, out: str, images: str) -> None:
    """Parse the records of the COCO file ``document``, a line each, read the start of every picture in ``images``,
    write the label bytes to ``out``; one process.

    A sixth of what ``orjson.loads`` of the whole costs, whose time goes into memory.
    """
    import orjson

    for line in _whole(document).split(b"\n"):
        if line.startswith(b'{"id":') and line.endswith(b"},"):
            orjson.loads(line.removesuffix(b","))
    for stem, content in _unpack(packed):
        _read(f"{images}/{stem}.jpg", HEAD)
        _write(f"{out}/{stem}.txt", content)


def parsed(split: str, out: str = "", *documents: str) -> None:
    """Read and parse every annotation, read the start of every picture; two processes.

    With ``out`` each picture is linked into that folder, and others write the bytes of each of ``documents`` there.
    """
    names = sorted(os.listdir(f"{split}/image"))
    half = len(names) // 2
    parts = [Process(target=_parsed, args=(split, part, out)) for part in (names[:half], names[half:])]
    _together([*parts, *(Process(target=_copied, args=(each, out)) for each in documents)])


def _parsed(split: str, names: Sequence[str], out: str) -> None:
    import orjson

    for name in names:
        orjson.loads(_read(f"{split}/annos/{name[:-4]}.json", TEXT))
        _read(f"{split}/image/{name}", HEAD)
        if out:
            os.link(f"{split}/image/{name}", f"{out}/{name}")


def _copied(document: str, out: str) -> None:
    _write(f"{out}/{Path(document).name}", _whole(document))


def labels_and_heads(split: str, records: str, out: str) -> None:
    """Read every label file and the start of every picture, write the bytes of ``records`` to ``out``; one process."""
    for name in sorted(os.listdir(f"{split}/label")):
        _read(f"{split}/label/{name}", TEXT)
        _read(f"{split}/image/{name[:-4]}.jpg", HEAD)
    _write(f"{out}/records", _whole(records))


def decode_and_encode(images: str, small: str, out: str, processes: str = "2") -> None:
    """Decode every picture in ``images`` to RGB, encode a picture of ``small`` for it, write that to ``out``.

    By libjpeg-turbo through simplejpeg with what tlt-augment asks of it: quality 75, 4:2:0, the accurate DCT.
    ``small`` has pictures of an earlier run, so that what is encoded is as hard to encode as what that wrote.
    All are decoded into the same memory, which is a few per cent faster.
    """
    import numpy as np
    import simplejpeg

    place = np.empty(LARGEST, np.uint8)

    arrays = [simplejpeg.decode_jpeg(_whole(f"{small}/{name}"), "RGB") for name in sorted(os.listdir(small))]
    names, count = sorted(os.listdir(images)), int(processes)

    def part(first: int) -> None:
        for number in range(first, len(names), count):
            simplejpeg.decode_jpeg(_whole(f"{images}/{names[number]}"), "RGB", buffer=place)
            _write(f"{out}/{names[number]}", simplejpeg.encode_jpeg(arrays[number % len(arrays)], 75, "RGB", "420"))

    _together([Process(target=part, args=(first,)) for first in range(count)])


def stats(*folders: str) -> None:
    """One ``os.stat`` of every file in ``folders``; one process."""
    for folder in folders:
        for name in os.listdir(folder):
            os.stat(f"{folder}/{name}")


def _together(processes: Sequence[Process]) -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        sys.exit("a process of the floor failed")


def _whole(path: str) -> bytes:
    return _read(path, os.stat(path).st_size)


def _read(path: str, most: int) -> bytes:
    file = os.open(path, os.O_RDONLY)
    content = os.read(file, most)
    os.close(file)
    return content


def _write(path: str, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    os.write(file, content)
    os.close(file)


def _unpack(packed: str) -> Labels:
    with open(packed, "rb") as file:
        labels: Labels = pickle.load(file)
    return labels


FLOORS: dict[str, Callable[..., None]] = {
    floor.__name__: floor
    for floor in (annotations_and_heads, loads, records_and_heads, parsed, labels_and_heads, decode_and_encode, stats)
}


def command(floor: Callable[..., None], *arguments: str | Path) -> list[str | Path]:
    """The command line that runs ``floor`` in a process of its own."""
    return [sys.executable, __file__, floor.__name__, *arguments]


if __name__ == "__main__":
    FLOORS[sys.argv[1]](*sys.argv[2:])
