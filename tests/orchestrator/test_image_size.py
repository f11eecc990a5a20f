"""The size of the images is one setting; where two places give two, both are named."""

from pathlib import Path

import pytest
from refusals import error_of

from orchestrator.settings import config
from tltpipe.errors import ConfigError


def sizes(root: Path, text: str, *sets: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """What augmentation writes and what the network takes, (width, height) each."""
    (root / "tltpipe.yaml").write_text(text)
    tunables = config.load(root, environment={}, flags=dict(map(config.flag, sets))).tunables
    augment, ssd = tunables["augment"], tunables["ssd"]
    return (augment.output_image_width, augment.output_image_height), (ssd.input_width, ssd.input_height)


@pytest.mark.parametrize(
    ("text", "sets", "size"),
    [
        ("", (), (288, 288)),
        ("image_size: 300\n", (), (300, 300)),
        ("image_size: [320, 256]\n", (), (320, 256)),
        ('image_size: "320x256"\n', (), (320, 256)),
        ("image_size: null\n", (), (288, 288)),
        ("image_size: 300\n", ("image_size=320,256",), (320, 256)),
        ("", ("image_size=[320, 256]",), (320, 256)),
        ("ssd: {input_width: 320}\n", (), (320, 288)),
        ("augment: {output_image_width: 320, output_image_height: 256}\n", (), (320, 256)),
        ("image_size: 300\nssd: {input_width: 300}\n", ("augment.output_image_height=300",), (300, 300)),
    ],
)
def test_one_size_for_all(tmp_path: Path, text: str, sets: tuple[str, ...], size: tuple[int, int]) -> None:
    assert sizes(tmp_path, text, *sets) == (size, size)


def test_pictures_may_be_left_as_they_are(tmp_path: Path) -> None:
    text = "image_size: 300\naugment: {output_image_width: 0, output_image_height: 0}\n"
    assert sizes(tmp_path, text) == ((0, 0), (300, 300))


@pytest.mark.parametrize(
    ("text", "sets", "places"),
    [
        ("image_size: 300\nssd:\n  input_width: 320\n", (), ("tltpipe.yaml:1:1", "tltpipe.yaml:3:3")),
        ("image_size: 300\n", ("augment.output_image_height=200",), ("tltpipe.yaml:1:1", "--set augment.output")),
        ("augment:\n  output_image_width: 300\n", ("ssd.input_width=320",), ("tltpipe.yaml:2:3", "--set ssd.input")),
    ],
)
def test_two_sizes_are_refused(tmp_path: Path, text: str, sets: tuple[str, ...], places: tuple[str, ...]) -> None:
    error = error_of(ConfigError, lambda: sizes(tmp_path, text, *sets))
    assert [place for place in places if place not in str(error)] == []
    assert error.exit_code == 2


@pytest.mark.parametrize("value", ["big", "300 by 300", "0", "[300, 300, 3]", "20", "1e3", "-300"])
def test_what_is_no_size(tmp_path: Path, value: str) -> None:
    error = error_of(ConfigError, sizes, tmp_path, f"image_size: {value}\n", match="image_size")
    assert str(error.where) == f"{tmp_path}/tltpipe.yaml:1:1"
