"""What is in a data set, in numbers: one pass over it, in memory of a few bytes a picture and an item.

``measure`` makes a ``Report``; ``report.numbers`` is the dictionary described in ``converters.statistics.summary``,
with ``anchors`` as ``fit`` has them. ``converters.statistics.page.render`` makes a web page of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from converters.model import Dataset
from converters.statistics.columns import Columns, Rows, gather
from converters.statistics.summary import Numbers, summary
from converters.transfer.passes import worker_count
from tltpipe.progress import Progress
from tltpipe.workers import start_workers

Floats = NDArray[np.float32]


class Anchors(Protocol):
    """The anchors of a network: sizes as shares of the input's shorter side, and width / height."""

    @property
    def scales(self) -> tuple[float, ...]: ...

    @property
    def ratios(self) -> tuple[float, ...]: ...

    def shapes(self, size: tuple[int, int]) -> Floats:
        """Width and height in pixels of an input of ``size`` (width, height): [maps, per cell, 2]."""
        ...


Fit = Callable[
    [Mapping[str, Floats], str, Mapping[str, NDArray[np.bool_]], tuple[int, int]], tuple[Mapping[str, Anchors], Numbers]
]
"""Anchors that suit the boxes [N, 4] (left, top, width, height, in shares of the image) of each split, the split to
suit, which of its boxes are of each class, and (width, height) of the input: "suggested" and "default", and figures."""
INPUT = (288, 288)
"""Width and height of the network's input where none is named."""


@dataclass(frozen=True)
class Report:
    """``numbers`` is plain values; ``keys`` and ``columns`` by split are what plots and pictures are made from."""

    datasets: Mapping[str, Dataset]
    keys: Mapping[str, Sequence[Any]]
    columns: Mapping[str, Columns]
    size: tuple[int, int]
    anchors: Mapping[str, Anchors]
    numbers: Numbers

    @property
    def main(self) -> str:
        """The split that is trained on."""
        return _main(self.datasets)


def measure(
    datasets: Mapping[str, Dataset],
    *,
    fit: Fit,
    progress: Progress,
    size: tuple[int, int] = INPUT,
    skip_bad: bool = False,
    workers: int | None = None,
) -> Report:
    """Read all pictures' annotations of the splits ``datasets`` and sum them up.

    ``size`` is (width, height) of the input of the network that ``fit`` suggests anchors for. Raises DataError for the
    first picture whose annotations cannot be read; ``skip_bad`` leaves such pictures out.
    """
    keys = {name: dataset.pictures.keys() for name, dataset in datasets.items()}
    if (workers or worker_count(max(map(len, keys.values()), default=0))) > 1:
        start_workers(Rows)
    columns = {}
    with progress.bar("stats", total=sum(map(len, keys.values()))) as bar:
        for name, dataset in datasets.items():
            columns[name] = gather(dataset, keys[name], bar=bar, skip_bad=skip_bad, workers=workers)
    numbers = summary(datasets, columns, size)
    anchors, numbers["anchors"] = _anchors(datasets, columns, size, fit)
    return Report(datasets, keys, columns, size, anchors, numbers)


def _anchors(
    datasets: Mapping[str, Dataset], columns: Mapping[str, Columns], size: tuple[int, int], fit: Fit
) -> tuple[Mapping[str, Anchors], Numbers | None]:
    """What ``fit`` says of the boxes of the training split; None where there are none."""
    main = _main(datasets)
    boxes = {name: each.relative[~np.isnan(each.box[:, 0])] for name, each in columns.items()}
    if not columns or not len(boxes[main]):
        return {}, None
    told = columns[main]
    category = told.category[~np.isnan(told.box[:, 0])]
    classes = {name: category == number for number, name in enumerate(datasets[main].categories)}
    return fit(boxes, main, classes, size)


def _main(datasets: Mapping[str, Dataset]) -> str:
    names = [name for name, dataset in datasets.items() if dataset.annotated] or list(datasets)
    return "train" if "train" in names else names[0] if names else ""
