"""Annotations: knows data sets, knows nothing of pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tltpipe import registry

if TYPE_CHECKING:
    from converters.formats import Writer
    from converters.model import Dataset


def read(format: str, path: Path, **options: Any) -> Dataset:
    """The data set at ``path``, told in ``format`` ("deepfashion2", "coco", "kitti", ...); samples stream from it.

    ``options`` are those of the format's own ``read``. Raises UsageError for a format that is not there or is only
    written, DataError for data that are not as the format has them (some only while the samples are read).
    """
    dataset: Dataset = registry.load("converters.formats", format).read(path, **options)
    return dataset


def open_writer(format: str, path: Path, categories: Sequence[str], **options: Any) -> Writer:
    """A writer of ``format``: a context manager with ``add(sample)``; ``path`` appears when the block ends well.

    ``options`` are those of the format's own ``Writer``. Raises UsageError for a format that is not there.
    """
    writer: Writer = registry.load("converters.formats", format).Writer(path, tuple(categories), **options)
    return writer
