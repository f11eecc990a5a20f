"""What is in a data set, in numbers: one pass over it, in memory of a few bytes a picture and an item.

``measure`` makes a ``Report``; ``report.numbers`` is the dictionary described in ``converters.statistics.summary``,
with ``anchors`` as described at ``anchor_numbers``. ``converters.statistics.page.render`` makes a web page of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.model import Dataset
from converters.statistics import anchors
from converters.statistics.anchors import Anchors
from converters.statistics.columns import Columns, Rows, gather
from converters.statistics.summary import Numbers, summary
from converters.transfer.passes import worker_count
from tltpipe.progress import Progress
from tltpipe.workers import start_workers

INPUT = (288, 288)
"""Width and height of the network's input where none is named."""


@dataclass(frozen=True)
class Report:
    """``numbers`` is plain values; ``keys`` and ``columns`` by split are what plots and pictures are made from."""

    datasets: Mapping[str, Dataset]
    keys: Mapping[str, Sequence[Any]]
    columns: Mapping[str, Columns]
    size: tuple[int, int]
    suggested: Anchors
    numbers: Numbers

    @property
    def main(self) -> str:
        """The split that is trained on."""
        return _main(self.datasets)


def measure(
    datasets: Mapping[str, Dataset],
    *,
    progress: Progress,
    size: tuple[int, int] = INPUT,
    skip_bad: bool = False,
    workers: int | None = None,
) -> Report:
    """Read all pictures' annotations of the splits ``datasets`` and sum them up.

    ``size`` is (width, height) of the input of the network that anchors are suggested for. Raises DataError for the
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
    suggested, numbers["anchors"] = anchor_numbers(datasets, columns, size)
    return Report(datasets, keys, columns, size, suggested, numbers)


def anchor_numbers(
    datasets: Mapping[str, Dataset], columns: Mapping[str, Columns], size: tuple[int, int]
) -> tuple[Anchors, Numbers | None]:
    """Anchors that fit the training split, and how well they and the spec's own cover it.

    None where there are no boxes, else: ``split`` they are fitted to, ``boxes`` in it; ``suggested`` and ``default``,
    each with ``scales``, ``aspect_ratios`` (width / height), ``anchors`` (on a picture), ``all``, ``classes`` and
    ``splits`` (by name), each of these with ``boxes``, ``recall`` by IoU of the best anchor where it stands on its
    grid, ``shape_recall`` as if it could stand anywhere, ``mean_iou`` (on the grid); ``spec``: lines for the spec;
    ``set``: the same for tltpipe's --set.
    """
    main = _main(datasets)
    boxes = {name: each.relative[~np.isnan(each.box[:, 0])] for name, each in columns.items()}
    if not columns or not len(boxes[main]):
        return Anchors(), None
    found = anchors.suggest(boxes[main], size)
    told = columns[main]
    category = told.category[~np.isnan(told.box[:, 0])]
    numbers: Numbers = {"split": main, "boxes": len(category)}
    for title, each in (("suggested", found), ("default", Anchors())):
        covers = {name: anchors.cover(each, own, size) for name, own in boxes.items()}
        numbers[title] = {
            "scales": [round(scale, 4) for scale in each.scales],
            "aspect_ratios": [round(ratio, 4) for ratio in each.ratios],
            "anchors": each.count(size),
            "all": _cover(covers[main]),
            "classes": {
                name: _cover(covers[main].of(category == number))
                for number, name in enumerate(datasets[main].categories)
            },
            "splits": {name: _cover(cover) for name, cover in covers.items()},
        }
    lists = {"scales": found.scales, "aspect_ratios_global": found.ratios}
    numbers["spec"] = [f'{name}: "{list(values)}"' for name, values in lists.items()]
    numbers["set"] = [f"--set 'ssd.{name}={list(values)}'" for name, values in lists.items()]
    return found, numbers


def _main(datasets: Mapping[str, Dataset]) -> str:
    names = [name for name, dataset in datasets.items() if dataset.annotated] or list(datasets)
    return "train" if "train" in names else names[0] if names else ""


def _cover(cover: anchors.Cover) -> Numbers:
    shapes = anchors.Cover(cover.shape, cover.shape)
    return {
        "boxes": len(cover.best),
        "recall": {f"{iou:g}": round(cover.recall(iou), 4) for iou in anchors.THRESHOLDS},
        "shape_recall": {f"{iou:g}": round(shapes.recall(iou), 4) for iou in anchors.THRESHOLDS},
        "mean_iou": round(float(cover.best.mean()), 4) if len(cover.best) else 0.0,
    }
