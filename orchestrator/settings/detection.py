"""What the data set of a workspace is, as far as a quick inspection shows: for ``tltpipe init``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from converters.model import Dataset
from orchestrator.settings.config import Config
from tltpipe.errors import TltpipeError

INSPECTED = 200
"""Images of each split that are opened for their size."""
SIZES = 4
"""So many sizes are named."""


@dataclass(frozen=True)
class Detected:
    """Settings that the data decide, by dotted name, and lines about others."""

    values: Mapping[str, object] = field(default_factory=dict)
    notes: Mapping[str, list[str]] = field(default_factory=dict)


def detect(root: Path, chosen: Config) -> Detected:
    """Look at the data set that the settings name; what is wrong with it becomes a note."""
    folder = root / chosen.data.root
    if not folder.exists():
        return Detected(notes={"data.root": [f"Not there yet: {chosen.data.root}"]})
    try:
        return _inspect(folder, chosen)
    except TltpipeError as problem:
        return Detected(notes={"data.format": [f"Not detected: {problem}".replace("\n", " ")]})


def _inspect(folder: Path, chosen: Config) -> Detected:
    from converters.transfer import opening

    named = chosen.data.format
    format, places = opening.find(folder, None if named == "auto" else named)
    datasets = opening.read_all(folder, places, format)
    counts = {name: len(dataset.pictures.keys()) for name, dataset in datasets.items()}
    sizes = sum((_sizes(dataset) for dataset in datasets.values()), Counter[tuple[int, int]]())
    classes = list(dict.fromkeys(name for dataset in datasets.values() for name in dataset.categories))
    train = next((name for name in ("train", *datasets) if name in datasets), "train")
    splits = [train, *(["validation"] if "validation" in datasets and train != "validation" else [])]
    listed = ", ".join(f"{name} ({count:,} images)" for name, count in counts.items())
    notes = {
        "data.splits": [f"Detected: {listed}."],
        "data.classes": [f"Detected: {', '.join(classes)}."],
        "image_size": [f"Detected: {_listed(sizes)}."] if sizes else [],
    }
    return Detected({"data.root": chosen.data.root, "data.format": format, "data.splits": splits}, notes)


def _sizes(dataset: Dataset) -> Counter[tuple[int, int]]:
    """The sizes of the first images; those that cannot be read are for prepare to tell."""
    sizes: Counter[tuple[int, int]] = Counter()
    try:
        for sample in islice(dataset, INSPECTED):
            sizes[(sample.width, sample.height)] += 1
    except TltpipeError:
        return sizes
    return sizes


def _listed(sizes: Counter[tuple[int, int]]) -> str:
    named = ", ".join(f"{width}x{height}" for (width, height), _ in sizes.most_common(SIZES))
    return f"images of {named}" + (f" and {len(sizes) - SIZES} other sizes" if len(sizes) > SIZES else "")
