"""One pass over a DeepFashion2 split: each picture goes to the COCO file and to its KITTI label file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from converters.findings import Finding, Findings
from converters.formats import coco, deepfashion2, kitti
from tltpipe.errors import DataError
from tltpipe.files import cpu_count, parallel_map, writable
from tltpipe.progress import Progress

CHUNK = 64
"""Pictures that a worker takes at a time: enough that handing them over costs little."""

ALONE = 2048
"""Up to this many pictures one process is done before others would have started."""


@dataclass(frozen=True)
class Summary:
    """What was read. ``categories`` counts items of each, also of those with none; ``skipped`` counts pictures."""

    images: int
    items: int
    categories: Mapping[str, int]
    skipped: int
    findings: tuple[Finding, ...]
    seconds: float


def prepare(
    split: Path,
    *,
    annotations: Path,
    labels: Path,
    progress: Progress,
    image_extension: str = ".jpg",
    skip_bad: bool = False,
    workers: int | None = None,
) -> Summary:
    """Write the split at ``split`` (or just below it) as the COCO file ``annotations`` and the KITTI folder ``labels``.

    Both appear when all is done; memory stays flat. A picture that is missing, unreadable or wrongly annotated raises
    DataError and nothing appears; with ``skip_bad`` it is left out whole and told among the findings, since a picture
    that shows a garment without its label would teach a detector that there is none.
    Raises HostError when the outputs cannot be written.
    """
    start = time.monotonic()
    source = deepfashion2.Split(deepfashion2.locate(split), image_extension)
    stems = source.stems()
    workers = workers or (1 if len(stems) <= ALONE else cpu_count())
    categories, items, findings, images = deepfashion2.CATEGORIES, Counter[str](), Findings(), 0
    keypoints, supercategory = deepfashion2.KEYPOINTS, deepfashion2.SUPERCATEGORY
    with (
        writable(labels.parent),
        coco.Writer(annotations, categories, keypoints=keypoints, supercategory=supercategory) as document,
        kitti.Writer(labels, categories) as texts,
        progress.bar(f"prepare {split.name}", total=len(stems)) as bar,
    ):
        tasks = (_Task(source, chunk, document.encoder, skip_bad) for chunk in _chunks(stems))
        for batch in parallel_map(_encode, tasks, workers=workers):
            for entry, text in batch.entries:
                document.append(entry)
                texts.append(entry.id, text)
            images += len(batch.entries)
            items.update(batch.items)
            findings.merge(batch.findings)
            bar.advance(batch.pictures)
        if not images:
            raise DataError("not one picture of this split is usable", where=source.folder)
    counts = {name: items[name] for name in categories}
    skipped = len(stems) - images
    return Summary(images, items.total(), counts, skipped, findings.all(), time.monotonic() - start)


@dataclass(frozen=True)
class _Task:
    split: deepfashion2.Split
    stems: tuple[str, ...]
    encoder: coco.Encoder
    skip_bad: bool


@dataclass
class _Batch:
    """What a worker made of a chunk: bytes and text, far cheaper to hand over than samples."""

    pictures: int
    entries: list[tuple[coco.Entry, str]] = field(default_factory=list)
    items: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)


def _encode(task: _Task) -> _Batch:
    batch = _Batch(len(task.stems))
    for stem in task.stems:
        findings = Findings()
        try:
            sample = task.split.sample(stem, findings)
        except DataError as problem:
            if not task.skip_bad:
                raise
            batch.findings.add("pictures left out", problem)
            continue
        batch.findings.merge(findings)
        batch.entries.append((task.encoder.encode(sample), kitti.encode(sample)))
        batch.items.update(thing.category for thing in sample.objects)
    return batch


def _chunks(stems: list[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(stems)
    while chunk := tuple(islice(rest, CHUNK)):
        yield chunk
