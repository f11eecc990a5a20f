"""tlt-augment against labels, pictures and specs that are not as they should be: an error with its file, or a result.

TLTPIPE_FUZZ sets how many mutated files of each kind are tried (5000 take a few minutes).
"""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fuzzing import LABEL, mutate
from PIL import Image

import specs
from converters.formats.kitti import rows as kitti_rows
from runtime.augmenting import Folders
from runtime.augmenting.kitti import Kitti
from runtime.augmenting.recipe import Recipe, of_proto_text
from tltpipe.errors import DataError, SpecError

COUNT = int(os.environ.get("TLTPIPE_FUZZ", "200"))
SPEC = b"""\
spatial_config { rotation_config { angle: 12.5 units: "degrees" } flip_config { flip_horizontal: true }
  shear_config { shear_ratio_x: 0.1 } translation_config { translate_x: 8 } }
color_config { hue_saturation_config { hue_rotation_angle: 5 saturation_shift: 1.0 }
  contrast_config { contrast: 0.1 center: 127.5 } brightness_config { offset: 3 } }
blur_config { std: 1.0 size: 3 }
dataset_config { image_path: "image" label_path: "label" }
output_image_width: 48 output_image_height: 32 output_image_channel: 3 image_extension: ".jpg"
"""
PIECES = [
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\xe2\x80\xa8", b"NaN", b"inf", b"-1e308", b"1e999", b"9" * 400),
    *(b"angle: inf ", b"contrast: nan ", b"2147483648", b"-1", b"0x10", b" ", b"\t", b"\n", b"{", b"}", b'"', b":"),
    *(b"#", b"<", b"-0", b"4294967296"),
]
HEADERS = [
    *(b"\xff\xd8\xff", b"\xff\xc0", b"\xff\xc2", b"\xff\xda", b"\xff\xd9", b"\xff\xe1\xff\xff", b"\xff\xfe", b"\x00"),
]


@pytest.fixture
def picture() -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize((96, 72)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def data(tmp_path: Path, picture: bytes) -> Kitti:
    for folder in ("image", "label", "images", "labels"):
        (tmp_path / folder).mkdir()
    (tmp_path / "image/1.jpg").write_bytes(picture)
    (tmp_path / "label/1.txt").write_bytes(LABEL)
    return Kitti(tmp_path / "image", tmp_path / "label")


def tried(data: Kitti, recipe: Recipe) -> bool:
    """Whether the picture came out; any error but DataError is the test's failure."""
    root = data.images.parent
    try:
        data.augment("1.jpg", recipe, Folders(root / "images", root / "labels"))
    except DataError as error:
        if str(root) not in str(error):
            raise AssertionError("the error does not name its file") from error
        return False
    path = root / "labels/1.txt"
    written, _ = kitti_rows.rows(kitti_rows.text_of(path), source=path)
    assert all(0 <= value <= 48 for _, _, numbers in written for value in numbers[3:7])
    with Image.open(root / "images/1.jpg") as image:
        assert image.size == (48, 32)
    return True


SMALL = Recipe({"angle": (10.0,), "saturation": (0.5,), "size": (3,), "std": (1.0,)}, output=(48, 32))


def fuzz(write: Callable[[bytes], None], content: bytes, pieces: list[bytes], data: Kitti) -> int:
    good = 0
    for number in range(COUNT):
        write(mutate(content, random.Random(number), pieces))
        good += tried(data, SMALL)
    return good


def test_labels(data: Kitti) -> None:
    path = data.labels / "1.txt"
    assert 0 < fuzz(lambda content: path.write_bytes(content) and None, LABEL, PIECES, data) < COUNT


def test_pictures(data: Kitti, picture: bytes) -> None:
    path = data.images / "1.jpg"
    assert 0 < fuzz(lambda content: path.write_bytes(content) and None, picture, HEADERS, data) < COUNT


def test_specs(data: Kitti) -> None:
    good = 0
    for number in range(COUNT):
        text = mutate(SPEC, random.Random(number), PIECES).decode("utf-8", "replace")
        try:
            recipe = of_proto_text(specs.parse_text(text, "augment", source="augment.conf"))
        except SpecError as error:
            if not str(error).startswith("augment.conf"):
                raise AssertionError("the error does not say where") from error
            continue
        if (
            recipe.output is None
            or max(recipe.output) > 2000
            or recipe._fixed["size"] > 99
            or recipe._fixed["std"] > 20
        ):
            continue  # a large picture is no error, only slow
        try:
            data.augment("1.jpg", recipe, Folders(data.images.parent / "images", data.images.parent / "labels"))
        except DataError as error:
            raise AssertionError(text) from error
        good += 1
    assert 0 < good < COUNT
