"""Names that hold commands for a terminal are shown, escaped, and command nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tltpipe.terminal import harmless

BIN = Path(sys.executable).parent
RED = "\x1b[31m"
SPEC = """\
spatial_config { }
dataset_config { image_path: "image" label_path: "label" }
output_image_width: 64 output_image_height: 48 image_extension: ".jpg"
"""


def test_what_commands_is_escaped_and_all_else_stays() -> None:
    assert harmless("a\x1b]0;x\x07\x9b\u202e\udcff") == r"a\x1b]0;x\x07\u009b\u202e\udcff"
    assert harmless("línea\n\tzwei 👕") == "línea\n\tzwei 👕"


def test_escaped_text_in_json_stays_json() -> None:
    assert json.loads(harmless('"a\x9bb\u202e"')) == "a\x9bb\u202e"


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (80, 60), (9, 90, 9)).save(path)


def test_the_name_of_a_file_in_an_error(tmp_path: Path, tltpipe: Any) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    (tmp_path / f"images/{RED}a.jpg").write_bytes(b"none")
    (tmp_path / f"labels/{RED}a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "data.yaml").write_text("path: .\ntrain: images\nnames: [vest]\n")
    done = tltpipe("convert", tmp_path, tmp_path / "out", "--to", "kitti")
    assert done.returncode == 3
    assert r"\x1b[31ma.jpg" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


@pytest.mark.parametrize("what", ["label", "spec", "folder", "option"])
def test_the_programs_say_it_harmlessly(tmp_path: Path, what: str) -> None:
    picture(tmp_path / "image/a.jpg")
    (tmp_path / "label").mkdir()
    (tmp_path / "label/a.txt").write_text(f"{RED}vest x\n")
    (tmp_path / "augment.conf").write_text(f"{RED}{SPEC}" if what == "spec" else SPEC)
    folder = tmp_path / (f"none{RED}" if what == "folder" else ".")
    words = ["-d", folder, "-a", tmp_path / "augment.conf", "-o", tmp_path / "out"]
    words += [f"--{RED}"] if what == "option" else []
    done = subprocess.run([BIN / "tlt-augment", *words], capture_output=True, text=True)
    assert done.returncode in (2, 3)
    assert r"\x1b" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
