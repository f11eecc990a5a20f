"""The benchmarks' data: real files, of the published shapes, the same on every machine."""

from __future__ import annotations

import hashlib
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

import converters

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PICTURES = 30


@pytest.fixture(scope="module")
def corpus() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("corpus")


@pytest.fixture(scope="module")
def split(corpus: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = corpus.write(tmp_path_factory.mktemp("corpus"), pictures=PICTURES)
    return folder


def digests(split: Path) -> dict[str, str]:
    files = (path for path in sorted(split.rglob("*")) if path.is_file())
    return {str(path.relative_to(split)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_pictures_are_whole_jpeg_files_of_the_usual_weight_and_no_two_are_equal(split: Path) -> None:
    for path in (split / "image").iterdir():
        assert 30_000 <= path.stat().st_size <= 100_000
        with Image.open(path) as picture:
            assert picture.format == "JPEG"
            picture.load()
    assert len(set(digests(split).values())) == 2 * PICTURES


def test_every_annotation_is_as_the_data_set_publishes_it(split: Path) -> None:
    samples = list(converters.read("deepfashion2", split))
    things = [thing for sample in samples for thing in sample.objects]
    assert len(samples) == PICTURES < len(things)
    assert all(thing.polygons and thing.keypoints for thing in things)
    assert {sample.source for sample in samples} == {"user", "shop"}
    assert {any(type(value) is float for value in thing.polygons[0]) for thing in things} == {True, False}


def test_prepare_takes_it(split: Path, tmp_path: Path) -> None:
    (tmp_path / "Original-Data" / "train").mkdir(parents=True)
    for part in ("image", "annos"):
        (tmp_path / "Original-Data" / "train" / part).symlink_to(split / part)
    argv = [sys.executable, "-m", "tltpipe", "prepare", "-w", tmp_path, "--set", "data.splits=[train]"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / "COCO" / "train.json").read_text())
    assert len(document["images"]) == PICTURES
    assert len(document["annotations"]) == sum(path.read_text().count("item") for path in (split / "annos").iterdir())


def test_the_same_seed_gives_the_same_bytes_in_one_process_and_in_two(
    corpus: ModuleType, split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "CHUNK", 10)
    monkeypatch.setattr(corpus, "POOL", 20)
    assert digests(corpus.write(tmp_path / "again", pictures=PICTURES, workers=2)) == digests(split)
    assert (
        digests(corpus.write(tmp_path / "other", pictures=PICTURES, seed=2)).items().isdisjoint(digests(split).items())
    )


def test_what_is_there_is_kept_and_what_is_in_the_way_is_not_overwritten(corpus: ModuleType, tmp_path: Path) -> None:
    split = corpus.write(tmp_path, pictures=3, light=True)
    before = (split / "annos" / "000001.json").stat().st_ino
    assert corpus.write(tmp_path, pictures=3, light=True) == split
    assert (split / "annos" / "000001.json").stat().st_ino == before
    with pytest.raises(FileExistsError):
        corpus.write(tmp_path, pictures=4, light=True)


def test_light_pictures_are_small_and_annotations_can_stand_alone(corpus: ModuleType, tmp_path: Path) -> None:
    light = corpus.write(tmp_path / "light", pictures=PICTURES, light=True)
    assert all(path.stat().st_size < 20_000 for path in (light / "image").iterdir())
    bare = corpus.write(tmp_path / "bare", pictures=PICTURES, annotations_only=True)
    assert not (bare / "image").exists()
    pages = [json.loads((split / "annos" / "000007.json").read_text()) for split in (light, bare)]
    assert pages[0] == pages[1]
