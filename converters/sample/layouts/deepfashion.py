"""DeepFashion's Category and Attribute Prediction: a folder a garment, text files for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.model.deepfashion import CATEGORIES, FINE, FULL, LANDMARKS, LOWER
from converters.model.garments import BY_ID
from converters.sample.attributes import ATTRIBUTES, attributes, fine, lost
from converters.sample.catalogue import BLOCK, draw_design
from converters.sample.cuts import OutwearCut, UpperCut
from converters.sample.outfits import Design, Outfit, draw_outfit
from converters.sample.scene import QUALITY, Placed, Scene, arrange, photograph
from converters.sample.shape import Points, points
from converters.sample.upper import SIDES, WAIST
from converters.sample.visible import box, rate, visibility
from tltpipe import files
from tltpipe.progress import Bar
from tltpipe.workers import parallel_map

SPLITS = ("train", "val", "test")
SIZE = 300
"""Default for the longer side, in pixels."""
FOLDERS = ("Img", "Anno_coarse", "Anno_fine", "Eval")
MOST = 4
"""Pictures of a garment: 2 up to this."""

Random = np.random.Generator


@dataclass(frozen=True)
class Folder:
    """One garment of a split and its pictures. ``seed``: that of all, the split's place, the garment's number."""

    root: Path
    seed: tuple[int, int, int]
    count: int
    size: int

    @property
    def category(self) -> str:
        block, place = divmod(self.seed[2], len(BLOCK))
        return BLOCK[int(np.random.default_rng((*self.seed[:2], block)).permutation(len(BLOCK))[place])]

    @property
    def number(self) -> int:
        """No other garment of any split has it, however many there are."""
        return self.seed[2] * len(SPLITS) + self.seed[1] + 1


@dataclass(frozen=True)
class Row:
    """What the text files say of a picture. ``landmarks`` (n, 3): visibility as DeepFashion counts it, x, y."""

    image: str
    split: str
    category: str
    box: tuple[int, ...]
    landmarks: tuple[tuple[int, int, int], ...]
    variation: int
    attributes: frozenset[str]
    unknown: frozenset[str]
    fine: frozenset[str]


def outputs(out: Path, counts: Mapping[str, int]) -> list[Path]:
    """The folders that ``draw`` makes."""
    del counts
    return [out / name for name in FOLDERS]


def draw(out: Path, counts: Mapping[str, int], *, seed: int, size: int, bar: Bar, workers: int | None) -> None:
    """Draw the pictures to ``out/Img`` and write the text files; each folder appears whole or not at all."""
    rows: list[Row] = []
    with ExitStack() as stack:
        staged = {name: stack.enter_context(files.staged(out / name)) for name in reversed(FOLDERS)}
        for folders in (garments(staged["Img"], seed, split, count, size) for split, count in counts.items()):
            for drawn in parallel_map(draw_folder, folders, workers=workers):
                rows += drawn
                bar.advance(len(drawn))
        rows.sort(key=lambda row: row.image)
        _write_coarse(staged["Anno_coarse"], rows)
        _write_fine(staged["Anno_fine"], rows)
        statuses = [(row.image, row.split) for row in rows]
        _write(staged["Eval"] / "list_eval_partition.txt", ("image_name", "evaluation_status"), statuses)


def garments(root: Path, seed: int, split: str, count: int, size: int) -> Iterator[Folder]:
    """The garments of one split, until there are ``count`` pictures; the last may have fewer than it would."""
    place, number = SPLITS.index(split), 0
    while count > 0:
        own = min(count, int(np.random.default_rng((seed, place, number, 0)).integers(2, MOST + 1)))
        yield Folder(root, (seed, place, number), own, size)
        count, number = count - own, number + 1


def draw_folder(folder: Folder) -> list[Row]:
    """Draw a garment's pictures, a shop's and a customer's in turn."""
    rows = []
    for path, scene, row, rng in arrange_folder(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        photograph(scene, rng).save(path, quality=QUALITY)
        rows.append(row)
    return rows


def arrange_folder(folder: Folder) -> Iterator[tuple[Path, Scene, Row, Random]]:
    """The pictures of a garment before they are painted: the file, the scene, what is said of it."""
    rng = np.random.default_rng((*folder.seed, 1))
    category = folder.category
    design = draw_design(category, rng)
    outfit = draw_outfit(design.category, rng)
    designs = tuple(design if place == outfit.main else each for place, each in enumerate(outfit.designs))
    outfit = replace(outfit, designs=designs)
    name = f"{_title(design)}_{category}_{folder.number:05d}"
    for number in range(1, folder.count + 1):
        rng = np.random.default_rng((*folder.seed, 1 + number))
        scene, place = _arrange(outfit, _size(folder.size, rng), rng, shop=number % 2 == 1)
        image = f"img/{name}/img_{number:08d}.jpg"
        yield folder.root / image, scene, _row(image, SPLITS[folder.seed[1]], category, scene, place), rng


def _title(design: Design) -> str:
    """What a shop would put before the garment's name: its pattern, in words that a folder may have."""
    return design.fabric.pattern.title().replace(" ", "-")


def _size(longer: int, rng: Random) -> tuple[int, int]:
    """Width and height, of which the longer is ``longer``: most pictures stand."""
    ratio = rng.uniform(0.65, 0.95) if rng.random() < 0.9 else rng.uniform(1.0, 1.3)
    return (round(longer * ratio), longer) if ratio <= 1 else (longer, round(longer / ratio))


def _arrange(outfit: Outfit, size: tuple[int, int], rng: Random, *, shop: bool) -> tuple[Scene, int]:
    """A scene, and the place of the outfit's main garment in it: it shows more than any other, else it is alone."""
    main = outfit.designs[outfit.main]
    scene = arrange(outfit, size, rng, shop=shop)
    place = next(place for place, garment in enumerate(scene.garments) if garment.design is main)
    areas = np.bincount(scene.owners.ravel(), minlength=len(scene.garments) + 1)[1:]
    if areas.argmax() != place:
        return arrange(Outfit((main,), 0, worn=True, tucked=False), size, rng, shop=shop), 0
    return scene, place


def _row(image: str, split: str, category: str, scene: Scene, place: int) -> Row:
    garment, kind = scene.garments[place], CATEGORIES[category]
    parts = _parts(garment, kind)
    marks = np.floor(np.concatenate(list(parts.values())))
    seen = visibility(scene, place, marks)
    hidden = {part for part, pair in zip(parts, seen.reshape(-1, 2), strict=True) if pair.max() < 2}
    if len(scene.garments) > 1 and any(other.design.category in (3, 4) for other in scene.garments[place + 1 :]):
        hidden.add("front")
    names = attributes(garment.design)
    unknown = lost(garment.design).union(name for name, (_, part) in ATTRIBUTES.items() if part in hidden)
    return Row(
        image,
        split,
        category,
        tuple(box(scene, place)),
        tuple((2 - int(v), *(int(each) * (v > 0) for each in mark)) for mark, v in zip(marks, seen, strict=True)),
        _variation(garment, seen),
        names - unknown,
        unknown,
        fine(names - unknown, hidden, dress=category == "Dress"),
    )


def _parts(garment: Placed, kind: int) -> dict[str, Points]:
    """DeepFashion's landmarks of a garment of this type, in pixels, in their order: left and right of each part."""
    hem = _pair(garment, _hem(garment.design.category))
    if kind == LOWER:
        return {"waist": _pair(garment, 1), "hem": hem}
    sleeves = _pair(garment, _SLEEVE.get(garment.design.category, 7))
    parts = {"neck": _pair(garment, 2), "sleeves": sleeves}
    return {**parts, "waist": _waist(garment), "hem": hem} if kind == FULL else {**parts, "hem": hem}


_SLEEVE = {1: 9, 3: 9, 10: 9, 2: 11, 4: 11, 11: 11}
"""DeepFashion2's number of the outer end of the left sleeve; where there is none, 7 is the end of the shoulder."""


def _hem(category: int) -> int:
    """DeepFashion2's number of the left end of the hem; of trousers and shorts, that of the left leg."""
    other = {3: 15, 4: 19, 7: 5, 8: 6, 9: 5}
    return other.get(category) or BY_ID[category].middle[-1] - 1


def _pair(garment: Placed, number: int) -> Points:
    """The landmark with this number and its mirror."""
    return garment.figure.landmarks[[number - 1, BY_ID[garment.design.category].flip[number - 1]]]


def _waist(garment: Placed) -> Points:
    """Where the waist meets the sides: between the landmarks that lie evenly from the armpits to the hem."""
    cut = garment.design.cut
    body = cut.body if isinstance(cut, OutwearCut) else cut
    assert isinstance(body, UpperCut)
    hem, count = _hem(body.category), SIDES[body.category]
    heights = np.linspace(body.armpit[1], body.length, count + 2)
    pairs = np.stack([_pair(garment, number) for number in range(hem - count - 1, hem + 1)])
    return points([[np.interp(WAIST, heights, pairs[:, side, axis]) for axis in (0, 1)] for side in (0, 1)])


def _variation(garment: Placed, seen: NDArray[np.int64]) -> int:
    """1 normal, 2 and 3 turned, 4 and 5 zoomed in so that landmarks are cut off."""
    outside = float((seen == 0).mean())
    if outside:
        return 4 if outside <= 0.3 else 5
    turn = abs(float(np.arctan2(garment.matrix[1, 0], garment.matrix[0, 0])))
    return rate(turn, 0.12, 0.3)


def _write_coarse(folder: Path, rows: Sequence[Row]) -> None:
    _write(folder / "list_category_cloth.txt", ("category_name", "category_type"), CATEGORIES.items())
    kinds = ((name, kind) for name, (kind, _) in ATTRIBUTES.items())
    _write(folder / "list_attr_cloth.txt", ("attribute_name", "attribute_type"), kinds)
    numbers = {name: place for place, name in enumerate(CATEGORIES, 1)}
    labels = [(row.image, numbers[row.category]) for row in rows]
    _write(folder / "list_category_img.txt", ("image_name", "category_label"), labels)
    answers = [(row.image, " ".join(f"{_answer(row, name):2d}" for name in ATTRIBUTES)) for row in rows]
    _write(folder / "list_attr_img.txt", ("image_name", "attribute_labels"), answers)
    boxes = [(row.image, " ".join(f"{value:03d}" for value in row.box)) for row in rows]
    _write(folder / "list_bbox.txt", ("image_name", "x_1", "y_1", "x_2", "y_2"), boxes)
    marks = [(row.image, f"{CATEGORIES[row.category]} {row.variation} {_marks(row)}") for row in rows]
    heading = (
        f"landmark_{kind}_{number}" for number in range(1, 9) for kind in ("visibility", "location_x", "location_y")
    )
    _write(folder / "list_landmarks.txt", ("image_name", "clothes_type", "variation_type", *heading), marks)


def _answer(row: Row, attribute: str) -> int:
    """1 yes, -1 no, 0 unknown."""
    return 1 if attribute in row.attributes else 0 if attribute in row.unknown else -1


def _marks(row: Row) -> str:
    return " ".join(f"{visibility} {x:03d} {y:03d}" for visibility, x, y in row.landmarks)


def _write(path: Path, heading: Sequence[str], rows: Iterable[tuple[str, object]]) -> None:
    """A text file with its two lines of heading: how many entries, the names of the columns."""
    lines = list(rows)
    width = max((len(name) for name, _ in lines), default=0) + 1
    text = [str(len(lines)), "  ".join(heading), *(f"{name:{width}} {value}" for name, value in lines)]
    files.write_text(path, "\n".join(text) + "\n")


def _write_fine(folder: Path, rows: Sequence[Row]) -> None:
    """Files without headings, a line a picture of each split."""
    numbers = {name: place for place, name in enumerate(CATEGORIES, 1)}
    names = [name for group in FINE.values() for name in group]
    for split in sorted({row.split for row in rows}):
        own = [row for row in rows if row.split == split]
        columns = {
            "": [row.image for row in own],
            "_attr": [" ".join(str(int(name in row.fine)) for name in names) for row in own],
            "_cate": [str(numbers[row.category]) for row in own],
            "_bbox": [" ".join(f"{value:03d}" for value in row.box) for row in own],
            "_landmarks": [_eight(row) for row in own],
        }
        for suffix, lines in columns.items():
            files.write_text(folder / f"{split}{suffix}.txt", "\n".join(lines) + "\n")


def _eight(row: Row) -> str:
    marks = dict.fromkeys(range(8), (0, 0))
    marks.update(zip(LANDMARKS[CATEGORIES[row.category]], (mark[1:] for mark in row.landmarks), strict=True))
    return " ".join(f"{value:03d}" for mark in marks.values() for value in mark)
