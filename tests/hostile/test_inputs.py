"""What lies in a folder under the name of a file: a pipe, a device, a link to itself. Nobody waits, nothing crashes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import warm
from PIL import Image

from tltpipe import inputs

Make = Callable[[Path], Path]
BOX = "0 0.5 0.5 0.2 0.2\n"
KITTI = "vest 0.00 0 0.00 10 20 60 50 0 0 0 0 0 0 0\n"
PAGE = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "area": 1200}],
    "categories": [{"id": 1, "name": "vest"}],
}
LABELME = {
    "version": "5.0",
    "flags": {},
    "shapes": [{"label": "vest", "points": [[1, 2], [30, 40]], "shape_type": "rectangle", "flags": {}}],
    "imagePath": "a.jpg",
    "imageHeight": 60,
    "imageWidth": 80,
}
BOUNDS = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
VOC = (
    "<annotation><filename>a.jpg</filename><size><width>80</width><height>60</height><depth>3</depth></size>"
    f"<object><name>vest</name>{BOUNDS}</object></annotation>"
)
CVAT = (
    "<annotations><version>1.1</version><meta><task><labels><label><name>vest</name></label></labels></task></meta>"
    '<image id="0" name="a.jpg" width="80" height="60"><box label="vest" xtl="1" ytl="2" xbr="30" ybr="40" '
    'occluded="0" z_order="0"/></image></annotations>'
)
ROWS = "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,80,60,vest,1,2,30,40\n"


def made(root: Path, image: str, name: str, text: str) -> Path:
    """A data set of one image; the path of its annotations."""
    for each in (image, name):
        (root / each).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (80, 60), (9, 90, 9)).save(root / image)
    (root / name).write_text(text)
    return root / name


def yolo(root: Path) -> Path:
    made(root, "images/a.jpg", "labels/a.txt", BOX)
    return made(root, "images/a.jpg", "data.yaml", "path: .\ntrain: images\nnames: [vest]\n")


FORMATS: dict[str, Make] = {
    "coco": lambda root: made(root, "images/a.jpg", "train.json", json.dumps(PAGE)),
    "csv": lambda root: made(root, "images/a.jpg", "train.csv", ROWS),
    "cvat": lambda root: made(root, "images/a.jpg", "annotations.xml", CVAT),
    "kitti": lambda root: made(root, "train/image_2/a.jpg", "train/label_2/a.txt", KITTI),
    "labelme": lambda root: made(root, "a.jpg", "a.json", json.dumps(LABELME)),
    "voc": lambda root: made(root, "JPEGImages/a.jpg", "Annotations/a.xml", VOC),
    "yolo": yolo,
}
KINDS: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
    "link to itself": lambda path: path.symlink_to(path.name),
}


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*warm.command("tltpipe"), *argv], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("format", FORMATS)
def test_these_data_sets_are_sound(tmp_path: Path, format: str) -> None:
    FORMATS[format](tmp_path / "data")
    done = run("convert", tmp_path / "data", tmp_path / "out", "--from", format, "--to", "coco")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", FORMATS)
def test_annotations_that_are_no_file(tmp_path: Path, format: str, kind: str) -> None:
    path = FORMATS[format](tmp_path / "data")
    path.unlink()
    KINDS[kind](path)
    done = run("convert", tmp_path / "data", tmp_path / "out", "--to", "coco")
    assert done.returncode in (2, 3), done.stderr
    assert f"{tmp_path}/data" in done.stderr
    assert "internal error" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", ["coco", "csv"])
def test_an_image_that_is_no_file_is_named(tmp_path: Path, format: str, kind: str) -> None:
    FORMATS[format](tmp_path / "data")
    path = tmp_path / "data/images/a.jpg"
    path.unlink()
    KINDS[kind](path)
    done = run("convert", tmp_path / "data", tmp_path / "out", "--from", format, "--to", "coco")
    assert done.returncode == 3, done.stderr
    assert str(path) in done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    KINDS[kind](tmp_path / "x")
    with pytest.raises(OSError, match=r"not a file|directory|symbolic"):
        inputs.content(tmp_path / "x")
    assert inputs.head(tmp_path / "x") == b""


@pytest.mark.parametrize("length", [0, 1, (1 << 15) - 1, 1 << 15, (1 << 15) + 1, 100_000])
def test_files_of_every_length_are_read_whole(tmp_path: Path, length: int) -> None:
    (tmp_path / "x").write_bytes(content := (b"0123456789" * 10_000)[:length])
    assert inputs.content(tmp_path / "x") == content
    assert inputs.content(tmp_path / "x", 50_000) == content[:50_000]


def test_first_bytes_of_many_files_and_none_of_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"0123")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/null")
    names = ("text", "empty", "folder", "pipe", "device", "missing")
    assert list(inputs.heads(tmp_path, names, 3)) == [b"012", b"", None, None, None, None]
    assert list(inputs.heads(tmp_path / "missing", names[:2], 3)) == [None, None]


def test_a_file_is_read_whole_where_the_system_gives_less_than_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda file, most, place: pread(file, min(most, 3), place))
    (tmp_path / "x").write_bytes(b"some text")
    assert inputs.content(tmp_path / "x") == b"some text"


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    assert inputs.content(tmp_path / "link") == b"text"
    assert inputs.head(tmp_path / "link", 2) == b"te"
