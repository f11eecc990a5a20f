"""Every file in ``formats/`` keeps the protocol, whichever formats there are."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import pytest

import converters
from converters.model import Box, Dataset, Object, Sample
from tltpipe import registry
from tltpipe.errors import UsageError

FORMATS = registry.names("converters.formats")
FIELDS = {field.name for cls in (Object, Sample) for field in dataclasses.fields(cls)} - {
    *("category", "id", "image", "width", "height", "objects"),
}
READABLE = [name for name in FORMATS if hasattr(registry.load("converters.formats", name), "read")]
WRITABLE = [name for name in FORMATS if hasattr(registry.load("converters.formats", name), "Writer")]


def test_the_folder_is_the_list() -> None:
    assert {"coco", "deepfashion2", "kitti"} <= set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_says_what_it_carries_and_can_do_something(name: str) -> None:
    module = registry.load("converters.formats", name)
    assert module.__doc__
    assert isinstance(module.CARRIES, frozenset)
    assert "box" in module.CARRIES
    assert module.CARRIES <= FIELDS
    assert hasattr(module, "read") or hasattr(module, "Writer")


@pytest.mark.parametrize("name", READABLE)
def test_read_takes_one_path_and_options_by_keyword(name: str) -> None:
    function = registry.load("converters.formats", name).read
    first, *options = inspect.signature(function).parameters.values()
    assert first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert all(option.kind is inspect.Parameter.KEYWORD_ONLY for option in options)
    assert all(option.default is not inspect.Parameter.empty for option in options)
    assert inspect.signature(function, eval_str=True).return_annotation is Dataset


@pytest.mark.parametrize("name", WRITABLE)
def test_writer_takes_samples_and_appears_whole(name: str, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "out"
    with converters.open_writer(name, path, ["vest", "skirt"]) as writer:
        writer.add(Sample("000001", Path("000001.jpg"), 80, 60, (Object("skirt", Box(1, 2, 3, 4)),)))
        writer.add(Sample("000002", Path("000002.jpg"), 80, 60))
        assert not path.exists()
    assert [entry.name for entry in path.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("name", WRITABLE)
def test_failed_writer_leaves_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), converters.open_writer(name, tmp_path / "out", ["skirt"]) as writer:
        writer.add(Sample("000001", Path("000001.jpg"), 80, 60))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_unknown_format_is_told_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        converters.read("kiti", Path())
    assert caught.value.hint == 'did you mean "kitti"?'
