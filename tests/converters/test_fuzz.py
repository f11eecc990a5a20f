"""Every parser against files that are not as they should be: a finding or a data error with its file, nothing else.

TLTPIPE_FUZZ sets how many mutated files each format gets (5000 take some minutes in all).
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fuzzing import bounded
from kept import Kept
from msgspec import structs

import converters
from converters.model import Mask, Sample
from converters.model.findings import Findings
from converters.model.validity import settled
from converters.transfer import outputs, passes
from converters.transfer.parts import Part
from converters.transfer.passes import batches
from converters.transfer.selection import Selection, joint
from converters.transfer.transfer import transfer
from tltpipe import registry
from tltpipe.errors import DataError, TltpipeError
from tltpipe.progress import Silent

COUNT = int(os.environ.get("TLTPIPE_FUZZ", "200"))
FAR = 2e6
"""Pixels that no number of a sample exceeds: most readers refuse more than a million."""
FORMATS = registry.names("converters.formats")

NUMBERS = [
    *(b"NaN", b"-NaN", b"Infinity", b"-inf", b"1e999", b"-1e308", b"1e-400", b"0x10", b"1_000", b"-0", b"00012", b"1."),
    *(b"9" * 400, b"-9223372036854775809", b"18446744073709551616", b"1e5", b"\xd9\xa1\xd9\xa2", b"\xef\xbc\x91"),
    *(b"+1", b"."),
]
PIECES = [
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\r", b"\xe2\x80\xa8", b"\xc3\x28", b"\xed\xa0\x80"),
    b"\xf0\x9f\x91\x97",
    *(b"null", b"true", b"[]", b"{}", b'""', b'"', b"'", b"\\", b"\\u0000", b"\\ud800", b"<", b">", b"&lol;"),
    *(b"<!--", b"]]>", b"&#0;"),
    *(b",", b";", b"\t", b":", b"-", b"{{}}", b"%s", b"../../etc/passwd", b"/", b".", b".."),
    *(b"!!python/object:os.system x", b"&a [*a]"),
    *(b"[" * 5000, b'{"a":' * 3000, b"<a>" * 3000, b"a" * 70_000, b"," * 3000, b" " * 5000, b"\n" * 3000, b"- " * 500),
]
WORDS = [
    *(b"item1", b"bounding_box", b"annotations", b"images", b"id", b"size", b"counts", b"names", b"xmin", b"object"),
    *(b"nc", b"class"),
]


def bit_flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def truncate(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def cut_out(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 60)]


def double(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randint(1, 200)]


def other_number(data: bytearray, chance: random.Random) -> None:
    digits = [place for place, value in enumerate(data) if 48 <= value < 58]
    if digits:
        start = end = chance.choice(digits)
        while end < len(data) and data[end] in b"0123456789.":
            end += 1
        data[start:end] = chance.choice(NUMBERS)


def insert(data: bytearray, chance: random.Random) -> None:
    place = chance.choice([0, len(data), chance.randrange(len(data))])
    data[place:place] = chance.choice([*PIECES, *NUMBERS, *WORDS])


def swap_lines(data: bytearray, chance: random.Random) -> None:
    lines = bytes(data).split(b"\n")
    chance.shuffle(lines)
    data[:] = b"\n".join(lines)


def line_ends(data: bytearray, chance: random.Random) -> None:
    data[:] = bytes(data).replace(b"\n", chance.choice([b"\r\n", b"\r", b"\n\n", b""]))


def other_encoding(data: bytearray, chance: random.Random) -> None:
    text = bytes(data).decode("utf-8", "replace")
    data[:] = text.encode(chance.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"]), "replace")


def word_for_word(data: bytearray, chance: random.Random) -> None:
    data[:] = bytes(data).replace(chance.choice(WORDS), chance.choice([*PIECES[:20], *NUMBERS, *WORDS]), 1)


MUTATIONS: list[Callable[[bytearray, random.Random], None]] = [
    *(bit_flip, truncate, cut_out, double, other_number, other_number, insert, insert),
    *(swap_lines, line_ends, other_encoding, word_for_word),
]


class Taken:
    """Takes every sample as a conversion would."""

    def add(self, sample: Sample, findings: Findings) -> None:
        for thing in sample.objects:
            box = thing.box
            assert all(abs(side) < FAR for side in (box.left, box.top, box.right - box.left, box.bottom - box.top))
            assert thing.occlusion in (0, 1, 2, 3)
            assert 0 <= thing.truncation <= 1
        settled(sample, findings)


def read(root: Path, name: str) -> None:
    """Open and read everything; what is wrong must be a TltpipeError that names a file below ``root``."""
    try:
        datasets = converters.splits(root, name)[1]
        for dataset in datasets.values():
            pictures = dataset.pictures
            for batch in batches(pictures, pictures.keys(), Taken, skip_bad=True, workers=1):
                for _, problem in batch.left_out:
                    assert problem.exit_code == 3
                    assert str(root) in str(problem.where), problem
    except TltpipeError as problem:
        assert problem.exit_code in (2, 3), problem  # noqa: PT017 - an error is one of the right outcomes
        assert str(root) in str(problem), problem  # noqa: PT017


@pytest.fixture(scope="module", params=FORMATS)
def example(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, handmade: Mapping[str, Any]
) -> tuple[str, Path]:
    """A small data set in each format, with all that the format can hold."""
    from PIL import Image

    name, root = request.param, tmp_path_factory.mktemp(request.param) / "data"
    if name in handmade:
        handmade[name](root)
        return name, root
    source = deepfashion2_split(tmp_path_factory.mktemp("source"), Image)
    if name == "deepfashion2":
        shutil.copytree(source, root)
        return name, root
    dataset = converters.read("deepfashion2", source, "train")
    mask = Mask(80, 60, b"jU1n0n0000000000000000000000000000000000000000000000000000000000ng1")
    samples = tuple(
        structs.replace(s, objects=(*s.objects, structs.replace(s.objects[0], polygons=(), mask=mask))) for s in dataset
    )
    dataset = replace(dataset, pictures=Kept(samples))
    categories = joint([dataset], Selection())[0].categories
    texts = outputs.texts(name, root, categories, ["train"])
    part = Part("train", dataset, outputs.plan(name, root, "train"))
    transfer([part], journal=root.parent / ".journal", progress=Silent(), texts=texts)
    return name, root


def deepfashion2_split(root: Path, image: Any) -> Path:
    import json

    for folder in ("image", "annos"):
        (root / "train" / folder).mkdir(parents=True)
    for number in (1, 2):
        image.new("RGB", (80, 60), (number, 90, 120)).save(root / "train/image" / f"{number:06d}.jpg")
        item = {
            "segmentation": [[10, 12, 60, 12, 60.25, 40.5, 10, 40, 10, 12]],
            **{"scale": 2, "viewpoint": 2, "zoom_in": 1, "style": 1, "occlusion": 2},
            "landmarks": [12, 14, 2, 20, 20, 1, *[30, 30, 2] * 5, 0, 0, 0],
            **{"bounding_box": [10, 12, 61, 41], "category_id": 9, "category_name": "skirt"},
        }
        page = {"item1": item, "item2": item | {"style": 2}, "source": "user", "pair_id": 7}
        (root / "train/annos" / f"{number:06d}.json").write_text(json.dumps(page))
    return root


def annotation_files(root: Path) -> list[Path]:
    pictures = {".jpg", ".jpeg", ".png"}
    return [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix not in pictures]


def test_mutated_files(example: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    name, root = example
    monkeypatch.setattr(passes, "ALONE", 1 << 30)
    read(root, name)  # untouched, it is fine
    files = annotation_files(root)
    for seed in range(COUNT):
        chance = random.Random(f"{name} {seed}")
        path = chance.choice(files)
        whole = path.read_bytes()
        data = bytearray(whole or b" ")
        for _ in range(chance.randint(1, 3)):
            chance.choice(MUTATIONS)(data, chance)
            data = data or bytearray(b" ")
        path.write_bytes(data)
        try:
            with bounded():
                read(root, name)
        except Exception as fault:
            kept = Path("/tmp") / f"fuzz-{name}-{seed}{path.suffix}"
            kept.write_bytes(data)
            raise AssertionError(f"{name}, seed {seed}, {path.name}: {fault!r}; the file is kept as {kept}") from fault
        finally:
            path.write_bytes(whole)


def test_mutated_pictures(example: tuple[str, Path]) -> None:
    """Headers are read by us, too."""
    name, root = example
    pictures = [path for path in sorted(root.rglob("*.[jp][pn]g")) if path.is_file()]
    for seed in range(COUNT // 5):
        chance = random.Random(f"{name} picture {seed}")
        path = chance.choice(pictures)
        whole = path.read_bytes()
        data = bytearray(whole)
        chance.choice([bit_flip, truncate, cut_out, double])(data, chance)
        path.unlink()  # it may be a link to the source
        path.write_bytes(data)
        try:
            with bounded():
                read(root, name)
        finally:
            path.write_bytes(whole)


def test_a_place_that_is_told_is_a_place(example: tuple[str, Path]) -> None:
    """The error of a file cut in the middle names that file."""
    name, root = example
    if name in ("csv", "open_images", "yolo", "visdrone", "via"):
        pytest.skip("a file of lines that ends early is a file with fewer lines")
    path = max(annotation_files(root), key=lambda each: each.stat().st_size)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        with pytest.raises(DataError) as caught:
            for dataset in converters.splits(root, name)[1].values():
                list(dataset)
        assert str(path) in str(caught.value)
    finally:
        path.write_bytes(whole)
