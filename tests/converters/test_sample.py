"""The drawn sample data: the same from the same seed, true to the format, and true to its own pictures."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converters
from converters.model.findings import Findings
from converters.model.garments import BY_ID
from converters.model.validity import settled
from converters.sample import draw
from converters.sample.layouts.deepfashion2 import Page, arrange_pair, pairs
from tltpipe.errors import UsageError
from tltpipe.progress import Silent

SMALL = 120
ITEM_KEYS = {
    *("segmentation", "scale", "viewpoint", "zoom_in", "landmarks", "style", "bounding_box", "category_id"),
    *("occlusion", "category_name"),
}


def drawn(
    out: Path, *, train: int = 4, validation: int = 0, seed: int = 1, workers: int = 1, size: int = SMALL
) -> Path:
    draw(out, train=train, validation=validation, seed=seed, size=size, workers=workers, progress=Silent())
    return out


def hashes(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def pages() -> list[Page]:
    """Two hundred pictures, arranged and annotated but not painted."""
    return [page for pair in pairs(Path(), (7, 0), 200, 420) for page in arrange_pair(pair)]


def items(page: Page) -> Iterator[dict[str, Any]]:
    yield from (value for key, value in page.annotation.items() if key.startswith("item"))


def marks(item: dict[str, Any]) -> list[tuple[int, int, int]]:
    flat = item["landmarks"]
    return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))


def test_same_seed_same_bytes_whoever_draws_and_however_long_the_split(tmp_path: Path) -> None:
    alone = hashes(drawn(tmp_path / "alone"))
    assert hashes(drawn(tmp_path / "together", workers=2)) == alone
    longer = hashes(drawn(tmp_path / "longer", train=7))
    assert len(alone) == 8
    assert len(longer) == 14
    assert alone.items() <= longer.items()


def test_another_seed_and_another_split_are_other_pictures(tmp_path: Path) -> None:
    one = drawn(tmp_path / "one", train=2, validation=2)
    other = drawn(tmp_path / "other", train=2, seed=2)
    every = [*hashes(one / "train").values(), *hashes(one / "validation").values(), *hashes(other).values()]
    assert len(set(every)) == len(every) == 12


def test_pictures_are_rgb_jpegs_of_the_arranged_size_and_colourful(tmp_path: Path) -> None:
    root = drawn(tmp_path / "set", size=420, train=2)
    arranged = [page for pair in pairs(Path(), (1, 0), 2, 420) for page in arrange_pair(pair)]
    for page in arranged:
        with Image.open(root / "train" / "image" / f"{page.number:06d}.jpg") as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", page.scene.size)
            pixels = np.asarray(image, dtype=np.float64)
        cloth = page.scene.owners > 0
        assert pixels[cloth].std() > 3
        assert np.abs(pixels[cloth].mean(axis=0) - pixels[~cloth].mean(axis=0)).max() > 5
        written = json.loads((root / "train" / "annos" / f"{page.number:06d}.json").read_bytes())
        assert written == page.annotation


def test_annotations_have_the_format_s_keys_and_ranges(pages: list[Page]) -> None:
    for page in pages:
        width, height = page.scene.size
        assert page.annotation["source"] == ("shop" if page.number % 2 else "user")
        assert page.annotation["pair_id"] == (page.number + 1) // 2
        assert set(page.annotation) - {"source", "pair_id"} == {
            f"item{number + 1}" for number in range(len(page.scene.garments))
        }
        for item in items(page):
            garment = BY_ID[item["category_id"]]
            assert set(item) == ITEM_KEYS
            assert item["category_name"] == garment.label
            assert len(item["landmarks"]) == 3 * garment.landmarks
            assert all(item[rating] in (1, 2, 3) for rating in ("scale", "viewpoint", "zoom_in", "occlusion"))
            assert 0 <= item["style"] <= 3
            left, top, right, bottom = item["bounding_box"]
            assert all(type(corner) is int for corner in item["bounding_box"])
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
            assert item["segmentation"]
            for ring in item["segmentation"]:
                assert len(ring) >= 6
                assert len(ring) % 2 == 0
                assert min(ring[::2]) >= 0
                assert max(ring[::2]) <= width
                assert min(ring[1::2]) >= 0
                assert max(ring[1::2]) <= height


def test_ratings_follow_from_what_was_rated(pages: list[Page]) -> None:
    for page in pages:
        width, height = page.scene.size
        for item in items(page):
            left, top, right, bottom = item["bounding_box"]
            share = (right - left) * (bottom - top) / (width * height)
            assert item["scale"] == (1 if share < 0.1 else 2 if share <= 0.4 else 3)
            outside = np.mean([v == 0 for _, _, v in marks(item)])
            assert item["zoom_in"] == (1 if outside == 0 else 2 if outside <= 0.3 else 3)


def test_landmarks_are_where_their_visibility_says(pages: list[Page]) -> None:
    for page in pages:
        width, height = page.scene.size
        for place, item in enumerate(items(page)):
            own = np.pad(page.scene.owners == place + 1, 2)
            for x, y, v in marks(item):
                if v == 0:
                    assert (x, y) == (0, 0)
                    continue
                assert 0 <= x < width
                assert 0 <= y < height
                assert bool(own[y : y + 5, x : x + 5].any()) == (v == 2)


def test_the_box_holds_all_of_a_garment_that_shows_and_nothing_else(pages: list[Page]) -> None:
    for page in pages:
        for place, item in enumerate(items(page)):
            rows, columns = np.nonzero(page.scene.owners == place + 1)
            assert item["bounding_box"] == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_box_and_polygon_agree_on_whole_garments(pages: list[Page]) -> None:
    compared = 0
    for page in pages:
        for item in items(page):
            if any(v != 2 for _, _, v in marks(item)):
                continue
            compared += 1
            x, y = (np.concatenate([ring[axis::2] for ring in item["segmentation"]]) for axis in (0, 1))
            extent = np.array([x.min(), y.min(), x.max(), y.max()])
            longer = max(np.subtract(item["bounding_box"][2:], item["bounding_box"][:2]))
            assert np.abs(extent - item["bounding_box"]).max() <= max(6, 0.08 * longer), (page.number, extent, item)
    assert compared > 80


def test_garments_are_large_and_not_much_hidden(pages: list[Page]) -> None:
    every = [item for page in pages for item in items(page)]
    areas = [np.prod(np.subtract(item["bounding_box"][2:], item["bounding_box"][:2])) for item in every]
    pixels = [page.scene.size[0] * page.scene.size[1] for page in pages for _ in items(page)]
    assert np.median(np.divide(areas, pixels)) > 0.35
    assert np.mean([item["scale"] == 1 for item in every]) < 0.05
    assert np.mean([item["occlusion"] == 3 for item in every]) < 0.05
    assert {item["zoom_in"] for item in every} == {1, 2, 3}


def test_viewpoint_is_worn_exactly_on_a_mannequin(pages: list[Page]) -> None:
    from converters.sample.props import mannequin

    seen = Counter[int]()
    for page in pages:
        on_mannequin = any(len(prop.front) == len(mannequin().front) for prop in page.scene.props)
        for item in items(page):
            assert item["viewpoint"] == (2 if on_mannequin else 1)
            seen[item["viewpoint"]] += 1
    assert min(seen[1], seen[2]) > 30


def test_the_customer_wears_what_the_shop_shows(pages: list[Page]) -> None:
    shared = styled = 0
    for shop, user in zip(pages[::2], pages[1::2], strict=True):
        assert shop.annotation["pair_id"] == user.annotation["pair_id"]
        shop_styles, user_styles = (
            {item["style"]: item["category_id"] for item in items(page) if item["style"] > 0} for page in (shop, user)
        )
        styled += bool(shop_styles)
        for style in shop_styles.keys() & user_styles.keys():
            assert shop_styles[style] == user_styles[style]
            shared += 1
    assert styled > 60
    assert shared >= styled * 0.95


def test_each_block_has_all_thirteen_and_the_whole_about_as_many_of_each(pages: list[Page]) -> None:
    assert {item["category_id"] for page in pages[:52] for item in items(page)} == set(range(1, 14))
    counts = Counter(item["category_id"] for page in pages for item in items(page))
    assert max(counts.values()) / min(counts.values()) < 3


def test_fabrics_say_nothing_about_the_category() -> None:
    """The same draw of cloth for whichever garment is cut: colour cannot stand in for shape."""
    from converters.sample.fabrics import draw_fabric

    one, other = (draw_fabric(np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one.tile, other.tile)
    tiles = [draw_fabric(np.random.default_rng(seed)).tile for seed in range(12)]
    assert len({tile.tobytes() for tile in tiles}) == 12
    assert all(tile.shape == (512, 512) for tile in tiles)


def test_the_reader_finds_nothing_odd(tmp_path: Path) -> None:
    root = drawn(tmp_path / "set", train=6)
    findings, pictures = Findings(), converters.read("deepfashion2", root / "train").pictures
    samples = [settled(pictures.load(key, findings), findings) for key in pictures.keys()]  # noqa: SIM118
    assert findings.all() == ()
    assert [sample.id for sample in samples] == [f"{number:06d}" for number in range(1, 7)]
    assert all(sample.objects for sample in samples)


def test_a_split_that_is_there_is_left_alone(tmp_path: Path) -> None:
    root = drawn(tmp_path / "set", train=2)
    before = hashes(root)
    with pytest.raises(UsageError, match="already"):
        drawn(root, train=2, validation=2, seed=3)
    assert hashes(root) == before
    drawn(root, train=0, validation=1)
    assert {path.name for path in (root / "validation" / "image").iterdir()} == {"000001.jpg"}
