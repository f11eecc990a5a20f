"""One small data set through every format that can be written, and back: equal up to what the format carries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kept import Kept
from msgspec import structs

import converters
from converters.model import Box, Dataset, Mask, Object, Sample
from converters.transfer import outputs
from converters.transfer.parts import Part
from converters.transfer.selection import Selection, joint
from converters.transfer.transfer import transfer
from tltpipe import registry
from tltpipe.progress import Silent

FORMATS = list(converters.known(writing=True))
DEFAULTS = structs.asdict(Object("", Box(0, 0, 1, 1)))
SPLITS = ("train", "validation")


@pytest.fixture
def source(maker: Any) -> dict[str, Dataset]:
    """All thirteen garments, a picture without any, an item without landmarks, one cut off by the picture, a mask, a
    crowd; names with blanks, dots and other alphabets."""
    pages = [maker.page(maker.item(number, style=number, occlusion=1 + number % 3)) for number in range(1, 14)]
    pages += [maker.page(source="shop"), maker.page(maker.item(9), maker.item(8, landmarks=[0] * 42))]
    maker.split(*pages)
    train = converters.read("deepfashion2", maker.split(maker.page(maker.item(2)), name="validation").parent, "train")
    first, second, third, *rest = train
    cut = structs.replace(first.objects[0], truncation=0.25)
    crowd = Object("vest", Box(4, 6, 30.5, 20.25), crowd=True)
    masked = Object(
        "skirt",
        Box(0, 0, 80, 60),
        mask=Mask(80, 60, b"jU1n0n0000000000000000000000000000000000000000000000000000000000ng1"),
    )
    samples = [
        structs.replace(first, objects=(cut, *first.objects)),
        structs.replace(second, objects=(crowd, masked)),
        *rest,
    ]
    odd = Path(third.image).with_name("a b.c-ü.jpg")
    odd.write_bytes(Path(third.image).read_bytes())
    samples.append(structs.replace(third, id="a b.c-ü", image_path=str(odd)))
    datasets = converters.splits(train.pictures.inputs[0].parent.parent)[1]
    given = Kept(tuple(samples), train.pictures.inputs)
    return {"train": replace(datasets["train"], pictures=given), "validation": datasets["validation"]}


def reduced(sample: Sample, carries: frozenset[str]) -> Sample:
    """``sample`` as a format leaves it that carries only ``carries``."""
    dropped = {n: v for n, v in DEFAULTS.items() if n not in carries | {"category", "box", "origin"}}
    objects = tuple(structs.replace(thing, **dropped) for thing in sample.objects)
    return structs.replace(sample, objects=objects, source=sample.source if "source" in carries else None)


def exact(thing: Object) -> Object:
    return structs.replace(thing, box=Box(0, 0, 0, 0))


def written(source: dict[str, Dataset], name: str, root: Path) -> None:
    categories = joint(list(source.values()), Selection())[0].categories
    parts = [Part(split, dataset, outputs.plan(name, root, split)) for split, dataset in source.items()]
    texts = outputs.texts(name, root, categories, SPLITS)
    transfer(parts, journal=root.parent / ".journal", progress=Silent(), texts=texts)


APART = [name for name in FORMATS if not getattr(registry.load("converters.formats", name), "ONE_PER_CLASS", False)]
"""Formats that tell objects of a class apart."""


@pytest.mark.parametrize("name", APART)
def test_there_and_back(name: str, source: dict[str, Dataset], tmp_path: Path) -> None:
    root = tmp_path / "out"
    written(source, name, root)
    found, back = converters.splits(root)
    assert found == name, "our own output is recognised"
    assert list(back) == list(SPLITS)
    carries = registry.load("converters.formats", name).CARRIES
    for split in SPLITS:
        # Some formats keep the order of their names; what counts is each picture.
        there = {sample.id: reduced(sample, carries) for sample in back[split]}
        before = {sample.id: reduced(sample, carries) for sample in source[split]}
        assert there.keys() == before.keys()
        for id, sample in before.items():
            again = there[id]
            assert (again.width, again.height, again.source) == (sample.width, sample.height, sample.source)
            assert list(map(exact, again.objects)) == list(map(exact, sample.objects)), id
            for thing, other in zip(again.objects, sample.objects, strict=True):
                corners = [(box.left, box.top, box.right, box.bottom) for box in (thing.box, other.box)]
                assert corners[0] == pytest.approx(corners[1], abs=0.006)
        assert back[split].categories == source[split].categories
        if "keypoints" in carries:
            assert back[split].keypoints == source[split].keypoints


@pytest.mark.parametrize("name", FORMATS)
def test_pictures_go_along_under_their_names(name: str, source: dict[str, Dataset], tmp_path: Path) -> None:
    root = tmp_path / "out"
    written(source, name, root)
    images = registry.load("converters.formats", name).layout(root, "train").images
    assert {path.name for path in images.iterdir()} == {sample.file_name for sample in source["train"]}
    for sample in source["train"]:
        assert (images / sample.file_name).read_bytes() == Path(sample.image).read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_is_taken_for_another(name: str, source: dict[str, Dataset], tmp_path: Path) -> None:
    root = tmp_path / "out"
    written(source, name, root)
    claims = [
        other for other in registry.names("converters.formats") if registry.load("converters.formats", other).find(root)
    ]
    assert claims == [name]
