"""The drawn sample data in DeepFashion's layout: its text files say what its pictures show."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from converters.model.deepfashion import CATEGORIES, FINE
from converters.sample import draw
from converters.sample.attributes import ATTRIBUTES, attributes
from converters.sample.catalogue import DRAWN, draw_design
from converters.sample.fabrics import COLOURS, PALETTE
from converters.sample.layouts.deepfashion import Row, arrange_folder, garments
from converters.sample.scene import Scene
from tltpipe.errors import UsageError
from tltpipe.progress import Silent

PATTERNS = {
    *("solid", "mottled", "horizontal stripe", "vertical stripe", "gingham", "plaid", "polka dot", "floral print"),
    *("denim", "knit"),
}


def drawn(out: Path, *, train: int = 9, workers: int = 1) -> Path:
    counts = {"train": train, "validation": 4, "test": 3}
    draw(out, **counts, seed=3, layout="deepfashion", size=96, workers=workers, progress=Silent())
    return out


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("deepfashion"))


@pytest.fixture(scope="module")
def pictures() -> list[tuple[Scene, Row]]:
    """A hundred pictures, arranged but not painted."""
    folders = garments(Path(), 5, "train", 100, 200)
    return [(scene, row) for folder in folders for _, scene, row, _ in arrange_folder(folder)]


def table(path: Path) -> dict[str, list[str]]:
    """The values of each name in a file with two lines of heading, the first of which counts the others."""
    count, heading, *lines = path.read_text().splitlines()
    assert len(lines) == int(count)
    assert "_name" in heading.split()[0]
    return {name: values.split() for name, values in (line.split("  ", 1) for line in lines)}


def test_the_files_agree_with_each_other_and_with_the_pictures(root: Path) -> None:
    coarse = {path.stem: table(path) for path in sorted((root / "Anno_coarse").iterdir())}
    assert set(coarse) == {
        *("list_attr_cloth", "list_attr_img", "list_bbox", "list_category_cloth", "list_category_img"),
        "list_landmarks",
    }
    splits = table(root / "Eval" / "list_eval_partition.txt")
    images = {path.relative_to(root / "Img").as_posix() for path in (root / "Img").rglob("*.jpg")}
    assert Counter(split for (split,) in splits.values()) == {"train": 9, "val": 4, "test": 3}
    for name in ("list_attr_img", "list_bbox", "list_category_img", "list_landmarks"):
        assert list(coarse[name]) == sorted(images) == list(splits)
    folders = {image.rsplit("/", 1)[0]: split for image, (split,) in splits.items()}
    assert all(folders[image.rsplit("/", 1)[0]] == split for image, (split,) in splits.items())
    assert len(folders) < 9
    assert list(coarse["list_attr_cloth"]) == list(ATTRIBUTES)
    assert [coarse["list_category_cloth"][name] for name in ("Anorak", "Skirt", "Sundress")] == [["1"], ["2"], ["3"]]
    categories = list(coarse["list_category_cloth"].items())
    assert len(categories) == 50
    for image in images:
        (label,), row = coarse["list_category_img"][image], coarse["list_landmarks"][image]
        name, (kind,) = categories[int(label) - 1]
        assert f"_{name}_" in image
        assert (row[0], len(row)) == (kind, 2 + 3 * {"1": 6, "2": 4, "3": 8}[kind])
        assert len(coarse["list_attr_img"][image]) == len(ATTRIBUTES)
        assert set(coarse["list_attr_img"][image]) <= {"1", "0", "-1"}
        left, top, right, bottom = (int(value) for value in coarse["list_bbox"][image])
        with Image.open(root / "Img" / image) as picture:
            assert max(picture.size) == 96
            assert 0 <= left < right <= picture.width
            assert 0 <= top < bottom <= picture.height


def test_the_fine_files_have_a_line_an_image_and_a_choice_a_group(root: Path) -> None:
    boxes = table(root / "Anno_coarse" / "list_bbox.txt")
    labels = table(root / "Anno_coarse" / "list_category_img.txt")
    for split, count in (("train", 9), ("val", 4), ("test", 3)):
        suffixes = ("", "_attr", "_cate", "_bbox", "_landmarks")
        columns = [(root / "Anno_fine" / f"{split}{suffix}.txt").read_text().splitlines() for suffix in suffixes]
        assert [len(lines) for lines in columns] == [count] * 5
        for image, answers, label, box, landmarks in zip(*columns, strict=True):
            assert (box.split(), [label]) == (boxes[image], labels[image])
            assert len(landmarks.split()) == 16
            values, place = answers.split(), 0
            for group in FINE.values():
                assert values[place : place + len(group)].count("1") <= 1
                place += len(group)
            assert place == len(values) == 26


def test_every_attribute_can_be_drawn_and_a_garment_has_one_pattern_one_sleeve_and_a_few_colours() -> None:
    rng = np.random.default_rng(1)
    every = {name: [attributes(draw_design(name, rng)) for _ in range(30 if name == "Dress" else 4)] for name in DRAWN}
    assert set(every) < set(CATEGORIES)
    assert set(ATTRIBUTES) == {name for garments in every.values() for names in garments for name in names}
    for category, garments_ in every.items():
        for names in garments_:
            assert len(names & PATTERNS) == 1
            assert 0 < len(names & set(COLOURS)) <= 4
            sleeves = names & {"long sleeve", "short sleeve", "sleeveless"}
            assert len(sleeves) == (CATEGORIES[category] != 2)
    for category, certain in {
        "Jeans": {"denim"},
        "Flannel": {"checked", "long sleeve", "collared", "button front"},
        "Sweater": {"knit", "long sleeve"},
        "Turtleneck": {"high neck", "long sleeve"},
        "Blazer": {"notched lapel", "open front"},
        "Coat": {"longline", "long sleeve", "open front"},
        "Joggers": {"elastic waist", "skinny", "sporty"},
        "Tank": {"sleeveless"},
    }.items():
        assert all(certain <= names for names in every[category])


def test_what_is_out_of_sight_is_unknown_and_landmarks_are_where_they_are_said_to_be(
    pictures: list[tuple[Scene, Row]],
) -> None:
    cut_off = 0
    for scene, row in pictures:
        *_, left_hem, right_hem = row.landmarks
        assert ("crop" in row.unknown) == (left_hem[0] > 0 and right_hem[0] > 0)
        left, top, right, bottom = row.box
        for visibility, x, y in row.landmarks:
            if visibility == 0:
                assert left - 2 <= x <= right + 2
                assert top - 2 <= y <= bottom + 2
            cut_off += visibility == 2
            assert visibility < 2 or (x, y) == (0, 0)
        assert right <= scene.size[0]
        assert bottom <= scene.size[1]
    assert cut_off > 10


def test_the_colours_are_those_of_the_pixels(root: Path) -> None:
    answers = table(root / "Anno_coarse" / "list_attr_img.txt")
    boxes = table(root / "Anno_coarse" / "list_bbox.txt")
    palette = np.array(PALETTE, dtype=np.float64)
    right = 0
    for image, values in answers.items():
        names = {name for name, value in zip(ATTRIBUTES, values, strict=True) if value == "1"}
        with Image.open(root / "Img" / image) as picture:
            pixels = np.asarray(picture.crop([int(value) for value in boxes[image]]), dtype=np.float64).reshape(-1, 3)
        nearest = np.square(pixels[:, None] - palette).sum(axis=2).argmin(axis=1)
        shown = Counter(COLOURS[place] for place in nearest)
        right += bool(names & {name for name, _ in shown.most_common(3)})
    assert right >= 0.8 * len(answers)


def test_same_seed_same_bytes_whoever_draws_and_however_many(root: Path, tmp_path: Path) -> None:
    def hashes(folder: Path) -> dict[str, str]:
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*.*")
        }

    alone = hashes(root)
    assert hashes(drawn(tmp_path / "together", workers=2)) == alone
    longer = hashes(drawn(tmp_path / "longer", train=14))
    pictures = {name: digest for name, digest in alone.items() if name.startswith("Img/")}
    assert len(pictures) == 16
    assert pictures.items() <= longer.items()


def test_a_split_that_a_layout_lacks_and_a_folder_that_exists_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="test"):
        draw(tmp_path, train=1, validation=0, test=1, seed=1, progress=Silent())
    with pytest.raises(UsageError, match="already"):
        drawn(root)
    with pytest.raises(UsageError, match="layout"):
        draw(tmp_path, train=1, validation=0, seed=1, layout="deepfashoin", progress=Silent())
    assert list(tmp_path.iterdir()) == []
