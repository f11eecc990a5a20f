"""One small data set through every format that can be written and read, and back: equal up to what it carries."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import converters
from converters.model import Sample
from tltpipe import registry

FORMATS = [
    name
    for name in registry.names("converters.formats")
    if {"read", "Writer"} <= set(vars(registry.load("converters.formats", name)))
]
DROPPED: dict[str, Any] = {
    **{"polygons": (), "keypoints": (), "occlusion": 0, "truncation": 0.0},
    **{"pair_id": None, "style": None, "extra": {}},
}


def reduced(sample: Sample, carries: frozenset[str]) -> Sample:
    """``sample`` as a format leaves it that carries only ``carries``."""
    dropped = {name: value for name, value in DROPPED.items() if name not in carries}
    objects = tuple(dataclasses.replace(thing, **dropped) for thing in sample.objects)
    return dataclasses.replace(sample, objects=objects, source=sample.source if "source" in carries else None)


@pytest.fixture
def samples(maker: Any) -> list[Sample]:
    """All thirteen garments, a picture without any, an item without landmarks, one cut off by the picture."""
    pages = [maker.page(maker.item(number, style=number, occlusion=1 + number % 3)) for number in range(1, 14)]
    pages += [maker.page(source="shop"), maker.page(maker.item(9), maker.item(8, landmarks=[0] * 42))]
    read = list(converters.read("deepfashion2", maker.split(*pages)))
    cut = dataclasses.replace(read[0].objects[0], truncation=0.25)
    return [dataclasses.replace(read[0], objects=(cut, *read[0].objects)), *read[1:]]


@pytest.mark.parametrize("name", FORMATS)
def test_there_and_back(name: str, samples: list[Sample], tmp_path: Path) -> None:
    train, file = tmp_path / "train", tmp_path / "train.json"
    source = converters.read("deepfashion2", train)
    # Where a format keeps its pictures is told by the caller.
    places: dict[str, tuple[Path, Path, dict[str, Any], dict[str, Any]]] = {
        "coco": (file, file, {"keypoints": source.keypoints}, {"images": train / "image"}),
        "kitti": (train / "label", train, {}, {}),
    }
    target, root, write_options, read_options = places.get(name, (tmp_path / "out", tmp_path / "out", {}, {}))
    with converters.open_writer(name, target, source.categories, **write_options) as writer:
        for sample in samples:
            writer.add(sample)
    back = converters.read(name, root, **read_options)
    carries = registry.load("converters.formats", name).CARRIES
    assert list(back) == [reduced(sample, carries) for sample in samples]
    assert set(back.categories) == set(source.categories)
    if "keypoints" in carries:
        assert back.keypoints == source.keypoints
