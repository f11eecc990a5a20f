"""Pictures that look alike have hashes that are near, and near hashes are found without comparing all with all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from converters.pictures import perceptual
from tltpipe.errors import DataError


def scene(seed: int, *, width: int = 240, height: int = 180) -> Image.Image:
    """A few soft patches of colour, other ones for each ``seed``."""
    patches = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC)


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_a_picture_stored_again_or_scaled_looks_the_same(seed: int, tmp_path: Path) -> None:
    picture = scene(seed)
    picture.save(tmp_path / "good.jpg", quality=95)
    picture.save(tmp_path / "poor.jpg", quality=40)
    picture.save(tmp_path / "lossless.png")
    picture.resize((480, 360)).save(tmp_path / "large.jpg")
    hashes = [perceptual.hash64(path) for path in sorted(tmp_path.iterdir())]
    assert max(distance(hashes[0], other) for other in hashes) <= perceptual.DISTANCE


def test_different_pictures_look_different(tmp_path: Path) -> None:
    hashes = []
    for seed in range(30):
        scene(seed).save(tmp_path / f"{seed}.jpg")
        hashes.append(perceptual.hash64(tmp_path / f"{seed}.jpg"))
    found = [distance(one, other) for n, one in enumerate(hashes) for other in hashes[:n]]
    assert min(found) > 2 * perceptual.DISTANCE


def test_flat_pictures_pair_with_none(tmp_path: Path) -> None:
    for name, colour in (("black.jpg", 0), ("white.png", 255)):
        Image.new("RGB", (50, 40), (colour, colour, colour)).save(tmp_path / name)
        assert perceptual.hash64(tmp_path / name) == perceptual.FLAT
    assert found(np.zeros(9, np.uint64), 4) == set()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0" + bytes(90)])
def test_says_which_picture_cannot_be_read(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.jpg"):
        perceptual.hash64(path)


def test_a_picture_cut_off_is_not_hashed(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    scene(1).save(path)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(DataError, match=r"cut\.jpg"):
        perceptual.hash64(path)


def found(hashes: np.ndarray, limit: int) -> set[tuple[int, int]]:
    listed = [tuple(pair) for block in perceptual.pairs(hashes, limit) for pair in block.tolist()]
    assert len(listed) == len(set(listed)), "a pair is told twice"
    return set(listed)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 8))
def test_every_near_pair_is_found_and_no_other(seed: int, limit: int) -> None:
    random = np.random.default_rng(seed)
    centres = random.integers(1, 2**63, 6, dtype=np.uint64)
    hashes = []
    for _ in range(40):
        value = int(random.choice(centres))
        for bit in random.integers(0, 64, random.integers(0, 6)):
            value ^= 1 << int(bit)
        hashes.append(value)
    hashes = list(dict.fromkeys(value for value in hashes if value != perceptual.FLAT))
    expected = {(a, b) for b in range(len(hashes)) for a in range(b) if distance(hashes[a], hashes[b]) <= limit}
    assert found(np.array(hashes, np.uint64), limit) == expected


def test_many_equal_hashes_are_chained_not_squared() -> None:
    hashes = np.full(50_000, 12345, np.uint64)
    hashes[::2] = 12344
    listed = found(hashes, 4)
    assert len(listed) == 49_999
    assert {index for pair in listed for index in pair} == set(range(50_000))


def test_counts_bits_where_numpy_cannot() -> None:
    values = np.array([0, 1, 2**64 - 1, 0xF0F0], np.uint64)
    assert perceptual._ones(values).tolist() == [0, 1, 64, 8]
