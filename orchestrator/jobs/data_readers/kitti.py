"""kitti: a folder of labels beside one of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.files import listing
from converters.formats.kitti import summary
from converters.pictures import headers
from orchestrator.jobs.data_readers import _images, examples
from specs.data_sources import DataSource
from specs.extensions import dotted
from specs.rules.facts import Amount, Examples, SourceFacts
from tltpipe.errors import DataError

MOST_LABELS = 10_000
"""Label files that are read."""
_LINES = ("fractions", "scores", "widths", "blanks", "flat", "odd", "spacing", "empty")


def read(source: DataSource, annotations: Path, images: Path | None) -> SourceFacts:
    stems = listing.stems(annotations, frozenset(("txt",)))
    cut = [path.rpartition(".") for path in listing.files(images, listing.PICTURES)] if images is not None else []
    extension = dotted(source.extension or "")
    by_stem = {stem: f"{stem}.{end}" for stem, _, end in cut if extension is None or f".{end}" == extension}
    others = [(stem, end) for stem, _, end in cut if stem not in by_stem] if len(by_stem) < len(cut) else []
    labelled = sorted(stems & by_stem.keys()) if images is not None else sorted(stems)
    upper = {end for _, _, end in cut if not end.islower()}
    some = _images.spread([stem for stem in labelled if stem in by_stem], _images.OPENED)
    message = summary.summarise(annotations, _images.spread(labelled, MOST_LABELS), boxes_of=frozenset(some))
    sizes = _sizes(images, {stem: by_stem[stem] for stem in some}) if images is not None else {}
    lines: dict[str, Any] = {name: _places(getattr(message, name)) for name in _LINES}
    return SourceFacts(
        source,
        folds={None: Amount(len(labelled), message.objects)},
        sizes=Counter(sizes.values()),
        channels=_images.channels(images, [by_stem[stem] for stem in some]) if images is not None else {},
        boxes=_boxes(message.boxes, sizes),
        frame_ids=labelled,
        occluded=message.occluded,
        no_image=examples(stems - by_stem.keys() - {stem for stem, _ in others}) if images is not None else Examples(),
        no_label=examples(by_stem.keys() - stems),
        other_extension=examples([f"{stem}.{end}" for stem, end in others]),
        upper_case=examples([f"{stem}.{end}" for stem, _, end in cut if end in upper] if upper else ()),
        **lines,
        unread=_unread(message.read, len(labelled)),
    )


def _places(result: summary.Places) -> Examples:
    return Examples(result.count, tuple(result.few))


def _sizes(images: Path, names: dict[str, str]) -> dict[str, tuple[int, int]]:
    result = {}
    for stem, name in names.items():
        try:
            result[stem] = headers.size(images / name)
        except DataError:
            continue
    return result


def _boxes(boxes: dict[str, list[list[float]]], sizes: dict[str, tuple[int, int]]) -> NDArray[np.float32]:
    """In shares of their image: left, top, width, height."""
    rows: list[Sequence[float]] = []
    for stem, (width, height) in sizes.items():
        for left, top, right, bottom in boxes.get(stem, ()):
            rows.append((left / width, top / height, (right - left) / width, (bottom - top) / height))
    return np.array(rows, np.float32).reshape(-1, 4)


def _unread(read: int, labelled: int) -> str:
    return f"{read:,} of {labelled:,} label files were read for these checks" if read < labelled else ""
