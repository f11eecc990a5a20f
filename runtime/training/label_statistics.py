"""What a training is about to learn from: how many objects of each class there are, where their boxes lie, how large
they are. ``labels.csv`` is the table, ``labels.png`` the picture."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.pictures.figures import finish, readable, save
from runtime.data.split import Split
from tltpipe.files import write_text

TABLE, PICTURE = "labels.csv", "labels.png"
MOST = 200_000
"""Boxes of a split that are drawn; of more an even part. All are counted."""
BINS = 64
LONGEST = 24
"""Letters of a class's name."""
NAMED = 500
"""Classes whose names have room in the picture; of more every second or third is named. No picture of matplotlib's is
wider than 65,535 pixels."""
COLOURS = ("#1d5fa8", "#c93f2b")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """The labels of ``split``: those of its objects or, where a task has none, of its images."""

    split: Split
    classes: int

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """From 1."""
        return self.split["labels" if "labels" in self.split.fields else "label"]

    @cached_property
    def image(self) -> NDArray[np.int64]:
        """The image of each label."""
        counts = np.diff(self.split.starts) if "labels" in self.split.fields else np.ones(len(self.split), np.int64)
        return np.repeat(np.arange(len(self.split)), counts)

    @cached_property
    def objects(self) -> NDArray[np.int64]:
        """Of each class [C]."""
        return np.bincount(self.labels, minlength=self.classes + 1)[1:]

    @cached_property
    def images(self) -> NDArray[np.int64]:
        """Images that have each class [C]."""
        pairs = np.unique(self.image * (self.classes + 1) + self.labels)
        return np.bincount(pairs % (self.classes + 1), minlength=self.classes + 1)[1:]

    @property
    def boxed(self) -> bool:
        return "boxes" in self.split.fields and len(self.split.boxes) > 0

    @cached_property
    def relative(self) -> Floats:
        """Centre, width and height of boxes as shares of their images [M, 4], at most ``MOST`` of them."""
        step = -(-len(self.split.boxes) // MOST)
        boxes = self.split.boxes[::step].astype(np.float64)
        sizes = np.tile(self.split.sizes[self.image[::step]], 2)
        corners = boxes / sizes
        return np.hstack([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]])

    @cached_property
    def aspect(self) -> Floats:
        """Height / width in pixels, of those that have both."""
        boxes = self.split.boxes[:: -(-len(self.split.boxes) // MOST)]
        sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64)
        sides = sides[(sides > 0).all(axis=1)]
        return sides[:, 1] / sides[:, 0]


def write(folder: Path, splits: Mapping[str, Split], classes: Sequence[str]) -> list[Path]:
    """Write the table and, where matplotlib is installed, the picture of ``splits``, training first; returns them.

    Nothing is written for a task that has no labels. Raises OSError where they cannot be written.
    """
    known = {
        name: Labels(split, len(classes))
        for name, split in splits.items()
        if "labels" in split.fields or "label" in split.fields
    }
    if not known:
        return []
    write_text(folder / TABLE, table(known, classes))
    if importlib.util.find_spec("matplotlib") is None:
        return [folder / TABLE]
    draw(folder / PICTURE, known, classes)
    return [folder / TABLE, folder / PICTURE]


def table(splits: Mapping[str, Labels], classes: Sequence[str]) -> str:
    """CSV: a row a class and one for all, with images and objects of each split and, of the first, medians of the sides
    of boxes in pixels of the stored images."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    first = next(iter(splits.values()))
    sides = [f"{side}_median" for side in ("width", "height") if first.boxed]
    writer.writerow(["class", *(f"{name}_{what}" for name in splits for what in ("images", "objects")), *sides])
    for label, name in enumerate(classes, start=1):
        counts = [int(each[label - 1]) for labels in splits.values() for each in (labels.images, labels.objects)]
        writer.writerow([name, *counts, *_medians(first, first.labels == label)])
    whole = [count for labels in splits.values() for count in (len(labels.split), len(labels.labels))]
    writer.writerow(["all", *whole, *_medians(first, slice(None))])
    return text.getvalue()


def _medians(labels: Labels, chosen: Any) -> list[str]:
    if not labels.boxed:
        return []
    boxes = labels.split.boxes[chosen]
    return [f"{value:.1f}" for value in np.median(boxes[:, 2:] - boxes[:, :2], axis=0)] if len(boxes) else ["", ""]


def draw(path: Path, splits: Mapping[str, Labels], classes: Sequence[str]) -> None:
    """Write the picture: classes above; below centres, sides, sizes and shapes of boxes, and objects on an image."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    boxed = {name: labels for name, labels in splits.items() if labels.boxed}
    wide = max(16.0 if boxed else 8.0, 0.32 * min(len(classes), NAMED))
    figure = Figure(figsize=(wide, 7.6 if boxed else 4.2), dpi=100, facecolor="white", layout="constrained")
    grid = figure.add_gridspec(2 if boxed else 1, 5 if boxed else 1, height_ratios=(1.15, 1) if boxed else (1,))
    _classes(figure.add_subplot(grid[0, :]), splits, classes)
    if boxed:
        name, first = next(iter(boxed.items()))
        panels = [figure.add_subplot(grid[1, column]) for column in range(5)]
        _heat(panels[0], first.relative[:, 0], first.relative[:, 1], f"centres of boxes, {name}", ("x", "y"))
        panels[0].invert_yaxis()
        sides = ("width", "height")
        _heat(panels[1], first.relative[:, 2], first.relative[:, 3], f"sides of boxes, {name}", sides)
        sizes = {name: np.sqrt(each.relative[:, 2:].prod(axis=1)) for name, each in boxed.items()}
        _shares(panels[2], sizes, np.linspace(0, 1, 41), "√area of boxes, of the image's")
        edges = np.geomspace(1 / 8, 8, 41)
        _shares(panels[3], {name: each.aspect.clip(1 / 8, 8) for name, each in boxed.items()}, edges, "height : width")
        panels[3].set_xscale("log", base=2)
        panels[3].set_xticks([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8], ["1:8", "1:4", "1:2", "1", "2:1", "4:1", "8:1"])
        counts = {name: np.diff(each.split.starts) for name, each in boxed.items()}
        most = min(30, max(int(each.max()) for each in counts.values()))
        clipped = {name: each.clip(0, most) for name, each in counts.items()}
        _shares(panels[4], clipped, np.arange(most + 2) - 0.5, "objects on an image")
        panels[4].xaxis.set_major_locator(MaxNLocator(integer=True))
    save(figure, path)


def _classes(axes: Any, splits: Mapping[str, Labels], classes: Sequence[str]) -> None:
    """Of each class its share of the objects of each split, and over it how many these are."""
    width = 0.8 / len(splits)
    for number, ((name, labels), colour) in enumerate(zip(splits.items(), COLOURS, strict=False)):
        shares = labels.objects / max(1, len(labels.labels))
        places = np.arange(len(classes)) + (number - (len(splits) - 1) / 2) * width
        about = f"{name}: {len(labels.split):,} images, {len(labels.labels):,} objects"
        bars = axes.bar(places, shares, width, color=colour, label=about)
        if len(classes) <= 60:
            texts = [f"{count:,}" for count in labels.objects.tolist()]
            axes.bar_label(bars, texts, fontsize=7, rotation=90 if len(classes) > 8 else 0, padding=2)
    names = [readable(name, LONGEST) for name in classes]
    straight = max(map(len, names)) * len(names) < 140
    turned: dict[str, Any] = {} if straight else {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    step = -(-len(names) // NAMED)
    axes.set_xticks(range(0, len(names), step), names[::step], **turned)
    axes.margins(y=0.16)
    beside = max(0.5, 4 - len(classes) / 2)  # one class is no wall
    axes.set_xlim(-beside, len(classes) - 1 + beside)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    finish(axes, "objects of each class, shares of the split")
    axes.legend(fontsize=9, frameon=False)


def _heat(axes: Any, across: Floats, down: Floats, title: str, names: tuple[str, str]) -> None:
    """How often two shares of the image's sides come together, few and many both to be seen."""
    counts, _, _ = np.histogram2d(across.clip(0, 1), down.clip(0, 1), bins=BINS, range=((0, 1), (0, 1)))
    shown = np.where(counts > 0, np.log1p(counts), np.nan).T
    axes.imshow(
        shown, origin="lower", extent=(0, 1, 0, 1), cmap="Blues", vmin=-0.3 * np.nanmax(shown), aspect="auto", zorder=3
    )
    axes.set_xlabel(f"{names[0]}, of the image's", fontsize=9)
    axes.set_ylabel(f"{names[1]}, of the image's", fontsize=9)
    finish(axes, title)


def _shares(axes: Any, values: Mapping[str, NDArray[Any]], edges: NDArray[Any], title: str) -> None:
    """A histogram of each split, each of its own total."""
    for (name, each), colour in zip(values.items(), COLOURS, strict=False):
        counts, _ = np.histogram(each, edges)
        axes.stairs(counts / max(1, len(each)), edges, color=colour, linewidth=1.6, label=name)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, frameon=False)
    finish(axes, title)
