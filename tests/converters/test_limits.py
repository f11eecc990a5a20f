"""How large an image may be: what is real is read, what no memory could hold is refused before it is decoded."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest
from PIL import Image
from refusals import error_of

from converters.health import examine
from converters.pictures import headers, limits
from converters.transfer import convert
from runtime.augmenting import pixels
from runtime.imaging import decoding
from tltpipe import machine
from tltpipe.errors import ConfigError, DataError
from tltpipe.progress import Silent

SIDE = 15_000


def satellite(path: Path) -> Path:
    """One colour, 15,000 x 15,000 pixels: more than Pillow would read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.new("L", (SIDE, SIDE), 90) as picture:
        picture.save(path, compress_level=1)
    return path


def bomb(path: Path, side: int) -> Path:
    """A PNG of a few bytes whose header claims ``side`` x ``side`` pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = side.to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    path.write_bytes(bytes(content))
    return path


def data_set(root: Path, path: Path, side: int) -> Path:
    record = {"id": 1, "file_name": path.name, "width": side, "height": side}
    boxes = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 5, 6]}]
    text = json.dumps({"images": [record], "annotations": boxes, "categories": [{"id": 1, "name": "ship"}]})
    (root / "annotations").mkdir()
    (root / "annotations/instances_train.json").write_text(text)
    return root


@pytest.mark.skipif(machine.memory_available() < 4 << 30, reason="needs 4 GB of memory")
@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_satellite_picture_is_read_everywhere(tmp_path: Path, name: str) -> None:
    path = satellite(tmp_path / "images/train" / name)
    assert headers.size(path) == (SIDE, SIDE)
    root = data_set(tmp_path, path, SIDE)
    assert not [found for found in examine(root, progress=Silent()).findings if found.rule.severity == "error"]
    done = convert.convert(root, tmp_path / "kitti", format="kitti", progress=Silent())
    assert done.splits["train"].images == 1
    if path.suffix == ".jpg":
        decoded, size = pixels.decode(str(path), least=(64, 64))
        assert (size, decoded[3, 3].tolist()) == ((SIDE, SIDE), [90] * 3)
    small = decoding.fit(decoding.pixels(path, least=(64, 64)), (64, 64))
    assert small[32, 32].tolist() == pytest.approx([90] * 3, abs=3)


def test_a_header_that_claims_terabytes_is_refused_everywhere(tmp_path: Path) -> None:
    path = bomb(tmp_path / "images/train/a.png", 1_000_000)
    reads = (headers.size, headers.header, headers.decode, decoding.pixels, lambda path: pixels.decode(str(path)))
    for read in reads:
        problem = error_of(DataError, read, path, match="too large")
        assert problem.code == "I209"
        assert "TLTPIPE_MAX_PIXELS=1000000000000" in (problem.hint or "")
    report = examine(data_set(tmp_path, path, 8), progress=Silent())
    assert [found.rule.code for found in report.findings if found.rule.severity == "error"] == ["I209"]


def test_the_variable_sets_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bomb(tmp_path / "a.png", 10_000)
    assert headers.size(path) == (10_000, 10_000)
    monkeypatch.setenv(limits.VARIABLE, str(10_000**2 - 1))
    with pytest.raises(DataError, match="allows 99,999,999 pixels"):
        headers.size(path)
    monkeypatch.setenv(limits.VARIABLE, str(10_000**2))
    assert headers.size(path) == (10_000, 10_000)
    monkeypatch.setenv(limits.VARIABLE, "many")
    with pytest.raises(ConfigError, match="many"):
        headers.size(path)


def test_the_variable_lifts_the_limit_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bomb(tmp_path / "a.png", 1_000_000)
    monkeypatch.setenv(limits.VARIABLE, str(10**12))
    assert headers.size(path) == (1_000_000, 1_000_000)
