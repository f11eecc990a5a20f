"""tfrecord: record files, by the summary beside them where there is one that fits."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from converters.tfrecords import records, summary
from converters.tfrecords.records import NO_RECORDS
from converters.tfrecords.summary import RecordSummary
from orchestrator.jobs.data_readers import _images, examples
from specs.data_sources import DataSource
from specs.extensions import dotted
from specs.rules.facts import Amount, SourceFacts

MOST_FRAMES = 30_000
"""Records without a summary that are looked into, of all files together."""
MOST_BYTES = 256 << 20
"""The same in bytes: records may hold images."""
INDEX = "idx-"
_FOLD = re.compile(r"-fold-(\d+)-of-")


def read(source: DataSource, annotations: Path, images: Path | None) -> SourceFacts:
    files = records.shards(annotations)
    result = _summaries(files)
    layout = next((each.layout for each in result.values() if each.read), None)
    numbered = records.class_names(files[0]) or ()
    ids = [id for each in result.values() for id in each.ids]
    folder, extension = (None if layout == "dali" else images), dotted(source.extension or "")
    missing, others = _images.lacking(folder, ids, extension) if folder is not None else ([], [])
    some = _images.spread(ids, _images.OPENED) if folder is not None else []
    return SourceFacts(
        source,
        layout,
        _folds(result, numbered),
        categories={name: number for number, name in enumerate(numbered, start=1)},
        sizes=sum((each.sizes for each in result.values()), Counter()),
        channels=_images.channels(folder, some, extension) if folder is not None else {},
        boxes=np.array([value for each in result.values() for value in each.boxes], np.float32).reshape(-1, 4),
        frame_ids=ids,
        occluded=sum(each.occluded for each in result.values()),
        strays=examples(_strays(annotations)),
        no_index=examples([path.name for path in files if not _index(path).is_file()]),
        old_index=examples([path.name for path in files if _index(path).is_file() and not _fits(path)]),
        no_image=examples(missing),
        other_extension=examples(others),
        unread=_unread(result),
    )


def _summaries(files: Sequence[Path]) -> dict[Path, RecordSummary]:
    """Of each file, in order."""
    known = summary.load(files)
    rest = [path for path in files if path not in known]
    limits = {"most_frames": MOST_FRAMES // max(1, len(rest)), "most_bytes": MOST_BYTES // max(1, len(rest))}
    return {path: known.get(path) or summary.scan(path, **limits) for path in files}


def _folds(result: Mapping[Path, RecordSummary], numbered: Sequence[str]) -> dict[int | None, Amount]:
    frames, objects = Counter[int | None](), dict[int | None, Counter[str]]()
    for path, each in result.items():
        match = _FOLD.search(path.name)
        fold = int(match[1]) if match else None
        frames[fold] += each.frames
        counts = objects.setdefault(fold, Counter())
        for name, count in each.objects.items():
            known = each.layout == "dali" and name.isdecimal() and 0 < int(name) <= len(numbered)
            counts[numbered[int(name) - 1] if known else name] += count
    return {fold: Amount(frames[fold], objects[fold]) for fold in objects}


def _strays(pattern: Path) -> list[str]:
    """Names of visible files that the pattern matches and that are no records."""
    matched: Iterable[str] = glob.glob(str(pattern)) if glob.has_magic(str(pattern)) else ()
    return [Path(path).name for path in matched if NO_RECORDS.search(Path(path).name)]


def _index(path: Path) -> Path:
    return path.with_name(INDEX + path.name)


def _fits(path: Path) -> bool:
    """Whether the last line of the index of ``path`` ends where its records end."""
    lines = _index(path).read_bytes().split(b"\n")
    last = [int(word) for word in (lines[-2] if len(lines) > 1 else b"").split() if word.isdigit()]
    return sum(last) == path.stat().st_size


def _unread(result: Mapping[Path, RecordSummary]) -> str:
    frames, read = (sum(getattr(each, name) for each in result.values()) for name in ("frames", "read"))
    return f"{read:,} of {frames:,} records were read for these checks" if read < frames else ""
