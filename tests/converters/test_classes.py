"""The class map: written beside every output, held against what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from refusals import error_of

from converters.model import classes
from converters.model.splits import Place
from tltpipe.errors import DataError


def test_written_and_read(tmp_path: Path) -> None:
    names = ("short sleeve", "Über-Rock", "a.b")
    (tmp_path / "classes.txt").write_text(classes.text(names), "utf-8")
    assert classes.read(tmp_path) == names
    assert classes.read(tmp_path / "train.json") == names, "beside a file"
    assert classes.read(tmp_path / "elsewhere") == names


def test_none_where_there_is_none(tmp_path: Path) -> None:
    assert classes.read(tmp_path) is None


def test_made_on_windows(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_bytes("﻿vest\r\nskirt\r\n\r\n".encode())
    assert classes.read(tmp_path) == ("vest", "skirt")


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"vest\nskirt\nvest\n", 3, '"vest" is here twice'),
        (b"vest\n\nskirt\n", 2, "empty"),
        (b"\xff\xfe\x00", None, "cannot be read as text"),
    ],
)
def test_bad_maps(tmp_path: Path, content: bytes, line: int | None, what: str) -> None:
    path = tmp_path / "classes.txt"
    path.write_bytes(content)
    error = error_of(DataError, classes.read, tmp_path, match=what)
    assert str(error).startswith(f"{path}:{line}:" if line else f"{path}:")


@pytest.mark.parametrize("name", ["", " ", "two\nlines", " vest", "vest "])
def test_names_that_are_no_line(name: str) -> None:
    with pytest.raises(DataError, match="cannot be called"):
        classes.text(["skirt", name])


def test_other_numbering_is_told_with_its_line(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "train.json", tmp_path)
    classes.compare(("a", "b"), ("a", "b"), place)
    with pytest.raises(DataError, match=r'classes.txt:2: class 2 is "b" here, but "c" in the data') as caught:
        classes.compare(("a", "b", "c"), ("a", "c", "b"), place)
    assert caught.value.code == "C604"
    with pytest.raises(DataError, match=r'classes.txt:3: class 3 is missing here, but "c" in the data'):
        classes.compare(("a", "b"), ("a", "b", "c"), place)
