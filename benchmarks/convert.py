"""COCO to YOLO, and KITTI, VOC and YOLO to COCO, of 20,000 pictures; each beside a floor.

To YOLO the floor is parsing the records of the COCO file one by one, reading 4 KiB of each picture, and writing the
label bytes; to COCO it is reading the label files and 4 KiB of each picture, and writing the bytes of the COCO file.
Both are one process.
"""

from __future__ import annotations

from pathlib import Path

import commands
import corpus
import floors
from corpus import Bench
from measure import in_turn, judge, options, run

TARGET = 4.0
LABELS = {"kitti": "train/label_2", "voc": "train/Annotations", "yolo": "labels/train"}
"""Where each format has its labels."""


def made(bench: Bench, source: Path, *, of: str, to: str) -> Path:
    """The data set ``source`` as ``to``, with its pictures as links."""
    target = bench.scratch / f"{of}-to-{to}"
    if not target.exists():
        run(commands.convert(source, target, of=of, to=to, images="link"))
    return target


def to_yolo(bench: Bench, coco: Path, *, rounds: int, per: int) -> None:
    document = coco / "annotations" / "instances_train.json"
    packed = floors.pack(made(bench, coco, of="coco", to="yolo") / "labels/train", bench.scratch / "l")
    images = coco / "images" / "train"
    duel = in_turn(
        lambda number: commands.convert(coco, bench.scratch / f"to-yolo{number}", of="coco", to="yolo"),
        lambda number: floors.command(
            floors.records_and_heads, document, packed, bench.folder(f"records{number}"), images
        ),
        rounds=rounds,
    )
    floor = f"parse records of {document.stat().st_size / 1e6:.0f} MB, read 4 KiB of pictures, write the labels"
    judge("COCO -> YOLO", duel, floor=floor, target=TARGET, per=per)


def to_coco(bench: Bench, coco: Path, format: str, *, rounds: int, per: int) -> None:
    source = made(bench, coco, of="coco", to=format)
    split = bench.folder(f"split-{format}")
    (split / "label").symlink_to(source / LABELS[format])
    (split / "image").symlink_to(coco / "images" / "train")
    once = made(bench, source, of=format, to="coco") / "annotations" / "instances_train.json"
    duel = in_turn(
        lambda number: commands.convert(source, bench.scratch / f"from-{format}{number}", of=format, to="coco"),
        lambda number: floors.command(floors.labels_and_heads, split, once, bench.folder(f"labels-{format}{number}")),
        rounds=rounds,
    )
    floor = f"read labels and 4 KiB of pictures, write {once.stat().st_size / 1e6:.0f} MB"
    judge(f"{format} -> COCO", duel, floor=floor, target=TARGET, per=per)


if __name__ == "__main__":
    said = options(__doc__)
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        coco = made(bench, bench.split.parent, of="deepfashion2", to="coco")
        to_yolo(bench, coco, rounds=said.rounds, per=said.pictures)
        for format in LABELS:
            to_coco(bench, coco, format, rounds=said.rounds, per=said.pictures)
