"""The drawn people: the maps say exactly what the pixels show, in the layouts of the seed and of Penn-Fudan."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import converters
from converters.model import run_lengths
from converters.model.findings import Findings
from converters.sample import draw
from converters.sample.fabrics import Fabric, smooth
from converters.sample.layouts import mask_png, penn_fudan
from converters.sample.layouts._series import Picture
from converters.sample.people import GARMENTS, LABELS, Person, draw_person, pieces
from converters.sample.portrait import Portrait, photograph, stand
from tltpipe.progress import Silent

NAMES = (
    "background", "skin", "hair", "outer top", "inner top", "skirt", "dress", "outer bottom", "inner bottom", "shoes",
    "bag", "accessories", "other",
)  # fmt: skip
"""The seed's table, by value."""


def drawn(out: Path, layout: str, *, train: int, workers: int = 1, size: int = 128) -> Path:
    draw(out, train=train, validation=2, seed=4, layout=layout, size=size, workers=workers, progress=Silent())
    return out


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("masks"), "mask_png", train=16)


@pytest.fixture(scope="module")
def people() -> list[tuple[Person, Portrait]]:
    """People who show all classes between them, taken before a pale wall."""
    taken = []
    for number in (0, 3, 8):
        rng = np.random.default_rng(number)
        person = draw_person(rng)
        taken.append((person, portrait(person)))
    return taken


def portrait(person: Person) -> Portrait:
    rng = np.random.default_rng(1)
    return photograph([stand(person, (0, 0, 200, 300), rng)], (200, 300), rng, shop=True)


def pixels(image: Image.Image) -> NDArray[np.int16]:
    return np.asarray(image, dtype=np.int16)


def grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """With the pixels around it, in a square of ``by`` to each side."""
    padded = np.pad(mask, by)
    steps = range(2 * by + 1)
    height, width = mask.shape
    shifted = [padded[y : y + height, x : x + width] for y in steps for x in steps]
    return np.asarray(np.any(shifted, axis=0), dtype=np.bool_)


def dyed(person: Person, label: str, fabric: Fabric) -> Person:
    """The same person with all that is ``label`` made of another cloth."""
    designs = tuple(
        replace(each, fabric=fabric) if GARMENTS[each.category] == label else each for each in person.outfit.designs
    )
    things = tuple(replace(each, fabric=fabric) if each.label == label else each for each in person.things)
    hair = replace(person.hair, fabric=fabric) if label == "hair" and person.hair else person.hair
    skin = fabric if label == "skin" else person.skin
    return replace(person, outfit=replace(person.outfit, designs=designs), things=things, hair=hair, skin=skin)


def test_a_class_has_exactly_the_pixels_that_change_when_it_is_dyed(people: list[tuple[Person, Portrait]]) -> None:
    compared = Counter[str]()
    for person, taken in people:
        for label in sorted({piece.label for piece in pieces(person)}):
            own = taken.labels == LABELS.index(label)
            one, other = (
                pixels(portrait(dyed(person, label, smooth(colour, trim=colour))).image)
                for colour in ((255, 0, 255), (0, 255, 0))
            )
            share = np.abs(one - other).max(axis=2) / 255  # of the pixel, times how brightly it is lit
            inside = ~grown(~own, 1)
            assert share[~own].max() < 0.62, label
            assert share[inside].min(initial=1) > 0.1, label
            compared[label] += int(inside.sum())
    assert min(compared[label] for label in LABELS[1:]) > 50, compared


def test_pictures_and_index_maps_have_the_seed_s_names_stems_and_values(masks: Path) -> None:
    counts = np.zeros(256, dtype=np.int64)
    for split, count in (("train", 16), ("val", 2)):
        table = [json.loads(line) for line in (masks / split / "label_mapping.json").read_text("utf-8").splitlines()]
        assert [(row["id"], row["name"]) for row in table] == list(enumerate(NAMES))
        assert all(set(row) == {"id", "name", "ch_name"} and row["ch_name"] for row in table)
        stems = [f"{number:06d}" for number in range(1, count + 1)]
        assert [path.name for path in sorted((masks / split / "images").iterdir())] == [f"{stem}.jpg" for stem in stems]
        for stem in stems:
            with (
                Image.open(masks / split / "images" / f"{stem}.jpg") as image,
                Image.open(masks / split / "masks" / f"{stem}.png") as indices,
            ):
                assert (image.mode, indices.mode, indices.size) == ("RGB", "P", image.size)
                assert image.height == 128
                counts += np.bincount(np.asarray(indices).ravel(), minlength=256)
    assert counts[:13].min() > 0
    assert counts[13:].sum() == 0
    assert 0.3 < counts[0] / counts.sum() < 0.9


def test_same_seed_same_bytes_whoever_draws_and_however_many(masks: Path, tmp_path: Path) -> None:
    def contents(root: Path) -> dict[str, bytes]:
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.*")}

    longer = contents(drawn(tmp_path / "longer", "mask_png", train=18, workers=2))
    alone = contents(masks)
    assert len(alone) == 2 * 18 + 2
    assert alone.items() <= longer.items()
    assert len(set(longer.values())) == len(longer) - 1  # one table for each split


def test_people_are_dressed_from_top_to_toe_and_everything_worn_can_be_dyed(
    people: list[tuple[Person, Portrait]],
) -> None:
    for person, taken in people:
        labels = {piece.label for piece in pieces(person)}
        assert {"skin", "shoes"} <= labels
        assert "dress" in labels or ("inner top" in labels and not labels.isdisjoint({"skirt", "outer bottom"}))
        assert set(np.unique(taken.labels)) <= {0, *(LABELS.index(label) for label in labels)}
        assert ((taken.persons == 1) == (taken.labels > 0)).all()


def test_the_reader_of_penn_fudan_gets_the_people_their_boxes_and_pixels(tmp_path: Path) -> None:
    root = drawn(tmp_path / "set", "penn_fudan", train=8, size=128)
    format, splits = converters.splits(root)
    assert (format, list(splits)) == ("penn_fudan", ["train", "validation"])
    names, several, findings = Counter[str](), 0, Findings()
    for number, key in enumerate(splits["train"].pictures.keys()):
        sample = splits["train"].pictures.load(key, findings)
        taken, shown = penn_fudan.take(Picture(tmp_path, (4, 0, number), 128))
        assert [each.category for each in sample.objects] == [
            "PASpersonWalking" if person.walking else "PASpersonStanding" for person in taken
        ]
        for place, each in enumerate(sample.objects, start=1):
            assert each.mask is not None
            assert (run_lengths.decode(each.mask) == (shown.persons == place)).all()
            extent = run_lengths.box(each.mask)
            assert each.box == extent
            assert (shown.persons == place).sum() > 100
        assert min(shown.seen) >= 0.4
        names.update(each.category for each in sample.objects)
        several += len(taken) > 1
    assert findings.all() == ()
    assert min(names["PASpersonWalking"], names["PASpersonStanding"]) > 0
    assert several > 2


def test_the_reader_of_masks_gets_the_classes_and_pixels_of_the_arranged_picture(masks: Path) -> None:
    format, splits = converters.splits(masks)
    assert (format, list(splits), splits["train"].categories) == ("mask_png", ["train", "validation"], NAMES[1:])
    findings = Findings()
    sample = splits["train"].pictures.load(list(splits["train"].pictures.keys())[2], findings)
    shown = mask_png.take(Picture(Path(), (4, 0, 2), 128)).labels
    assert {each.category for each in sample.objects} == {LABELS[value] for value in np.unique(shown) if value}
    for each in sample.objects:
        assert each.mask is not None
        assert (run_lengths.decode(each.mask) == (shown == LABELS.index(each.category))).all()
    assert findings.all() == ()
