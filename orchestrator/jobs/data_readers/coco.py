"""coco: a COCO file, with the folder of its images."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from converters.files import listing
from converters.formats.coco import summary
from orchestrator.jobs.data_readers import _images, examples
from specs.data_sources import DataSource
from specs.rules.facts import Amount, SourceFacts

MOST_BYTES = 256 << 20
"""Of a file that is read."""


def read(source: DataSource, annotations: Path, images: Path | None) -> SourceFacts:
    size = annotations.stat().st_size
    if size > MOST_BYTES:
        message = f"{annotations.name} has {size >> 20:,} MB and was not read for these checks"
        return SourceFacts(source, counted=False, unread=message)
    result = summary.summarise(annotations)
    missing = _missing(images, result.names) if images is not None else []
    some = _images.spread(result.names, _images.OPENED)
    return SourceFacts(
        source,
        folds={None: Amount(len(result.names), result.objects)},
        categories={name: number for number, name in result.categories.items() if isinstance(number, int)},
        sizes=result.sizes,
        channels=_images.channels(images, some) if images is not None else {},
        boxes=np.array(result.boxes).reshape(-1, 4).clip(-1e6, 1e6).astype(np.float32),
        frame_ids=[name.rpartition(".")[0] for name in result.names],
        no_image=examples(missing),
    )


def _missing(folder: Path, names: list[str]) -> list[str]:
    """The images that are nowhere below ``folder``: names in files may begin elsewhere, or be spelled otherwise."""
    known = {os.path.basename(path).casefold() for path in listing.files(folder, listing.PICTURES)}  # noqa: PTH119
    return [name for name in names if name.replace("\\", "/").rpartition("/")[2].casefold() not in known]
