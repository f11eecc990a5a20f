"""Every file in ``formats/`` keeps the protocol, whichever formats there are."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from refusals import error_of

import converters
from converters.model import Box, Dataset, Object, Sample
from converters.model.findings import Findings
from converters.model.splits import Place
from converters.transfer import entries, outputs
from converters.transfer.chunk_records import FIELDS, Records
from converters.transfer.passes import Batch
from converters.transfer.selection import Selection
from tltpipe import plain, registry
from tltpipe.errors import UsageError

FORMATS = registry.names("converters.formats")
OUTLINE = ((1.0, 2.0, 3.0, 2.0, 3.0, 4.0, 1.0, 4.0),)
WRITABLE = [name for name in FORMATS if hasattr(registry.load("converters.formats", name), "Writer")]


def test_the_folder_is_the_list() -> None:
    assert {"coco", "csv", "deepfashion2", "kitti", "open_images", "tfrecord", "voc", "yolo"} <= set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_says_what_it_is_and_carries(name: str) -> None:
    module = registry.load("converters.formats", name)
    assert module.__doc__
    assert 10 < len(module.ABOUT) < 100
    assert isinstance(module.CARRIES, frozenset)
    assert "box" in module.CARRIES
    assert set(FIELDS) >= module.CARRIES


@pytest.mark.parametrize("name", FORMATS)
def test_reads_a_place_and_takes_options_by_keyword(name: str) -> None:
    function = registry.load("converters.formats", name).read
    first, *options = inspect.signature(function).parameters.values()
    assert first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert "classes" in {option.name for option in options}
    assert all(option.kind is inspect.Parameter.KEYWORD_ONLY for option in options)
    assert all(option.default is not inspect.Parameter.empty for option in options)
    assert inspect.signature(function, eval_str=True).return_annotation is Dataset


@pytest.mark.parametrize("name", FORMATS)
def test_finds_nothing_where_nothing_is(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    (tmp_path / "empty").mkdir()
    find = registry.load("converters.formats", name).find
    assert find(tmp_path) == find(tmp_path / "notes.txt") == find(tmp_path / "not-there") == {}


@pytest.mark.parametrize(
    "name", [name for name in FORMATS if hasattr(registry.load("converters.formats", name), "missing")]
)
def test_nothing_of_it_is_there_where_nothing_is(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    missing = registry.load("converters.formats", name).missing
    assert missing(tmp_path) is missing(tmp_path / "notes.txt") is missing(tmp_path / "not-there") is None


@pytest.mark.parametrize("name", WRITABLE)
def test_lays_splits_out_apart(name: str) -> None:
    module = registry.load("converters.formats", name)
    train, validation = (module.layout(Path("root"), split) for split in ("train", "validation"))
    assert isinstance(train, Place)
    assert train.root == Path("root")
    assert len({train.annotations, train.images, validation.annotations, validation.images}) == 4


@pytest.mark.parametrize("name", WRITABLE)
def test_writer_takes_samples_and_appears_whole(name: str, tmp_path: Path) -> None:
    path = registry.load("converters.formats", name).layout(tmp_path / "deep", "train").annotations
    with converters.open_writer(name, path, ["vest", "skirt"]) as writer:
        writer.add(Sample("000001", "000001.jpg", 80, 60, (Object("skirt", Box(1, 2, 3, 4), OUTLINE),)))
        writer.add(Sample("000002", "000002.jpg", 80, 60))
        assert not path.exists()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", WRITABLE)
def test_failed_writer_leaves_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / registry.load("converters.formats", name).layout(Path(), "train").annotations.name
    with pytest.raises(KeyboardInterrupt), converters.open_writer(name, path, ["skirt"]) as writer:
        writer.add(Sample("000001", "000001.jpg", 80, 60))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_unknown_format_is_told_the_nearest(tmp_path: Path) -> None:
    assert error_of(UsageError, converters.read, "kiti", tmp_path).hint == 'did you mean "kitti"?'


@pytest.mark.parametrize("name", WRITABLE)
def test_records_are_plain_data_of_the_type_that_is_announced(name: str, tmp_path: Path) -> None:
    picture = tmp_path / "images/a.jpg"
    picture.parent.mkdir()
    Image.new("RGB", (80, 60)).save(picture)
    sample = Sample("a", str(picture), 80, 60, (Object("vest", Box(1, 2, 30, 40), OUTLINE),))
    dataset = Dataset(("vest",), converters.splits(drawn(tmp_path), "kitti")[1]["train"].pictures)
    for number, output in enumerate(outputs.plan(name, tmp_path / "out", "train")):
        path = tmp_path / f"made{number}{output.target.suffix}"
        if output.folder:
            path.mkdir()
        with output.writer(path, dataset.categories, dataset) as writer:
            gathered = Records((writer.recorder,), Selection(), frozenset(), ())
            gathered.add(sample, Findings())
            empty = Records((writer.recorder,), Selection(), frozenset(), ())
            kept = plain.packed(entries.entry(Batch(gathered, 1), empty))
            back = entries.batch(plain.unpacked(kept, entries.entry_type(Records, [writer.recorder])), empty)
            records = [list(record) for record in back.gathered.records]
            assert replace(back.gathered, records=records) == gathered
            for column in zip(*back.gathered.records, strict=True):
                writer.append(column)


def drawn(root: Path) -> Path:
    for folder, file, content in (("image", "a.jpg", None), ("label", "a.txt", "")):
        (root / "data/train" / folder).mkdir(parents=True)
        path = root / "data/train" / folder / file
        path.write_text(content) if content is not None else Image.new("RGB", (8, 8)).save(path)
    return root / "data"
